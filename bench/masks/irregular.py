"""Free-form holes: brush strokes, in the manner of Yu et al. 2019 (ICCV), Algorithm 1."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench.masks.redraw import ATTEMPTS, check_range, too_small
from bench.util.seeds import Chance

# A quarter of the sine in 1/1024: headings are integers, so that no platform's sine moves a pixel.
_QUARTER = (0, 200, 392, 569, 724, 851, 946, 1004, 1024)
_TURN = 32
"""Headings in a full turn."""
_TURNS = _TURN // 2 + 1
"""Between two segments a stroke turns by up to a quarter either way."""


SCALE = 800
"""Brushes are measured in this part of the picture's shorter side."""


class Stroke(NamedTuple):
    """One stroke of a brush."""

    radius: int
    points: list[tuple[int, int]]
    """Where it goes, as (x, y)."""
    most: list[int]
    """For each of its segments, never fewer than the pixels that it adds to those of the segments before it."""


@dataclass(frozen=True)
class Brush:
    """How strokes are drawn. Radii and lengths are in 1/800 of the picture's shorter side, both ends included.

    Each stroke has a radius, and each of its segments a length, of its own. Lengths and the number of segments are
    uniform. So are radii, unless `skewed`: then they rise with the cube of a uniform number, so that most strokes are
    thin and a few are blots.
    """

    thinnest: int
    thickest: int
    shortest: int
    longest: int
    least_segments: int
    most_segments: int
    skewed: bool = False

    def stroke(self, chance: Chance, side: int, height: int, width: int) -> Stroke:
        """One stroke on a canvas of `height` x `width`, where the picture's shorter side is `side`.

        It ends where it leaves the canvas.
        """
        word = chance.word
        radius = self._radius(word(), side)
        x, y, heading = word() % width, word() % height, word() % _TURN
        shortest = 1 + side * self.shortest // SCALE
        lengths = 2 + side * self.longest // SCALE - shortest
        # A disk that moves by `length` newly covers at most its width times that. A pixel on every side is more than
        # any rounding, and a stroke's first disk is new as a whole.
        room = 2 * radius + 3
        points, most = [(x, y)], []
        for number in range(self.least_segments + word() % (self.most_segments - self.least_segments + 1)):
            length = shortest + word() % lengths
            across, down = _MOVES[heading]
            x += length * across // 1024
            y += length * down // 1024
            points.append((x, y))
            most.append(room * (length + (3 if number else room)))
            if not (0 <= x < width and 0 <= y < height):
                break
            heading = (heading + word() % _TURNS - _TURN // 4) % _TURN
        return Stroke(radius, points, most)

    def _radius(self, word: int, side: int) -> int:
        thinnest = side * self.thinnest // SCALE
        radii = 1 + side * self.thickest // SCALE - thinnest
        return thinnest + (radii * (word % 1024) ** 3 >> 30 if self.skewed else word % radii)


LONG = Brush(thinnest=20, thickest=50, shortest=50, longest=160, least_segments=4, most_segments=12)
"""Long strokes that run into each other: at 256x256, 13 to 33 pixels wide."""


def _specks(thickest: int, most_segments: int) -> Brush:
    return Brush(14, thickest, shortest=10, longest=100, least_segments=1, most_segments=most_segments, skewed=True)


# The two numbers of each bin were searched for at 256x256. The thickest radius sets the depth of the holes and with it
# how hard they are to fill, the number of segments how many separate holes there are. Targets were figures measured
# on NVIDIA's test masks (Liu et al. 2018) at that size: the number of connected components, Telea's PSNR relative to
# the strokes of `LONG`, and the mean distance to the nearest known pixel in the first and the last bin.
# tests/masks/test_like_nvidia.py has them, and measures what these brushes reach.
SPECKS: dict[tuple[int, int], Brush] = {
    (1, 10): _specks(35, 1),
    (10, 20): _specks(49, 2),
    (20, 30): _specks(67, 2),
    (30, 40): _specks(78, 4),
    (40, 50): _specks(70, 6),
    (50, 60): _specks(104, 10),
}
"""By bin, in per cent: many thin specks where little is missing, blots where much is."""


def clear_border(height: int, width: int) -> int:
    """How many pixels from each edge stay known in a hole with a clear border: 50 of 512, as in NVIDIA's test masks."""
    return max(1, min(height, width) * 25 // 256)


@dataclass(frozen=True)
class Strokes:
    """Strokes of a round `brush` until a share of the picture is missing that was drawn beforehand.

    That share is uniform in `least_percent` ... `most_percent` in whole percents, and every hole lies in this range.
    With `clear` the strokes are painted on the part of the picture inside `clear_border`, by the same brush; the share
    is that of the whole picture all the same.
    """

    least_percent: int = 10
    most_percent: int = 50
    clear: bool = False
    brush: Brush = LONG

    def __post_init__(self) -> None:
        check_range(self.least_percent, self.most_percent)

    def draw(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        """Bool (H,W), True = missing. Raises UserError for a picture too small to have such a hole."""
        pixels = height * width
        border = clear_border(height, width) if self.clear else 0
        tall, wide = height - 2 * border, width - 2 * border
        for _ in range(ATTEMPTS if 100 * tall * wide > self.least_percent * pixels and min(tall, wide) > 0 else 0):
            wanted = max(1, pixels * chance.between(self.least_percent, self.most_percent) // 100)
            if wanted > tall * wide:
                continue
            draw_stroke = partial(self.brush.stroke, chance, min(height, width), tall, wide)
            hole, missing = _paint(draw_stroke, tall, wide, wanted)
            if self.least_percent * pixels <= 100 * missing <= self.most_percent * pixels and missing < pixels:
                return _framed(hole, border) if border else hole
        raise too_small(height, width, "brush strokes", self.least_percent, self.most_percent)


def _framed(hole: NDArray[np.bool_], border: int) -> NDArray[np.bool_]:
    whole = np.zeros((hole.shape[0] + 2 * border, hole.shape[1] + 2 * border), dtype=np.bool_)
    whole[border:-border, border:-border] = hole
    return whole


def _paint(draw_stroke: Callable[[], Stroke], height: int, width: int, wanted: int) -> tuple[NDArray[np.bool_], int]:
    """Strokes, segment by segment, until at least `wanted` pixels are missing; the hole and their number.

    While the segments at hand cannot reach `wanted`, whatever they cover, they are painted together and counted once;
    so the result is the same as with a count after every segment.
    """
    hole = np.zeros((height, width), dtype=np.bool_)
    pen = _pen(hole)
    most = 0
    while True:
        one = draw_stroke()
        first = 0
        for last, more in enumerate(one.most, start=1):
            most += more
            if most >= wanted:
                paint_stroke(pen, one, first, last)
                first, most = last, int(np.count_nonzero(hole))
                if most >= wanted:
                    return hole, most
                if not most:  # else it would go on for ever
                    raise RuntimeError("this version of Pillow paints into a copy of the hole")
        paint_stroke(pen, one, first, len(one.most))


def _pen(hole: NDArray[np.bool_]) -> ImageDraw.ImageDraw:
    """A pen that paints into `hole` itself: a copy of the picture for every count would cost as much as the strokes."""
    height, width = hole.shape
    canvas = Image.frombuffer("L", (width, height), hole, "raw", "L", 0, 1)
    canvas.readonly = 0
    return ImageDraw.Draw(canvas)


def paint_stroke(pen: ImageDraw.ImageDraw, one: Stroke, first: int, last: int) -> None:
    """The segments from number `first` to before `last`: their line, and a disk at each of its points.

    Where `first` is not 0, the segment before it is there already, with a disk at its end.
    """
    if first == last:
        return
    radius = one.radius
    points = one.points[first : last + 1]
    pen.line(points, fill=1, width=2 * radius + 1)
    for x, y in points[1:] if first else points:
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)


def _sine(heading: int) -> int:
    quadrant, step = divmod(heading % _TURN, _TURN // 4)
    value = _QUARTER[8 - step] if quadrant % 2 else _QUARTER[step]
    return -value if quadrant >= 2 else value


_MOVES = tuple((_sine(heading + _TURN // 4), _sine(heading)) for heading in range(_TURN))
"""Across and down for each heading, in 1/1024 of the length."""
