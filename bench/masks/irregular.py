"""Free-form holes: brush strokes, in the manner of Yu et al. 2019 (ICCV), Algorithm 1."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench.util.errors import UserError
from bench.util.seeds import Chance

ATTEMPTS = 1000
"""So many paintings may miss the range before the picture counts as too small for it."""

# A quarter of the sine in 1/1024: headings are integers, so that no platform's sine moves a pixel.
_QUARTER = (0, 200, 392, 569, 724, 851, 946, 1004, 1024)
_TURN = 32
"""Headings in a full turn."""
_TURNS = _TURN // 2 + 1
"""Between two segments a stroke turns by up to a quarter either way."""


def clear_border(height: int, width: int) -> int:
    """How many pixels from each edge stay known in a hole with a clear border: 50 of 512, as in NVIDIA's test masks."""
    return max(1, min(height, width) * 25 // 256)


@dataclass(frozen=True)
class Strokes:
    """Strokes of a round brush until a share of the picture is missing that was drawn beforehand.

    That share is uniform in `least_percent` ... `most_percent` in whole percents, and every hole lies in this range.
    Brush radius, step length and stroke length scale with the picture's shorter side: at 256x256 a brush is 13 to 33
    pixels wide. With `clear` the strokes are painted on the part of the picture inside `clear_border`; the share is
    that of the whole picture all the same. Where over 60 % of what is painted on go missing, the brush is twice as
    wide: a thin one would take long for the last pixels.
    """

    least_percent: int = 10
    most_percent: int = 50
    clear: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.least_percent <= self.most_percent < 100:
            raise ValueError(f"the range must lie within 1 to 99 %, not {self.least_percent} to {self.most_percent} %")

    def draw(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        """Bool (H,W), True = missing. Raises UserError for a picture too small to have such a hole."""
        pixels = height * width
        border = clear_border(height, width) if self.clear else 0
        tall, wide = height - 2 * border, width - 2 * border
        for _ in range(ATTEMPTS if 100 * tall * wide > self.least_percent * pixels and min(tall, wide) > 0 else 0):
            wanted = max(1, pixels * chance.between(self.least_percent, self.most_percent) // 100)
            if wanted > tall * wide:
                continue
            hole, missing = _paint(chance, tall, wide, wanted)
            if self.least_percent * pixels <= 100 * missing <= self.most_percent * pixels and missing < pixels:
                return _framed(hole, border) if border else hole
        raise UserError(
            f"A {height}x{width} picture is too small for brush strokes over {self.least_percent} to"
            f" {self.most_percent} % of it. Use larger pictures."
        )


def _framed(hole: NDArray[np.bool_], border: int) -> NDArray[np.bool_]:
    whole = np.zeros((hole.shape[0] + 2 * border, hole.shape[1] + 2 * border), dtype=np.bool_)
    whole[border:-border, border:-border] = hole
    return whole


class Stroke(NamedTuple):
    """One stroke of the brush."""

    radius: int
    points: list[tuple[int, int]]
    """Where it goes, as (x, y)."""
    most: list[int]
    """For each of its segments, never fewer than the pixels that it adds to those of the segments before it."""


def _paint(chance: Chance, height: int, width: int, wanted: int) -> tuple[NDArray[np.bool_], int]:
    """Strokes, segment by segment, until at least `wanted` pixels are missing; the hole and their number.

    While the segments at hand cannot reach `wanted`, whatever they cover, they are painted together and counted once;
    so the result is the same as with a count after every segment.
    """
    hole = np.zeros((height, width), dtype=np.bool_)
    pen = _pen(hole)
    broad = 2 if 100 * wanted > 60 * height * width else 1
    most = 0
    while True:
        one = stroke(chance, height, width, broad)
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


def stroke(chance: Chance, height: int, width: int, broad: int) -> Stroke:
    """One stroke. It ends where it leaves the picture."""
    word = chance.word
    side = min(height, width)
    thinnest, shortest = side // 40, 1 + side // 16
    radius = broad * (thinnest + word() % (shortest - thinnest))
    x, y, heading = word() % width, word() % height, word() % _TURN
    lengths = 2 + side // 5 - shortest
    # A disk that moves by `length` newly covers at most its width times that. A pixel on every side is more than any
    # rounding, and a stroke's first disk is new as a whole.
    room = 2 * radius + 3
    points, most = [(x, y)], []
    for number in range(4 + word() % 9):
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


def _sine(heading: int) -> int:
    quadrant, step = divmod(heading % _TURN, _TURN // 4)
    value = _QUARTER[8 - step] if quadrant % 2 else _QUARTER[step]
    return -value if quadrant >= 2 else value


_MOVES = tuple((_sine(heading + _TURN // 4), _sine(heading)) for heading in range(_TURN))
"""Across and down for each heading, in 1/1024 of the length."""
