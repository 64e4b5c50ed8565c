"""Peak signal-to-noise ratio."""

import torch
from torch import Tensor

from bench.metrics.each import each


def psnr(truth: Tensor, result: Tensor) -> Tensor:
    """PSNR in dB, float64 (N,), of uint8 (N,3,H,W): 10 log10(255^2 / mean squared error), all channels together.

    Infinite where the images are equal. The squared errors are summed in integers, so nothing is rounded before the
    logarithm.
    """
    return each(_psnr, truth, result)


def _psnr(truth: Tensor, result: Tensor) -> Tensor:
    squares = (truth.int() - result.int()).square().sum(dtype=torch.int64)
    return -10 * torch.log10(squares.double() / (255**2 * truth.numel()))
