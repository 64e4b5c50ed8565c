"""One rectangle of free size at a random place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.masks.rectangle import paint
from bench.util.seeds import Chance


@dataclass(frozen=True)
class FreeRectangle:
    """A rectangle whose height is uniform between two shares of the picture's and, independently, its width likewise.

    With `square`, one side serves as both, in shares of the picture's shorter side.

    The shares are `least_num / least_den` and `most_num / most_den`, rounded down to pixels. The place is uniform among
    those where it lies inside the picture. By default they are 1/8 and 1/2: at 256x256 the sides are 32 to 128 pixels,
    so that 1.6 to 25 % are missing.
    """

    least_num: int = 1
    least_den: int = 8
    most_num: int = 1
    most_den: int = 2
    square: bool = False

    def __post_init__(self) -> None:
        # Integers only: least / den <= most / den, each a proper part of the side.
        ordered = self.least_num * self.most_den <= self.most_num * self.least_den
        if not (self.least_num > 0 and ordered and 0 < self.most_num < self.most_den):
            raise ValueError(
                f"the shares must rise within 0 to 1, not {self.least_num}/{self.least_den} to"
                f" {self.most_num}/{self.most_den}"
            )

    def draw(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        """Bool (H,W), True = missing. Raises UserError for a 1x1 picture."""
        if self.square:
            tall = wide = self._side(chance, min(height, width))
        else:
            tall, wide = self._side(chance, height), self._side(chance, width)
        top, left = chance.between(0, height - tall), chance.between(0, width - wide)
        return paint(height, width, top, left, tall, wide)

    def _side(self, chance: Chance, whole: int) -> int:
        least = max(1, whole * self.least_num // self.least_den)
        return chance.between(least, max(1, whole * self.most_num // self.most_den))
