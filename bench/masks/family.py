"""What a mask family is."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bench.util.seeds import Chance


class Family(Protocol):
    """Draws holes. Integer arithmetic and Pillow drawing only, so that a hole is the same on every platform."""

    def draw(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        """One hole, bool (H,W), True = missing, with at least one missing and one known pixel."""
