"""Single pixels at random."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.util.errors import UserError
from bench.util.seeds import Chance


@dataclass(frozen=True)
class Pixels:
    """`percent` of the pixels, rounded to whole pixels; every choice of so many is equally likely.

    80 % are the random holes of Yeh et al. 2017, CVPR, section 4.
    """

    percent: int

    def __post_init__(self) -> None:
        if not 0 < self.percent < 100:
            raise ValueError(f"the share must lie within 1 to 99 %, not {self.percent} %")

    def draw(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        """Bool (H,W), True = missing. Raises UserError for a 1x1 picture."""
        pixels = height * width
        if pixels < 2:
            raise UserError(f"A {height}x{width} picture is too small for this hole. Use larger pictures.")
        missing = min(pixels - 1, max(1, (pixels * self.percent + 50) // 100))
        hole = np.zeros(pixels, dtype=np.bool_)
        # The order of random numbers is a random order; a stable sort leaves no choice to the library.
        numbers = np.frombuffer(chance.noise(8 * pixels), dtype=">u8")
        hole[np.argsort(numbers, kind="stable")[:missing]] = True
        return hole.reshape(height, width)
