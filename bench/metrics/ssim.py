"""Structural similarity under its many definitions: windows, paddings, gray, and slips of the range."""

from torch import Tensor

from bench.metrics.sums import Pair, ssim_sums

SIDE = 11
"""Pixels of the Gaussian window's side."""

_CHANNELS = {"ssim": 11, "ssim_u7": 7, "ssim_u11": 11}
_MIXED = {"ssim_y": 11, "ssim_gray7": 7, "ssim_gray51": 51, "ssim_zits": 7}
"""The sides of windows that are taken where they fit whole."""
_PADDED = ("ssim_zero", "ssim_full", "ssim_lbam")


def ssim(truth: Tensor, result: Tensor) -> Tensor:
    """Mean SSIM, float64 (N,), of uint8 (N,3,H,W) with sides of at least 11: Wang et al. 2004, Eq. (13).

    Gaussian window 11x11 with sigma 1.5, only where it lies inside the image; population covariance; K1 = 0.01,
    K2 = 0.03; range 255; mean over places and channels.
    """
    height, width = truth.shape[-2:]
    return ssim_sums(truth, result) / (3 * _places(height, width, SIDE))


def columns(pair: Pair) -> dict[str, Tensor]:
    """The SSIMs whose windows fit into the picture, float64 (N,) each."""
    height, width = pair.height, pair.width
    places = {name: 3 * _places(height, width, side) for name, side in _CHANNELS.items()}
    places |= {name: _places(height, width, side) for name, side in _MIXED.items()}
    places |= dict.fromkeys(_PADDED, 3 * pair.pixels if min(height, width) >= SIDE else 0)
    places["ssim_u11_center"] = 3 * _places(height // 2, width // 2, SIDE)
    return {name: pair.windows[name] / count for name, count in places.items() if count}


def of_uniform_windows(pair: Pair) -> dict[str, Tensor]:
    """`ssim_u7` and `ssim_u11` alone."""
    return {name: values for name, values in columns(pair).items() if name in ("ssim_u7", "ssim_u11")}


def _places(height: int, width: int, side: int) -> int:
    """Places where a window lies inside; 0 where it fits nowhere."""
    return max(0, height - side + 1) * max(0, width - side + 1)
