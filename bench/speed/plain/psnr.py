"""Peak signal-to-noise ratio: all channels together, gray, and the Y of BT.601."""

import torch
from torch import Tensor

from bench.speed.plain.each import each
from bench.speed.plain.pair import GRAY, LUMA, Pair, mean, middle


def psnr(truth: Tensor, result: Tensor) -> Tensor:
    """PSNR in dB, float64 (N,), of uint8 (N,3,H,W): 10 log10(255^2 / mean squared error), all channels together.

    Infinite where the images are equal. The squared errors are whole numbers and summed exactly, so nothing is rounded
    before the logarithm.
    """
    return each(lambda x, y: decibels(_squares(x, y) / x.numel()), truth, result)


def columns(pair: Pair) -> dict[str, Tensor]:
    """`mse` and the PSNRs of the composite, float64 (N,) each."""
    products = pair.products
    mse = products.diagonal(dim1=-2, dim2=-1).mean(-1)
    found = {"mse": mse, "psnr": decibels(mse)}
    # The error of a weighted sum of channels follows from the channels' products: w' (D D') w.
    for name, weights in (("psnr_gray", GRAY), ("psnr_y", LUMA)):
        weight = products.new_tensor(weights)
        found[name] = decibels((products @ weight @ weight).clamp_min(0))
    if min(pair.truth.shape[-2:]) >= 2:
        found["psnr_center"] = decibels(mean(middle(pair.difference).square()))
    return found


def decibels(mse: Tensor) -> Tensor:
    """10 log10(255^2 / mse)."""
    return -10 * torch.log10(mse / 255**2)


def _squares(truth: Tensor, result: Tensor) -> Tensor:
    # Whole numbers under 2^24 are exact in float32, and their sum in float64.
    return (truth.float() - result.float()).square_().sum(dtype=torch.float64)
