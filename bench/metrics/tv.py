"""Total variation, as the evaluation script of Pluralistic (Zheng et al. 2019) has it."""

import torch
from torch import Tensor

from bench.metrics.each import each


def tv(image: Tensor) -> Tensor:
    """Mean over pixels and channels of sqrt(gx^2 + gy^2) in grey levels, float64 (N,), of uint8 (N,3,H,W).

    gx and gy are forward differences; the last column's neighbour is the first one, and so for rows. The root is of an
    exact integer.
    """
    return each(_tv, image)


def _tv(image: Tensor) -> Tensor:
    levels = image.int()
    across = torch.roll(levels, -1, dims=-1) - levels
    down = torch.roll(levels, -1, dims=-2) - levels
    return (across.square() + down.square()).double().sqrt().mean()
