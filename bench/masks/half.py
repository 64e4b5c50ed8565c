"""One half of the picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.masks.rectangle import paint
from bench.util.seeds import Chance


@dataclass(frozen=True)
class Half:
    """The left, right, upper or lower half, all equally likely: Yeh et al. 2017, CVPR, section 4.

    Of an odd side, the smaller part is missing.
    """

    def draw(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        """Bool (H,W), True = missing. Raises UserError for a picture that is one pixel high or wide where that side
        would be halved."""
        way = chance.below(4)
        tall, wide = (height, max(1, width // 2)) if way < 2 else (max(1, height // 2), width)
        return paint(height, width, height - tall if way == 3 else 0, width - wide if way == 1 else 0, tall, wide)
