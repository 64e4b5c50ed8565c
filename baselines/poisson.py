"""Poisson blending: in the hole the guide's gradients, on its rim the known pixels (Perez et al. 2003, Eq. (3))."""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import SuperLU, splu
from torch import Tensor

from bench.util.errors import UserError


def blend(image: Tensor, hole: Tensor, guide: Tensor) -> Tensor:
    """`image` with its hole filled by `guide`, whose gradients are kept and whose level follows the rim.

    All in [0,1]: image and guide (N,3,H,W), hole bool (N,1,H,W), True = missing. Solved exactly in float64 on the CPU,
    clipped to [0,1]. Raises UserError for an image that is all hole: no rim, no level.
    """
    pictures = [
        _blend(*(x.permute(1, 2, 0).cpu().numpy() for x in one)) for one in zip(image, hole, guide, strict=True)
    ]
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).to(image).contiguous()


def _blend(picture: NDArray[np.float32], hole: NDArray[np.bool_], guide: NDArray[np.float32]) -> NDArray[np.floating]:
    gap = hole[..., 0]
    if not gap.any():
        return picture
    if gap.all():
        raise UserError(f"Blending needs known pixels; this {gap.shape[0]}x{gap.shape[1]} picture is all hole.")
    # What is to be solved for is the difference from the guide: it has no sources of its own.
    difference = picture.astype(np.float64) - guide
    blended = np.clip(guide[gap] + harmonic(difference, gap), 0.0, 1.0)
    filled = picture.copy()
    filled[gap] = blended
    return filled


def harmonic(picture: NDArray[np.floating], hole: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The missing pixels (count,C) of a picture (H,W,C): each the mean of those of its 4 neighbours that there are.

    The case of a guide without gradients. `hole` is bool (H,W) with some pixels True, some not; known pixels only are
    looked at. Solved exactly in float64.
    """
    coupling, factors = _factors(hole.tobytes(), *hole.shape)
    solved: NDArray[np.float64] = factors.solve(coupling @ picture.astype(np.float64)[~hole])
    return solved


# A batch often has one hole for all, and a mask set's too: factoring it costs ten times what solving does.
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
