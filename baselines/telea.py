"""Telea's fast marching, from OpenCV."""

import cv2

from baselines._opencv import OpenCV
from bench.methods.base import Inpainter, Method


class Telea(Method):
    """Telea fill: fast marching from the rim inwards, radius 3 (Telea 2004; OpenCV)."""

    floor = True

    def inpainter(self) -> Inpainter:
        return OpenCV(cv2.INPAINT_TELEA)


METHOD = Telea
