"""OpenCV's two classical fills. They work on bytes."""

import cv2
import numpy as np
from numpy.typing import NDArray

from baselines._classical import Classical

RADIUS = 3
"""Pixels around a missing one that take part."""


class OpenCV(Classical):
    """`cv2.inpaint` on the picture rounded to uint8.

    At the picture's border it reads pixels that are missing: up to 55 grey levels of what lies there come through.
    `Classical` has put zeros there.
    """

    def __init__(self, algorithm: int) -> None:
        self.algorithm = algorithm

    def fill(self, picture: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.floating]:
        levels = np.rint(picture * 255).astype(np.uint8)
        return cv2.inpaint(levels, hole.astype(np.uint8), RADIUS, self.algorithm).astype(np.float64) / 255
