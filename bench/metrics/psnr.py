"""Peak signal-to-noise ratio: all channels together, gray, and the Y of BT.601."""

import torch
from torch import Tensor

from bench.metrics.sums import Pair

GRAY = (0.2125, 0.7154, 0.0721)
"""Weights of red, green and blue in scikit-image's `rgb2gray`."""
LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)
"""Weights in the Y of BT.601 with 16...235, as MATLAB's `rgb2ycbcr`."""


def psnr(truth: Tensor, result: Tensor) -> Tensor:
    """PSNR in dB, float64 (N,), of uint8 (N,3,H,W): 10 log10(255^2 / mean squared error), all channels together.

    Infinite where the images are equal. The squared errors are whole numbers and summed exactly, so nothing is rounded
    before the logarithm.
    """
    squares = [_squares(*images) / images[0].numel() for images in zip(truth, result, strict=True)]
    return decibels(torch.stack(squares)) if squares else torch.zeros(0, dtype=torch.float64)


def columns(pair: Pair) -> dict[str, Tensor]:
    """`mse` and the PSNRs of the composite, float64 (N,) each."""
    found = {"mse": pair.mse, "psnr": decibels(pair.mse)}
    # The error of a weighted sum of channels follows from the channels' products: w' (D D') w.
    for name, weights in (("psnr_gray", GRAY), ("psnr_y", LUMA)):
        weight = pair.products.new_tensor(weights)
        found[name] = decibels((pair.products * torch.outer(weight, weight)).sum((1, 2)).clamp_min(0))
    if min(pair.height, pair.width) >= 2:
        found["psnr_center"] = decibels(pair.center_squares)
    return found


def decibels(mse: Tensor) -> Tensor:
    """10 log10(255^2 / mse)."""
    return -10 * torch.log10(mse / 255**2)


def _squares(truth: Tensor, result: Tensor) -> Tensor:
    # Whole numbers under 2^24 are exact in float32, and their sum in float64.
    return (truth.float() - result.float()).square_().sum(dtype=torch.float64)
