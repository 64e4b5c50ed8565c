"""Shapes as signed distances, and a canvas that paints them with edges one pixel wide.

A shape is float64 (H,W): the distance of each pixel's centre to the edge, negative inside. Distances of ellipses and
curves are first-order (exact at the edge, which is all that smoothing needs). Everything is float64 until the canvas
is rounded to bytes, so that last bits, which differ by platform, do not move a byte.
"""

from dataclasses import dataclass
from math import cos, sin

import numpy as np
from numpy.typing import NDArray

from bench.data.portrait_traits import Colour

Shape = NDArray[np.float64]


@dataclass(frozen=True)
class Frame:
    """Coordinates of the pixels' centres; x to the right, y down, the picture spans [-1,1]."""

    x: Shape
    y: Shape
    pixel: float
    """Side of a pixel in these coordinates."""

    @classmethod
    def of(cls, side: int, first_row: int = 0, rows: int | None = None) -> "Frame":
        """The frame of a picture of `side` x `side` pixels, or of some of its rows."""
        line = (2 * np.arange(side, dtype=np.float64) + 1) / side - 1
        x, y = np.meshgrid(line, line[first_row : side if rows is None else first_row + rows])
        return cls(x, y, 2 / side)

    def moved(self, x: float, y: float, scale: float = 1.0, tilt: float = 0.0) -> "Frame":
        """Coordinates whose origin lies at (x, y), `scale` times as large, turned by `tilt` radians."""
        right, down = (self.x - x) / scale, (self.y - y) / scale
        turned_x = cos(tilt) * right + sin(tilt) * down
        return Frame(turned_x, cos(tilt) * down - sin(tilt) * right, self.pixel / scale)

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
        along = np.clip(((self.x - x1) * dx + (self.y - y1) * dy) / (dx * dx + dy * dy), 0, 1)
        return np.hypot(self.x - x1 - along * dx, self.y - y1 - along * dy) - radius

    def arc(self, x: float, y: float, half: float, sag: float, radius: float, slant: float = 0.0) -> Shape:
        """A stroke along a parabola of half width `half`, its middle `sag` below its ends; thinner to the ends."""
        u = np.clip((self.x - x) / half, -1, 1)
        slope = (slant - 2 * sag * u) / half
        across = (self.y - y - sag * (1 - u * u) - slant * u) / np.sqrt(1 + slope * slope)
        beyond = np.maximum(np.abs(self.x - x) - half, 0)
        return np.hypot(across, beyond) - radius * (1 - 0.6 * u * u)


def join(first: Shape, second: Shape, roundness: float) -> Shape:
    """The union of both, its inner corners filled."""
    share = np.clip(0.5 + 0.5 * (second - first) / roundness, 0, 1)
    return second + share * (first - second) - roundness * share * (1 - share)


class Canvas:
    """float64 (3,H,W) in [0,1], painted from the back to the front."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.pixels = np.zeros((3, *frame.x.shape))

    def paint(
        self, shape: Shape, pixel: float, colour: Colour | Shape, strength: float = 1.0, soft: float = 0.0
    ) -> None:
        """Lay `colour` (one, or (3,H,W)) over the shape; the edge is `pixel` + `soft` wide."""
        if shape.min() >= (pixel + soft) / 2:
            return
        cover = np.clip(0.5 - shape / (pixel + soft), 0, 1)
        if soft:
            cover = cover * cover * (3 - 2 * cover)
        flat = colour if isinstance(colour, np.ndarray) else np.reshape(colour, (3, 1, 1))
        self.pixels += strength * cover * (flat - self.pixels)

    def bytes(self) -> NDArray[np.uint8]:
        """uint8 (H,W,3)."""
        rounded = np.rint(np.clip(self.pixels, 0, 1) * 255).astype(np.uint8)
        return np.ascontiguousarray(rounded.transpose(1, 2, 0))
