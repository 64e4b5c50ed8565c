"""Holes of a few simple shapes: rectangles, ellipses and lines."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench.masks.redraw import check_range, redrawn
from bench.util.seeds import Chance


@dataclass(frozen=True)
class Shapes:
    """One to `most_shapes` shapes, each a rectangle, an ellipse or a line by lot, that may overlap.

    Rectangles and ellipses have sides of 1/8 to 1/2 of the picture's, apart from each other, and lie inside it. A line
    joins two points of the picture and is 1/32 to 1/8 of the shorter side wide. A drawing with less than
    `least_percent` or more than `most_percent` missing is drawn anew.
    """

    least_percent: int = 5
    most_percent: int = 40
    most_shapes: int = 5

    def __post_init__(self) -> None:
        check_range(self.least_percent, self.most_percent)
        if self.most_shapes < 1:
            raise ValueError(f"there must be at least 1 shape, not {self.most_shapes}")

    def draw(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        """Bool (H,W), True = missing. Raises UserError for a picture too small to have such a hole."""
        draw = partial(self._drawn, chance, height, width)
        return redrawn(draw, height, width, "shapes", self.least_percent, self.most_percent)

    def _drawn(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        canvas = Image.new("L", (width, height))
        pen = ImageDraw.Draw(canvas)
        for _ in range(chance.between(1, self.most_shapes)):
            _paint(pen, chance, height, width)
        hole: NDArray[np.bool_] = np.asarray(canvas) != 0
        return hole


def _paint(pen: ImageDraw.ImageDraw, chance: Chance, height: int, width: int) -> None:
    kind = chance.below(3)
    if kind == 2:
        side = min(height, width)
        ends = [(chance.below(width), chance.below(height)) for _ in range(2)]
        pen.line(ends, fill=1, width=chance.between(max(1, side // 32), max(1, side // 8)))
        return
    tall = chance.between(max(1, height // 8), max(1, height // 2))
    wide = chance.between(max(1, width // 8), max(1, width // 2))
    top, left = chance.between(0, height - tall), chance.between(0, width - wide)
    shape = pen.rectangle if kind == 0 else pen.ellipse
    shape((left, top, left + wide - 1, top + tall - 1), fill=1)
