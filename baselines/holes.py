"""Training holes by name, for methods that are trained beside others."""

from typing import Literal

from bench.masks.center import Center
from bench.masks.family import Family
from bench.masks.irregular import Strokes
from bench.masks.mixed import MIXED
from bench.masks.random import RandomRectangle

HolesName = Literal["mixed", "center", "rectangle", "irregular"]
HOLES: dict[str, Family] = {
    "mixed": MIXED,
    "center": Center(),
    "rectangle": RandomRectangle(),
    "irregular": Strokes(),
}
"""`mixed` draws one of the other three by lot; `rectangle` is CA's."""
HOLES_TEXT = "training holes: the centre square, CA's rectangle, irregular strokes, or mixed: one of these by lot"
