"""The box in the middle."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.masks.rectangle import paint
from bench.util.seeds import Chance


@dataclass(frozen=True)
class Center:
    """A centred box whose sides are `fraction_num / fraction_den` of the picture's, rounded down.

    With one half it is the quarter to three-quarter box of the center-hole protocols: 128x128 of 256x256.
    """

    fraction_num: int = 1
    fraction_den: int = 2

    def __post_init__(self) -> None:
        if not 0 < self.fraction_num < self.fraction_den:
            raise ValueError(f"the box must be a proper part of the side, not {self.fraction_num}/{self.fraction_den}")

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the box in a picture of this size."""
        tall, wide = (max(1, side * self.fraction_num // self.fraction_den) for side in (height, width))
        return tall, wide

    def draw(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        """Bool (H,W), True = missing; the same for every `chance`. Raises UserError for a 1x1 picture."""
        tall, wide = self.size(height, width)
        return paint(height, width, (height - tall) // 2, (width - wide) // 2, tall, wide)
