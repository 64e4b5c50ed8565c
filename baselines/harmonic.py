"""The harmonic fill: the smoothest surface through the hole's rim, as of a soap film."""

import numpy as np
from numpy.typing import NDArray

from baselines._classical import Classical
from baselines.poisson import harmonic
from bench.methods.base import Inpainter, Method


class LaplaceSolver(Classical):
    """Each missing pixel is the mean of those of its 4 neighbours that the picture has, solved exactly in float64."""

    def fill(self, picture: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.floating]:
        filled = picture.astype(np.float64)
        filled[hole] = harmonic(picture, hole)
        return filled


class Harmonic(Method):
    """Harmonic fill: Laplace's equation in the hole, solved exactly (Perez et al. 2003, Eq. (2))."""

    floor = True

    def inpainter(self) -> Inpainter:
        return LaplaceSolver()


METHOD = Harmonic
