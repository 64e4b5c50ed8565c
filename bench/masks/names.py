"""What `--masks` takes: the name of a drawn mask set, or a folder of masks. Imports nothing but the standard
library."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from bench.util.errors import UserError, nearest

BINS = ((1, 10), (10, 20), (20, 30), (30, 40), (40, 50), (50, 60))
"""Shares of missing pixels in per cent, as the six groups of NVIDIA's test masks (Liu et al. 2018, ECCV)."""
BIN_NAMES = tuple(f"{least}_{most}" for least, most in BINS)
CLEAR = "_clear"
"""Ends the name of a mask set whose holes keep away from the border."""
DRAWN = (
    "center",
    "random",
    "random_free",
    "sizes",
    "shapes",
    "half",
    "pixels_80",
    "pattern",
    "irregular",
    *(f"irregular_{name}{end}" for end in ("", CLEAR) for name in BIN_NAMES),
)
"""The mask sets that need no file."""

POLARITIES = ("white", "black")
LARGE = "large"
FOLDERS = {
    "nvidia": [*BIN_NAMES, *(name + CLEAR for name in BIN_NAMES)],
    "qd-imd": [],
    "masks": [*POLARITIES, LARGE],
}
"""Kinds of mask folders, each with the words that may follow its path."""


class MaskPlace(NamedTuple):
    """A folder of masks, as `KIND=PATH[:WORD...]` names it."""

    kind: str
    path: Path
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        """The mask set's name, good for a file name. The folder's own name is in it where the kind does not say
        enough."""
        if self.kind == "masks":
            return f"masks-{re.sub(r'[^A-Za-z0-9.-]+', '_', self.path.absolute().name)}"
        return "_".join([self.kind, *self.words])


def mask_place(spec: str) -> MaskPlace | None:
    """The folder that a mask set names, or None for a drawn mask set. Raises UserError for neither; looks at no
    file."""
    kind, equals, rest = spec.partition("=")
    if spec in DRAWN:
        return None
    if kind not in FOLDERS or not equals or not rest:
        known = [*DRAWN, *(f"{name}=PATH" for name in FOLDERS)]
        raise UserError(f"There is no mask set '{spec}'.{nearest(spec, known)}")
    words: list[str] = []
    while (end := rest.rpartition(":"))[2] in FOLDERS[kind] and end[0]:
        words.insert(0, end[2])
        rest = end[0]
    if kind == "masks" and len(set(words) & set(POLARITIES)) != 1:
        raise UserError(f"--masks {spec}: give the hole's colour: masks={rest}:white or masks={rest}:black.")
    if kind == "nvidia" and len(words) > 1:
        raise UserError(f"--masks {spec}: give one bin; repeat --masks for more.")
    return MaskPlace(kind, Path(rest).expanduser(), tuple(words))


def mask_set_name(spec: str) -> str:
    """The name under which a mask set's scores are kept: `nvidia=PATH:10_20` is `nvidia_10_20`."""
    place = mask_place(spec)
    return spec if place is None else place.name


def mask_set_names() -> list[str]:
    """The names that folders of masks can have, but for `masks-FOLDER`, whose name is its own."""
    kinds = [kind for kind in FOLDERS if kind != "masks"]
    return [name for kind in kinds for name in (kind, *(f"{kind}_{word}" for word in FOLDERS[kind]))]


def check_mask_sets(specs: Sequence[str]) -> Sequence[str]:
    """The mask sets as given. Raises UserError where a mask set is unknown, or two would bear one name."""
    named: dict[str, str] = {}
    for spec in specs:
        other = named.setdefault(mask_set_name(spec), spec)
        if other is not spec:
            raise UserError(
                f"--masks {other} and --masks {spec} would both be called '{mask_set_name(spec)}'. Drop one."
            )
    return specs
