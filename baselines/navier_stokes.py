"""Lines of equal brightness carried on like the streamlines of a fluid, from OpenCV."""

import cv2

from baselines._opencv import OpenCV
from bench.methods.base import Inpainter, Method


class NavierStokes(Method):
    """Navier-Stokes fill: isophotes carried into the hole, radius 3 (Bertalmio et al. 2001; OpenCV)."""

    floor = True

    def inpainter(self) -> Inpainter:
        return OpenCV(cv2.INPAINT_NS)


METHOD = NavierStokes
