"""Mask sets: frozen holes. hole = f(mask set, image id), the same for every method, in any order and on every
platform."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.masks.center import Center
from bench.masks.family import Family
from bench.masks.folder import Mask, MaskFolder, hole_of, open_folder, used
from bench.masks.half import Half
from bench.masks.irregular import SPECKS, Strokes
from bench.masks.mixed import THREE_KINDS
from bench.masks.names import BIN_NAMES, BINS, CLEAR, mask_place
from bench.masks.pattern import Pattern
from bench.masks.pixels import Pixels
from bench.masks.random import RandomRectangle
from bench.masks.random_free import FreeRectangle
from bench.util.files import sha256
from bench.util.seeds import Chance

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class MaskSet:
    """A family of holes under a name. `version` goes up when any of its holes changes."""

    name: str
    version: int
    family: Family
    note: str = ""
    """What whoever reads scores on it must know."""

    def hole(self, image_id: str, height: int, width: int) -> NDArray[np.bool_]:
        """The hole of one image, bool (H,W), True = missing."""
        chance = Chance("suite", self.name, self.version, image_id, height, width)
        return self.family.draw(chance, height, width)

    def holes(self, image_ids: Iterable[str], height: int, width: int) -> "Tensor":
        """The holes of several images, torch bool (N,1,H,W)."""
        import torch

        holes = [self.hole(name, height, width) for name in image_ids]
        return torch.from_numpy(np.stack(holes))[:, None] if holes else torch.zeros(0, 1, height, width).bool()

    def manifest(self, image_ids: Iterable[str], height: int, width: int) -> dict[str, Any]:
        """What a record keeps of the mask set over these images.

        `sha256` is over the holes' bits, each packed row by row (`numpy.packbits`), in the order of the sorted ids.
        `hole_share` counts the holes by their share of the picture: 0 to under 10 %, ... 90 to 100 %. `mean_share` is
        the mean of these shares, in [0,1]; None where there is no hole. `note` is there where the mask set has one.
        """
        packed, shares, total = [], [0] * 10, 0
        for name in sorted(image_ids):
            hole = self.hole(name, height, width)
            packed.append(np.packbits(hole).tobytes())
            missing = int(np.count_nonzero(hole))
            shares[min(9, 10 * missing // hole.size)] += 1
            total += missing
        found = {
            "name": self.name,
            "version": self.version,
            "height": height,
            "width": width,
            "count": len(packed),
            "sha256": sha256(*packed),
            "hole_share": shares,
            "mean_share": total / (len(packed) * height * width) if packed else None,
        }
        return found | ({"note": self.note} if self.note else {})

    def fingerprint(self, image_ids: Iterable[str], height: int, width: int) -> str:
        """The manifest's `sha256`."""
        return str(self.manifest(image_ids, height, width)["sha256"])


@dataclass(frozen=True)
class FileMaskSet(MaskSet):
    """The masks of a folder. Which of them an image gets depends on its id alone, not on the size."""

    family: MaskFolder

    def mask(self, image_id: str) -> Mask:
        """The mask file of one image."""
        return self.family.choose(Chance("suite", self.name, self.version, image_id))

    def hole(self, image_id: str, height: int, width: int) -> NDArray[np.bool_]:
        """The image's mask, resized by nearest neighbour. Raises UserError for a file that cannot be used."""
        return hole_of(self.mask(image_id), height, width)

    def manifest(self, image_ids: Iterable[str], height: int, width: int) -> dict[str, Any]:
        """As `MaskSet.manifest`; `files` says which files were used, and `sha256` is over their bytes too."""
        ids = sorted(image_ids)
        found = super().manifest(ids, height, width)
        files = used(self.mask(name) for name in ids)
        return found | {
            "sha256": of_files(found["sha256"], files["sha256"]),
            "files": files | {"in_folder": len(self.family.masks)},
        }


def of_files(bits: str, files: str | None) -> str:
    """A manifest's `sha256` from that of the holes' bits and that of the mask files, None for a drawn mask set."""
    return bits if files is None else sha256(bits.encode(), files.encode())


NOT_NVIDIA = "These are not NVIDIA's files, and scores on them are not comparable with scores on those."
NOTES = {
    "": "Drawn like NVIDIA's test masks (Liu et al. 2018): matched to figures measured on them in share, connected"
    f" components, depth and Telea's PSNR. {NOT_NVIDIA}",
    CLEAR: "Drawn by the brushes that are matched to NVIDIA's test masks (Liu et al. 2018), inside a border as clear as"
    f" theirs; not matched themselves. {NOT_NVIDIA}",
}
"""By the end of a binned mask set's name."""


def _binned(end: str) -> list[MaskSet]:
    return [
        MaskSet(f"irregular_{name}{end}", 2, Strokes(*ends, clear=end == CLEAR, brush=SPECKS[ends]), NOTES[end])
        for name, ends in zip(BIN_NAMES, BINS, strict=True)
    ]


MASK_SETS: dict[str, MaskSet] = {
    mask_set.name: mask_set
    for mask_set in (
        MaskSet("center", 1, Center()),
        MaskSet("random", 1, RandomRectangle()),
        MaskSet("irregular", 1, Strokes()),
        MaskSet("random_free", 1, FreeRectangle()),
        MaskSet("sizes", 1, FreeRectangle(square=True)),
        MaskSet("shapes", 1, THREE_KINDS),
        MaskSet("half", 1, Half()),
        MaskSet("pixels_80", 1, Pixels(80)),
        MaskSet("pattern", 1, Pattern()),
        *_binned(""),
        *_binned(CLEAR),
    )
}
"""The drawn mask sets. `irregular_10_20` misses 10 to 20 %; with `_clear` its strokes keep away from the border."""


@lru_cache(maxsize=64)
def mask_set(spec: str) -> MaskSet:
    """The mask set of this name, or of the mask folder that `spec` names (`nvidia=PATH`, ...; see
    bench/masks/names.py).

    Raises UserError for an unknown name and for a folder that is not what it should be.
    """
    place = mask_place(spec)
    return MASK_SETS[spec] if place is None else FileMaskSet(place.name, 1, open_folder(place))
