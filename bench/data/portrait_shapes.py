"""Shapes as signed distances, and frames that paint them with edges one pixel wide.

A shape is float64 (H,W): the distance of each pixel's centre to the edge, negative inside. Distances of ellipses and
curves are first-order (exact at the edge, which is all that smoothing needs). Everything is float64 until the picture
is rounded to bytes, so that last bits, which differ by platform, do not move a byte.
"""

from dataclasses import dataclass
from math import ceil, cos, floor, sin

import numpy as np
from numpy.typing import NDArray

from bench.data.portrait_traits import Colour

Shape = NDArray[np.float64]
MARGIN = 1.5
"""Pixels. A shape's edge reaches half a pixel out: three times as far along an ellipse three times as long as high."""


@dataclass(frozen=True)
class Frame:
    """Pixels to paint, and the coordinates of their centres: x to the right, y down, the picture spans [-1,1]."""

    x: Shape
    y: Shape
    pixels: NDArray[np.float64]
    """(3,h,w) in [0,1], painted from the back to the front; a view of the whole picture's."""
    pixel: float
    """Side of a pixel in these coordinates."""
    first: tuple[int, int] = (0, 0)
    """Row and column of the first pixel, counted from where the frame began that this is a part of."""
    axes: tuple[float, float] = (1.0, 0.0)
    """Cosine and sine of the angle by which the coordinates are turned."""

    @classmethod
    def of(cls, side: int, first_row: int = 0, rows: int | None = None) -> "Frame":
        """The frame of a black picture of `side` x `side` pixels, or of some of its rows."""
        line = (2 * np.arange(side, dtype=np.float64) + 1) / side - 1
        x, y = np.meshgrid(line, line[first_row : side if rows is None else first_row + rows])
        return cls(x, y, np.zeros((3, *x.shape)), 2 / side)

    def moved(self, x: float, y: float, scale: float = 1.0, tilt: float = 0.0) -> "Frame":
        """Coordinates whose origin lies at (x, y), `scale` times as large, turned by `tilt` radians."""
        right, down = (self.x - x) / scale, (self.y - y) / scale
        turned_x = cos(tilt) * right + sin(tilt) * down
        turned_y = cos(tilt) * down - sin(tilt) * right
        return Frame(turned_x, turned_y, self.pixels, self.pixel / scale, self.first, (cos(tilt), sin(tilt)))

    def near(self, x: float, y: float, rx: float, ry: float) -> "Frame":
        """The part around the box of half sides `rx`, `ry` at (x, y), with `MARGIN` pixels more on each side.

        What is painted there costs no work elsewhere. Nothing is seen of a shape outside of the part, so it must hold
        all of the shape; its pixels come out the same, bit for bit, whatever the part.
        """
        if not self.x.size:
            return self
        along, across = self.axes
        dx, dy = float(x - self.x[0, 0]), float(y - self.y[0, 0])
        wide, high = abs(along) * rx + abs(across) * ry, abs(along) * ry + abs(across) * rx
        columns = _span(along * dx - across * dy, wide, self.pixel, self.x.shape[1])
        rows = _span(along * dy + across * dx, high, self.pixel, self.x.shape[0])
        pixels, first = self.pixels[:, rows, columns], (self.first[0] + rows.start, self.first[1] + columns.start)
        return Frame(self.x[rows, columns], self.y[rows, columns], pixels, self.pixel, first, self.axes)

    def part(self, shape: Shape, whole: "Frame") -> Shape:
        """Of a shape that was measured in `whole`, the part that lies in this frame, itself a part of it."""
        row, column = (own - other for own, other in zip(self.first, whole.first, strict=True))
        return shape[row : row + self.x.shape[0], column : column + self.x.shape[1]]

    def paint(self, shape: Shape, colour: Colour | Shape, strength: float = 1.0, soft: float = 0.0) -> None:
        """Lay `colour` (one, or (3,h,w)) over the shape; the edge is a pixel + `soft` wide."""
        edge = self.pixel + soft
        if not shape.size or np.minimum.reduce(shape, axis=None) >= edge / 2:
            return
        cover = _clipped(0.5 - shape / edge)
        if soft:
            cover = cover * cover * (3 - 2 * cover)
        cover *= strength
        for plane, level in zip(self.pixels, colour, strict=True):
            plane += cover * (level - plane)

    def ellipse(self, x: float, y: float, rx: float, ry: float) -> Shape:
        u, v = (self.x - x) / rx, (self.y - y) / ry
        radius = np.hypot(u, v)
        slope = np.hypot(u / rx, v / ry)
        distance: Shape = radius * (radius - 1) / np.maximum(slope, 1e-9)
        return distance

    def box(self, x: float, y: float, rx: float, ry: float, corner: float = 0.0) -> Shape:
        """A rectangle of half sides `rx`, `ry` with rounded corners."""
        u, v = np.abs(self.x - x) - rx + corner, np.abs(self.y - y) - ry + corner
        return np.hypot(np.maximum(u, 0), np.maximum(v, 0)) + np.minimum(np.maximum(u, v), 0) - corner

    def line(self, x1: float, y1: float, x2: float, y2: float, radius: float) -> Shape:
        """A straight stroke with round ends."""
        dx, dy = x2 - x1, y2 - y1
        along = _clipped(((self.x - x1) * dx + (self.y - y1) * dy) / (dx * dx + dy * dy))
        return np.hypot(self.x - x1 - along * dx, self.y - y1 - along * dy) - radius

    def arc(self, x: float, y: float, half: float, sag: float, radius: float, slant: float = 0.0) -> Shape:
        """A stroke along a parabola of half width `half`, its middle `sag` below its ends; thinner to the ends."""
        u = _clipped((self.x - x) / half, -1)
        slope = (slant - 2 * sag * u) / half
        across = (self.y - y - sag * (1 - u * u) - slant * u) / np.sqrt(1 + slope * slope)
        beyond = np.maximum(np.abs(self.x - x) - half, 0)
        return np.hypot(across, beyond) - radius * (1 - 0.6 * u * u)


def join(first: Shape, second: Shape, roundness: float) -> Shape:
    """The union of both, its inner corners filled."""
    share = _clipped(0.5 + 0.5 * (second - first) / roundness)
    return second + share * (first - second) - roundness * share * (1 - share)


def _span(centre: float, half: float, pixel: float, count: int) -> slice:
    """Of `count` pixels in a line those within `half` of `centre`, which is counted from the first one's centre."""
    first, last = (centre - half) / pixel - MARGIN, (centre + half) / pixel + MARGIN
    start = min(max(floor(first), 0), count)
    return slice(start, min(max(ceil(last) + 1, start), count))


def _clipped(values: Shape, low: float = 0.0) -> Shape:
    """`values` in place to [low,1]; np.clip's overhead is felt with shapes of a few pixels."""
    return np.minimum(np.maximum(values, low, out=values), 1, out=values)
