"""The harmonic fill: the smoothest surface through the hole's rim, as of a soap film."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu

from baselines._classical import Classical
from bench.inpainter import Inpainter, Method


class LaplaceSolver(Classical):
    """Each missing pixel is the mean of those of its 4 neighbours that the picture has, solved exactly in float64."""

    def fill(self, picture: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.floating]:
        coupling, factors = _factors(hole.tobytes(), *hole.shape)
        filled = picture.astype(np.float64)
        filled[hole] = factors.solve(coupling @ filled[~hole])
        return filled


# A batch often has one hole for all, and a suite's too: factoring it costs ten times what solving does.
@lru_cache(maxsize=4)
def _factors(packed_hole: bytes, height: int, width: int) -> tuple[sparse.csr_array, SuperLU]:
    """The weights of known pixels on missing ones, and the factored Laplacian among the missing ones."""
    hole = np.frombuffer(packed_hole, dtype=np.bool_)
    # The Laplacian of a grid is the Kronecker sum of those of a row and of a column of pixels.
    laplacian = sparse.csr_array(sparse.kronsum(_path(width), _path(height)))[hole]
    among = sparse.csc_array(laplacian[:, hole])
    # The matrix is symmetric and diagonally dominant: no pivoting is needed, and the fill-in stays small.
    factors = splu(among, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return -laplacian[:, ~hole], factors


def _path(length: int) -> sparse.dia_array:
    """The Laplacian of a line of pixels: an end has one neighbour, so nothing flows across the picture's border."""
    neighbours = np.full(length, 2.0)
    neighbours[0] -= 1
    neighbours[-1] -= 1
    return sparse.diags_array(
        [-np.ones(length), neighbours, -np.ones(length)], offsets=[-1, 0, 1], shape=(length, length)
    )


class Harmonic(Method):
    """Harmonic fill: Laplace's equation in the hole, solved exactly (Perez et al. 2003, Eq. (2))."""

    floor = True

    def inpainter(self) -> Inpainter:
        return LaplaceSolver()


METHOD = Harmonic
