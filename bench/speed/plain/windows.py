"""Windows that slide over maps: weighted sums of neighbours, only where the window lies inside the map.

Shifted sums, not convolutions: the same bits for any batch, on any number of threads, and nothing that a graphics
card could round to fewer bits.
"""

import math

from torch import Tensor

SIDE = 11
"""Pixels of the Gaussian window's side."""
_SIGMA = 1.5
_BELL = [math.exp(-0.5 * ((place - SIDE // 2) / _SIGMA) ** 2) for place in range(SIDE)]
GAUSSIAN = [value / math.fsum(_BELL) for value in _BELL]


def gaussian(maps: Tensor) -> Tensor:
    """(...,H,W) to (...,H-10,W-10): the mean under the Gaussian window, 11 x 11, sigma 1.5."""
    for dim in (-2, -1):
        length = maps.shape[dim] - SIDE + 1
        blurred = maps.narrow(dim, SIDE // 2, length) * GAUSSIAN[SIDE // 2]
        for place in range(SIDE // 2):
            for side in (place, SIDE - 1 - place):
                blurred.add_(maps.narrow(dim, side, length), alpha=GAUSSIAN[place])
        maps = blurred
    return maps


def uniform(maps: Tensor, side: int) -> Tensor:
    """(...,H,W) to (...,H-side+1,W-side+1): the mean under a square window."""
    for dim in (-2, -1):
        maps = _sums(maps, side, dim)
    return maps.mul_(1 / side**2)


def _sums(maps: Tensor, side: int, dim: int) -> Tensor:
    # Sums of 2, 4, 8, ... neighbours, put together as the binary digits of `side` say. Sums of whole numbers under 2^24
    # stay exact in float32: all those of squares under windows of 7 and 11 do.
    length = maps.shape[dim] - side + 1
    total: Tensor | None = None
    run, width, start = maps, 1, 0
    while start < side:
        if side & width:
            piece = run.narrow(dim, start, length)
            total = piece.clone() if total is None else total.add_(piece)
            start += width
        if start < side:
            count = run.shape[dim] - width
            run = run.narrow(dim, 0, count) + run.narrow(dim, width, count)
            width *= 2
    assert total is not None
    return total
