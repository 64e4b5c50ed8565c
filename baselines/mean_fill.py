"""The mean of what is known: the lowest floor."""

import numpy as np
from numpy.typing import NDArray

from baselines._classical import Classical
from bench.methods.base import Inpainter, Method


class MeanColour(Classical):
    """One colour for the whole hole."""

    def fill(self, picture: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.floating]:
        return np.where(hole[..., None], picture[~hole].mean(axis=0, dtype=np.float64), picture)


class MeanFill(Method):
    """Mean fill: the mean colour of the image's known pixels."""

    floor = True

    def inpainter(self) -> Inpainter:
        return MeanColour()


METHOD = MeanFill
