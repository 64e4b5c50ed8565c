"""One rectangle of free size at a random place."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.masks.rectangle import paint
from bench.seeds import Chance


@dataclass(frozen=True)
class FreeRectangle:
    """A rectangle whose height is uniform in 1/8 ... 1/2 of the picture's and, independently, its width likewise.

    Its place is uniform among those where it lies inside the picture. At 256x256 the sides are 32 to 128 pixels, so
    that 1.6 to 25 % are missing.
    """

    def draw(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        """Bool (H,W), True = missing. Raises UserError for a 1x1 picture."""
        tall = chance.between(max(1, height // 8), max(1, height // 2))
        wide = chance.between(max(1, width // 8), max(1, width // 2))
        top, left = chance.between(0, height - tall), chance.between(0, width - wide)
        return paint(height, width, top, left, tall, wide)
