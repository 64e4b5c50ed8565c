"""Patches copied from the known part, where edges run into the hole first.

No library that does this could be a dependency. OpenCV's patch fill (xphoto) is only in its contrib build, which cannot
be installed beside opencv-python-headless, and crashes on small pictures (opencv_contrib, issue 3275). scikit-image has
none. The package exemplar-based-inpainting is a pre-alpha that needs opencv-python, mkdocs and flake8 to run.
"""

from typing import Any

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.color import rgb2lab

from baselines._classical import Classical
from bench.methods.base import Inpainter, Method

Plane = NDArray[np.float32]
Flags = NDArray[np.bool_]

LARGEST = 9
LEVELS = 2
"""Colours are compared in whole halves of CIE Lab's unit. The squared difference of two patches is then an integer
under 2**24 that float32 holds exactly, and the best match does not depend on the order of summation."""
FLAT = 1e-3
"""Added to the data term, which is zero where nothing is drawn: there, confidence alone decides."""
SOBEL = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=np.float32)
ACROSS_DOWN = np.stack([SOBEL.ravel(), SOBEL.T.ravel()], axis=1)


def patch_side(height: int, width: int) -> int:
    """The side of the patches, in pixels: 9 from 256x256 on, the default of the paper (section III).

    The paper wants patches slightly larger than the largest texture element. A smaller picture of the same scene has
    smaller elements: the side shrinks with the picture's, to 3 at least.
    """
    return min(LARGEST, max(3, 2 * (LARGEST * min(height, width) // 512) + 1))


class PatchCopy(Classical):
    """Where no patch of 3x3 is known, there is nothing to match: the nearest known pixel is copied instead."""

    def fill(self, picture: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.floating]:
        for side in range(patch_side(*hole.shape), 1, -2):
            canvas = _Canvas(picture, hole, side)
            if canvas.sources.any():
                while canvas.missing.any():
                    canvas.fill_most_urgent()
                return canvas.picture()
        nearest = distance_transform_edt(hole, return_distances=False, return_indices=True)
        copied: NDArray[np.floating] = picture[tuple(nearest)]
        return copied


class _Canvas:
    """The picture as it is filled, in a frame that is neither known nor missing."""

    def __init__(self, picture: NDArray[np.float32], hole: NDArray[np.bool_], side: int) -> None:
        self.side, self.half = side, side // 2
        self.frame = self.half + 2
        around = (self.frame, self.frame)
        self.missing: Flags = np.pad(hole, around)
        self.known: Flags = np.pad(~hole, around)
        self.confidence: Plane = self.known.astype(np.float32)
        self.colour: Plane = np.pad(picture, (around, around, (0, 0)))
        self.lab: Plane = np.rint(LEVELS * rgb2lab(self.colour)).astype(np.float32) * self.known[..., None]
        self.sources: Flags = cv2.erode(self.known.astype(np.uint8), np.ones((side, side), np.uint8)) > 0
        self.barred = np.where(self.sources, 0, np.inf).astype(np.float32)
        # What patches are compared with never changes: only pixels of the given picture are copied.
        self.given: list[Plane] = [np.square(self.lab).sum(axis=2), *np.moveaxis(self.lab, 2, 0).copy()]
        self.across, self.down, self.strength = np.zeros((3, *self.known.shape), np.float32)
        self.find_gradients(1, self.known.shape[0] - 1, 1, self.known.shape[1] - 1)

    def picture(self) -> Plane:
        return self.colour[self.frame : -self.frame, self.frame : -self.frame]

    def window(self, y: int, x: int) -> tuple[slice, slice]:
        return slice(y - self.half, y + self.half + 1), slice(x - self.half, x + self.half + 1)

    def fill_most_urgent(self) -> None:
        """One patch of the rim gets what it lacks, and its confidence."""
        y, x, confidence = self.most_urgent()
        target, source = self.window(y, x), self.window(*self.best_match(y, x))
        gap = self.missing[target]
        for layer in (self.colour, self.lab):
            layer[target][gap] = layer[source][gap]
        self.confidence[target][gap] = confidence
        self.known[target] |= gap
        self.missing[target] = False
        self.find_gradients(y - self.half - 1, y + self.half + 2, x - self.half - 1, x + self.half + 2)

    def most_urgent(self) -> tuple[int, int, float]:
        """The pixel of the rim whose patch has the highest priority, Eq. (1), and that patch's confidence."""
        grown = cv2.dilate(self.known.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
        y, x = np.nonzero(self.missing & (grown > 0))
        confidence = _around(self.confidence, y, x, self.side).mean(axis=1)
        first = int((confidence * (self.data(y, x) + FLAT)).argmax())
        return int(y[first]), int(x[first]), float(confidence[first])

    def data(self, y: NDArray[np.intp], x: NDArray[np.intp]) -> Plane:
        """How strongly an edge runs into the hole at these pixels of the rim, in [0,1].

        The isophote is that of the strongest gradient among the patch's known pixels.
        """
        strongest = _around(self.strength, y, x, self.side).argmax(axis=1)
        at = y - self.half + strongest // self.side, x - self.half + strongest % self.side
        normal = _around(self.known, y, x, 3) @ ACROSS_DOWN
        length = np.maximum(np.hypot(*normal.T), 1)
        crossing: Plane = self.across[at] * normal[:, 1] - self.down[at] * normal[:, 0]
        share: Plane = np.abs(crossing) / (100 * LEVELS * length)
        return share

    def find_gradients(self, top: int, bottom: int, left: int, right: int) -> None:
        """Gradients of the lightness in this part; zero where one of the four neighbours is not known."""

        def moved(layer: NDArray[Any], down: int, across: int) -> NDArray[Any]:
            return layer[top + down : bottom + down, left + across : right + across]

        light, known = self.lab[..., 0], self.known
        inner = moved(known, 0, 0) & moved(known, 1, 0) & moved(known, -1, 0) & moved(known, 0, 1) & moved(known, 0, -1)
        across = (moved(light, 0, 1) - moved(light, 0, -1)) / 2 * inner
        down = (moved(light, 1, 0) - moved(light, -1, 0)) / 2 * inner
        for layer, new in ((self.across, across), (self.down, down), (self.strength, across**2 + down**2)):
            moved(layer, 0, 0)[...] = new

    def best_match(self, y: int, x: int) -> tuple[int, int]:
        """Centre of the known patch with the least squared difference where the patch at (y, x) is known.

        Of equally good ones, as in flat parts, the nearest; the paper leaves that open.
        """
        seen = self.known[self.window(y, x)].astype(np.float32)
        wanted = self.lab[self.window(y, x)] * -2
        difference = self.barred.copy()
        for layer, kernel in zip(self.given, [seen, *np.moveaxis(wanted, 2, 0)], strict=True):
            difference += cv2.filter2D(layer, cv2.CV_32F, np.ascontiguousarray(kernel))
        rows, columns = np.nonzero(difference == difference.min())
        nearest = int(((rows - y) ** 2 + (columns - x) ** 2).argmin())
        return int(rows[nearest]), int(columns[nearest])


def _around(layer: NDArray[Any], y: NDArray[np.intp], x: NDArray[np.intp], side: int) -> NDArray[Any]:
    """The patches around these pixels, one in each row."""
    half = side // 2
    return sliding_window_view(layer, (side, side))[y - half, x - half].reshape(len(y), -1)


class Criminisi(Method):
    """Exemplar fill: best-matching known patches, edges first (Criminisi et al. 2004)."""

    floor = True

    def inpainter(self) -> Inpainter:
        return PatchCopy()


METHOD = Criminisi
