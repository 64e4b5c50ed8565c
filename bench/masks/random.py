"""One rectangle at a random place: the training holes of Yu et al. 2018, CVPR."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.masks.rectangle import paint
from bench.util.seeds import Chance


class Box(NamedTuple):
    """A square inside the picture, in pixels."""

    top: int
    left: int
    side: int


@dataclass(frozen=True)
class RandomRectangle:
    """A square box at a uniform place, then trimmed alike left and right, and alike above and below.

    The box's side is `fraction_num / fraction_den` of the picture's shorter side, and each trim is uniform in
    0 ... `trim_num / trim_den` of it, both rounded down. By default 256x256 has a 128x128 box and holes with even
    sides of 96 to 128: 3/8 to 1/2 of the side, at any size.
    """

    fraction_num: int = 1
    fraction_den: int = 2
    trim_num: int = 1
    trim_den: int = 16

    def __post_init__(self) -> None:
        if not 0 < self.fraction_num <= self.fraction_den:
            raise ValueError(f"the box must be a part of the side, not {self.fraction_num}/{self.fraction_den}")
        if self.trim_den < 1 or not 0 <= 2 * self.trim_num * self.fraction_den < self.fraction_num * self.trim_den:
            raise ValueError(f"trimming {self.trim_num}/{self.trim_den} off both sides leaves nothing of the box")

    def box(self, chance: Chance, height: int, width: int) -> Box:
        """The box before it is trimmed. `draw` with an equal `chance` puts its hole into the middle of this box."""
        side = self._side(height, width)
        return Box(chance.between(0, height - side), chance.between(0, width - side), side)

    def sides(self, height: int, width: int) -> tuple[int, int]:
        """The least and the largest side of a hole in a picture of this size."""
        side = self._side(height, width)
        return side - 2 * self._most_trim(height, width), side

    def draw(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        """Bool (H,W), True = missing. Raises UserError for a picture of a single pixel."""
        top, left, side = self.box(chance, height, width)
        most = self._most_trim(height, width)
        down, across = chance.between(0, most), chance.between(0, most)
        return paint(height, width, top + down, left + across, side - 2 * down, side - 2 * across)

    def _most_trim(self, height: int, width: int) -> int:
        return min(min(height, width) * self.trim_num // self.trim_den, (self._side(height, width) - 1) // 2)

    def _side(self, height: int, width: int) -> int:
        return max(1, min(height, width) * self.fraction_num // self.fraction_den)
