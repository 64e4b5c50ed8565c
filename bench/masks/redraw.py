"""Drawing a hole anew until the share that it takes of the picture lies within a range."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bench.util.errors import UserError

ATTEMPTS = 1000
"""So many drawings may miss the range before the picture counts as too small for it."""


def check_range(least_percent: int, most_percent: int) -> None:
    """Raise ValueError for a range that no hole can meet."""
    if not 0 < least_percent <= most_percent < 100:
        raise ValueError(f"the range must lie within 1 to 99 %, not {least_percent} to {most_percent} %")


def too_small(height: int, width: int, what: str, least_percent: int, most_percent: int) -> UserError:
    """What a picture is told in which no drawing of `what` met the range."""
    return UserError(
        f"A {height}x{width} picture is too small for {what} over {least_percent} to {most_percent} % of it."
        " Use larger pictures."
    )


def redrawn(
    draw: Callable[[], NDArray[np.bool_]], height: int, width: int, what: str, least_percent: int, most_percent: int
) -> NDArray[np.bool_]:
    """The first hole (H,W) of `draw` with a share in the range. Raises UserError after ATTEMPTS of them."""
    for _ in range(ATTEMPTS if height * width > 1 else 0):
        hole = draw()
        if least_percent * hole.size <= 100 * int(np.count_nonzero(hole)) <= most_percent * hole.size:
            return hole
    raise too_small(height, width, what, least_percent, most_percent)
