"""Structural similarity with the Gaussian window."""

import math

import torch
from torch import Tensor

from bench.metrics.each import each

SIDE = 11
"""Pixels of the window's side; smaller images have no SSIM."""
_SIGMA = 1.5
_RANGE = 255
_C1 = (0.01 * _RANGE) ** 2
_C2 = (0.03 * _RANGE) ** 2
_BELL = [math.exp(-0.5 * ((place - SIDE // 2) / _SIGMA) ** 2) for place in range(SIDE)]
_WINDOW = [value / math.fsum(_BELL) for value in _BELL]


def ssim(truth: Tensor, result: Tensor) -> Tensor:
    """Mean SSIM, float64 (N,), of uint8 (N,3,H,W) with sides of at least 11: Wang et al. 2004, Eq. (13).

    Gaussian window 11x11 with sigma 1.5, only where it lies inside the image; population covariance; K1 = 0.01,
    K2 = 0.03; range 255; mean over places and channels.
    """
    planes = each(_ssim, truth.flatten(0, 1), result.flatten(0, 1))
    return planes.view(truth.shape[:2]).mean(dim=1)


def _ssim(truth: Tensor, result: Tensor) -> Tensor:
    # With s = x + y and d = x - y four blurred maps are enough, where x, y, x^2, y^2 and xy would need five:
    # 2 mu_x mu_y = (mu_s^2 - mu_d^2) / 2 and mu_x^2 + mu_y^2 = (mu_s^2 + mu_d^2) / 2, and so for the variances.
    x, y = truth.double(), result.double()
    maps = torch.stack([x + y, x - y])
    mean_s, mean_d = means = _blur(maps)
    variance_s, variance_d = _blur(maps.square()) - means.square()
    luminance = (mean_s**2 - mean_d**2 + 2 * _C1) / (mean_s**2 + mean_d**2 + 2 * _C1)
    contrast_and_structure = (variance_s - variance_d + 2 * _C2) / (variance_s + variance_d + 2 * _C2)
    index: Tensor = (luminance * contrast_and_structure).mean()
    return index


def _blur(maps: Tensor) -> Tensor:
    # Shifted sums: in float64 they are many times faster than a convolution, which has no fast kernel for it.
    for dim in (-2, -1):
        length = maps.shape[dim] - SIDE + 1
        blurred = maps.narrow(dim, SIDE // 2, length) * _WINDOW[SIDE // 2]
        for place in range(SIDE // 2):
            pair = maps.narrow(dim, place, length) + maps.narrow(dim, SIDE - 1 - place, length)
            blurred.add_(pair, alpha=_WINDOW[place])
        maps = blurred
    return maps
