"""Free-form holes: brush strokes, in the manner of Yu et al. 2019 (ICCV), Algorithm 1."""

from dataclasses import dataclass
from typing import NamedTuple

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
                return np.pad(hole, border) if border else hole
        raise UserError(
            f"A {height}x{width} picture is too small for brush strokes over {self.least_percent} to"
            f" {self.most_percent} % of it. Use larger pictures."
        )


class Segment(NamedTuple):
    """One move of the brush; points are (x, y)."""

    start: tuple[int, int]
    end: tuple[int, int]
    radius: int
    most: int
    """Never fewer than the pixels that it adds to those of the segment before it."""


def _paint(chance: Chance, height: int, width: int, wanted: int) -> tuple[NDArray[np.bool_], int]:
    """Strokes, segment by segment, until at least `wanted` pixels are missing; the hole and their number.

    Counting costs more than painting. While the segments at hand cannot reach `wanted`, whatever they cover, they are
    painted together and counted once; so the result is the same as with a count after every segment.
    """
    canvas = Image.new("L", (width, height))
    pen = ImageDraw.Draw(canvas)
    broad = 2 if 100 * wanted > 60 * height * width else 1
    missing, most = 0, 0
    while True:
        waiting: list[Segment] = []
        for segment in stroke(chance, height, width, broad):
            waiting.append(segment)
            most += segment.most
            if missing + most >= wanted:
                paint_stroke(pen, waiting)
                # The pixels are 0 and 1, so that their bytes are a bool array as they stand.
                hole = np.frombuffer(canvas.tobytes(), dtype=np.bool_)
                missing, most, waiting = int(np.count_nonzero(hole)), 0, []
                if missing >= wanted:
                    return hole.reshape(height, width).copy(), missing
        paint_stroke(pen, waiting)


def paint_stroke(pen: ImageDraw.ImageDraw, segments: list[Segment]) -> None:
    """Consecutive segments of one stroke: its line, and a disk at each of its points."""
    if not segments:
        return
    radius = segments[0].radius
    points = [segments[0].start, *[segment.end for segment in segments]]
    pen.line(points, fill=1, width=2 * radius + 1)
    for x, y in points:
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)


def stroke(chance: Chance, height: int, width: int, broad: int) -> list[Segment]:
    """The segments of one stroke. It ends where it leaves the picture."""
    side = min(height, width)
    radius = broad * chance.between(side // 40, side // 16)
    x, y = chance.below(width), chance.below(height)
    heading = chance.below(_TURN)
    shortest, longest, turn = 1 + side // 16, 1 + side // 5, _TURN // 4
    # A disk that moves by `length` newly covers at most its width times that. Two pixels on every side are more than
    # any rounding, and a stroke's first disk is new as a whole.
    room = 2 * radius + 5
    segments: list[Segment] = []
    for _ in range(chance.between(4, 12)):
        length = chance.between(shortest, longest)
        start = (x, y)
        x += length * _SINES[(heading + turn) % _TURN] // 1024
        y += length * _SINES[heading % _TURN] // 1024
        segments.append(Segment(start, (x, y), radius, room * (length + (4 if segments else room))))
        if not (0 <= x < width and 0 <= y < height):
            break
        heading += chance.between(-turn, turn)
    return segments


def _sine(heading: int) -> int:
    quadrant, step = divmod(heading % _TURN, _TURN // 4)
    value = _QUARTER[8 - step] if quadrant % 2 else _QUARTER[step]
    return -value if quadrant >= 2 else value


_SINES = tuple(_sine(heading) for heading in range(_TURN))
