"""Holes of several families by lot: for trainings that must serve holes of every kind."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.masks.center import Center
from bench.masks.family import Family
from bench.masks.irregular import Strokes
from bench.masks.random import RandomRectangle
from bench.masks.random_free import FreeRectangle
from bench.masks.shapes import Shapes
from bench.util.seeds import Chance


@dataclass(frozen=True)
class ByLot:
    """Each hole from one of several families, all equally likely."""

    families: tuple[Family, ...]

    def draw(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        """Bool (H,W), True = missing."""
        return self.families[chance.below(len(self.families))].draw(chance, height, width)


MIXED = ByLot((Center(), RandomRectangle(), Strokes()))
"""The centre square, a rectangle, or brush strokes."""
GLCIC_RECTANGLE = FreeRectangle(3, 10, 3, 5)
"""Sides of 48 to 96 pixels at 160, apart from each other."""
THREE_KINDS = ByLot((Center(), GLCIC_RECTANGLE, Shapes()))
"""The centre square, a rectangle, or a few shapes."""
