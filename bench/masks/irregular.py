"""Free-form holes: brush strokes, in the manner of Yu et al. 2019 (ICCV), Algorithm 1."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench.errors import UserError
from bench.seeds import Chance

ATTEMPTS = 1000
"""So many paintings may miss the range before the picture counts as too small for it."""

# A quarter of the sine in 1/1024: headings are integers, so that no platform's sine moves a pixel.
_QUARTER = (0, 200, 392, 569, 724, 851, 946, 1004, 1024)
_TURN = 32
"""Headings in a full turn."""


@dataclass(frozen=True)
class Strokes:
    """Strokes of a round brush until a share of the picture is missing that was drawn beforehand.

    That share is uniform in `least_percent` ... `most_percent` in whole percents, and every hole lies in this range.
    Brush radius, step length and stroke length scale with the picture's shorter side: at 256x256 a brush is 13 to 33
    pixels wide.
    """

    least_percent: int = 10
    most_percent: int = 50

    def __post_init__(self) -> None:
        if not 0 < self.least_percent <= self.most_percent < 100:
            raise ValueError(f"the range must lie within 1 to 99 %, not {self.least_percent} to {self.most_percent} %")

    def draw(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        """Bool (H,W), True = missing. Raises UserError for a picture too small to have such a hole."""
        pixels = height * width
        for _ in range(ATTEMPTS):
            wanted = chance.between(self.least_percent, self.most_percent)
            hole = _paint(chance, height, width, max(1, pixels * wanted // 100))
            missing = int(np.count_nonzero(hole))
            if self.least_percent * pixels <= 100 * missing <= self.most_percent * pixels and missing < pixels:
                return hole
        raise UserError(
            f"A {height}x{width} picture is too small for brush strokes over {self.least_percent} to"
            f" {self.most_percent} % of it. Use larger pictures."
        )


def _paint(chance: Chance, height: int, width: int, wanted: int) -> NDArray[np.bool_]:
    """Strokes until at least `wanted` pixels are missing."""
    canvas = Image.new("L", (width, height))
    pen = ImageDraw.Draw(canvas)
    while True:
        for start, end, radius in _stroke(chance, height, width):
            pen.line([start, end], fill=1, width=2 * radius + 1)
            for x, y in (start, end):
                pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=1)
            hole = np.asarray(canvas, dtype=np.bool_)
            if np.count_nonzero(hole) >= wanted:
                return hole


Point = tuple[int, int]


def _stroke(chance: Chance, height: int, width: int) -> list[tuple[Point, Point, int]]:
    """Segments (start, end, brush radius) of one stroke, points as (x, y). It ends where it leaves the picture."""
    side = min(height, width)
    radius = chance.between(side // 40, side // 16)
    x, y = chance.below(width), chance.below(height)
    heading = chance.below(_TURN)
    segments = []
    for _ in range(chance.between(4, 12)):
        length = chance.between(1 + side // 16, 1 + side // 5)
        start = (x, y)
        x += length * _sine(heading + _TURN // 4) // 1024
        y += length * _sine(heading) // 1024
        segments.append((start, (x, y), radius))
        if not (0 <= x < width and 0 <= y < height):
            break
        heading += chance.between(-_TURN // 4, _TURN // 4)
    return segments


def _sine(heading: int) -> int:
    quadrant, step = divmod(heading % _TURN, _TURN // 4)
    value = _QUARTER[8 - step] if quadrant % 2 else _QUARTER[step]
    return -value if quadrant >= 2 else value
