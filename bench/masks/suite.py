"""Suites: frozen holes. hole = f(suite, image id), the same for every method, in any order and on every platform."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError, nearest
from bench.files import sha256
from bench.masks.center import Center
from bench.masks.family import Family
from bench.masks.irregular import Strokes
from bench.masks.random import RandomRectangle
from bench.seeds import Chance

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Suite:
    """A family of holes under a name. `version` goes up when any of its holes changes."""

    name: str
    version: int
    family: Family

    def hole(self, image_id: str, height: int, width: int) -> NDArray[np.bool_]:
        """The hole of one image, bool (H,W), True = missing."""
        chance = Chance("suite", self.name, self.version, image_id, height, width)
        return self.family.draw(chance, height, width)

    def holes(self, image_ids: Iterable[str], height: int, width: int) -> "Tensor":
        """The holes of several images, torch bool (N,1,H,W)."""
        import torch

        holes = [torch.from_numpy(self.hole(name, height, width)) for name in image_ids]
        return torch.stack(holes)[:, None] if holes else torch.zeros(0, 1, height, width, dtype=torch.bool)

    def manifest(self, image_ids: Iterable[str], height: int, width: int) -> dict[str, Any]:
        """What a record keeps of the suite over these images.

        `sha256` is over the holes' bits, each packed row by row (`numpy.packbits`), in the order of the sorted ids.
        `hole_share` counts the holes by their share of the picture: 0 to under 10 %, ... 90 to 100 %.
        """
        packed, shares = [], [0] * 10
        for name in sorted(image_ids):
            hole = self.hole(name, height, width)
            packed.append(np.packbits(hole).tobytes())
            shares[min(9, 10 * int(np.count_nonzero(hole)) // hole.size)] += 1
        return {
            "name": self.name,
            "version": self.version,
            "height": height,
            "width": width,
            "count": len(packed),
            "sha256": sha256(*packed),
            "hole_share": shares,
        }

    def fingerprint(self, image_ids: Iterable[str], height: int, width: int) -> str:
        """The manifest's `sha256`."""
        return str(self.manifest(image_ids, height, width)["sha256"])


SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (
        Suite("center", 1, Center()),
        Suite("random", 1, RandomRectangle()),
        Suite("irregular", 1, Strokes()),
    )
}


def suite(name: str) -> Suite:
    """The suite of this name. Raises UserError for an unknown one."""
    if name not in SUITES:
        raise UserError(f"There is no suite '{name}'.{nearest(name, list(SUITES))}")
    return SUITES[name]
