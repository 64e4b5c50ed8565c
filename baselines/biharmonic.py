"""The biharmonic fill: as of a thin plate; it continues slopes, and overshoots."""

import numpy as np
from numpy.typing import NDArray
from skimage.restoration import inpaint_biharmonic

from baselines._classical import Classical
from bench.methods.base import Inpainter, Method


class ThinPlate(Classical):
    """scikit-image's solver."""

    def fill(self, picture: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.floating]:
        filled: NDArray[np.floating] = inpaint_biharmonic(picture.astype(float), hole, channel_axis=-1)
        return filled


class Biharmonic(Method):
    """Biharmonic fill: the biharmonic equation in the hole (Damelin & Hoang 2018; scikit-image)."""

    floor = True

    def inpainter(self) -> Inpainter:
        return ThinPlate()


METHOD = Biharmonic
