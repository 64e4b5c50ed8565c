"""Structural similarity under its many definitions: windows, paddings, gray, and slips of the range."""

from torch import Tensor

from bench.metrics.sums import Pair, windows

SIDE = 11
"""Pixels of the Gaussian window's side."""

_PADDED = ("ssim_zero", "ssim_full", "ssim_lbam")
_INSIDE = {"ssim": 11, "ssim_u7": 7, "ssim_u11": 11}
_MIXED = {"ssim_y": 11, "ssim_gray7": 7, "ssim_gray51": 51, "ssim_zits": 7}
_CENTER = "ssim_u11_center"
_ORDER = ("ssim", *_PADDED, "ssim_y", "ssim_u7", "ssim_u11", _CENTER, "ssim_gray7", "ssim_gray51", "ssim_zits")
"""As `kernels.window_sums` has them."""


def ssim(truth: Tensor, result: Tensor) -> Tensor:
    """Mean SSIM, float64 (N,), of uint8 (N,3,H,W) with sides of at least 11: Wang et al. 2004, Eq. (13).

    Gaussian window 11x11 with sigma 1.5, only where it lies inside the image; population covariance; K1 = 0.01,
    K2 = 0.03; range 255; mean over places and channels.
    """
    height, width = truth.shape[-2:]
    return windows(truth, result)[:, _ORDER.index("ssim")] / (3 * _places(height, width, SIDE))


def columns(pair: Pair) -> dict[str, Tensor]:
    """The SSIMs whose windows fit into the picture, float64 (N,) each."""
    height, width = pair.height, pair.width
    places = {name: 3 * _places(height, width, side) for name, side in _INSIDE.items()}
    places |= {name: _places(height, width, side) for name, side in _MIXED.items()}
    places |= dict.fromkeys(_PADDED, 3 * pair.pixels if min(height, width) >= SIDE else 0)
    places[_CENTER] = 3 * _places(height // 2, width // 2, SIDE)
    return {name: pair.windows[:, place] / places[name] for place, name in enumerate(_ORDER) if places[name]}


def of_uniform_windows(pair: Pair) -> dict[str, Tensor]:
    """`ssim_u7` and `ssim_u11` alone."""
    return {name: values for name, values in columns(pair).items() if name in ("ssim_u7", "ssim_u11")}


def _places(height: int, width: int, side: int) -> int:
    """Places where a window lies inside; 0 where it fits nowhere."""
    return max(0, height - side + 1) * max(0, width - side + 1)
