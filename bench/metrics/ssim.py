"""Structural similarity under its many definitions: windows, paddings, gray, and slips of the range."""

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.metrics.pair import Pair
from bench.metrics.windows import SIDE, gaussian, uniform

_PLANE_PIXELS = 1 << 16
"""Pixels that are filtered at once: four maps of them stay in a processor's cache."""
_K1, _K2 = 0.01, 0.03
_EDGE = SIDE // 2

Planes = tuple[Tensor, Tensor]
"""Truth, and result minus truth: float32 (P,H,W)."""


def ssim(truth: Tensor, result: Tensor) -> Tensor:
    """Mean SSIM, float64 (N,), of uint8 (N,3,H,W) with sides of at least 11: Wang et al. 2004, Eq. (13).

    Gaussian window 11x11 with sigma 1.5, only where it lies inside the image; population covariance; K1 = 0.01,
    K2 = 0.03; range 255; mean over places and channels.
    """
    pair = [planes.flatten(0, 1).float() for planes in (truth, result)]
    sums = [_inside(part) for part in _parts((pair[0], pair[1] - pair[0]))]
    return _means(sums, _places(truth, SIDE), truth)


def columns(pair: Pair) -> dict[str, Tensor]:
    """Every SSIM of conventions.py whose window fits into the picture, float64 (N,) each."""
    side = min(pair.truth.shape[-2:])
    found: dict[str, Tensor] = {}
    if side >= 7:
        found |= _of_windows(pair, [size for size in (7, 11) if side >= size], gauss=side >= SIDE)
        found |= _of_gray(pair, [size for size in (7, 51) if side >= size])
    if side >= SIDE:
        sums = [_inside(part) for part in _parts(pair.luma)]
        found["ssim_y"] = torch.cat(sums) / _places(pair.truth, SIDE)
    return found


def _of_windows(pair: Pair, sides: list[int], gauss: bool) -> dict[str, Tensor]:
    planes = pair.truth.flatten(0, 1), pair.difference.flatten(0, 1)
    sums: dict[str, list[Tensor]] = {}
    for part in _parts(planes):
        maps, center = _maps(part)
        if gauss:
            sums.setdefault("ssim", []).append(_similarity(gaussian(maps), center))
        for side in sides:
            sums.setdefault(f"ssim_u{side}", []).append(_similarity(uniform(maps, side), center, sample=side**2))
    found = {
        name: _means(parts, _places(pair.truth, int(name[6:] or SIDE)), pair.truth) for name, parts in sums.items()
    }
    if gauss:
        inside = torch.cat(sums["ssim"])
        for name, frame in zip(("ssim_zero", "ssim_full"), _frame(planes), strict=True):
            found[name] = _means([inside + frame], pair.pixels, pair.truth)
    return found


def _of_gray(pair: Pair, sides: list[int]) -> dict[str, Tensor]:
    found: dict[str, list[Tensor]] = {}
    for part in _parts(pair.gray):
        maps, center = _maps(part)
        for side in sides:
            means = uniform(maps, side)
            if side == 7:  # a float picture in [0,1] whose range is taken for 2, as if it were [-1,1]
                slip = _similarity(means.clone(), center, sample=side**2, peak=2 * 255)
                found.setdefault("ssim_gray7_range2", []).append(slip / _places(maps, side))
            value = _similarity(means, center, sample=side**2)
            found.setdefault(f"ssim_gray{side}", []).append(value / _places(maps, side))
    return {name: torch.cat(values) for name, values in found.items()}


def _inside(planes: Planes) -> Tensor:
    maps, center = _maps(planes)
    return _similarity(gaussian(maps), center)


def _maps(planes: Planes) -> tuple[Tensor, Tensor]:
    """The maps s, d, s^2, d^2 as (4,P,H,W) for s = x + y and d = y - x, and what was taken from s and d, (2,P,1,1).

    Four filtered maps are enough, where x, y, x^2, y^2 and xy would need five: 2 mu_x mu_y = (mu_s^2 - mu_d^2) / 2 and
    mu_x^2 + mu_y^2 = (mu_s^2 + mu_d^2) / 2, and so for the variances. s and d are taken about their (whole) mean, so
    that float32 is enough: a variance is then no small difference of large numbers.
    """
    truth, difference = planes
    maps = truth.new_empty(4, *truth.shape)
    torch.add(truth, difference, alpha=0.5, out=maps[0]).mul_(2)
    maps[1] = difference
    center = maps[:2].mean((-2, -1), keepdim=True).round_()
    maps[:2] -= center
    torch.square(maps[:2], out=maps[2:])
    return maps, center


def _similarity(means: Tensor, center: Tensor | float, sample: int = 0, peak: float = 255) -> Tensor:
    """The sum of the SSIM map, float64 (P,); `means` is overwritten. `sample`: sample covariance of so many pixels."""
    c1, c2 = 2 * (_K1 * peak) ** 2, 2 * (_K2 * peak) ** 2
    mean, variance = means[:2], means[2:]
    variance.addcmul_(mean, mean, value=-1)
    if sample:
        variance.mul_(sample / (sample - 1))
    mean.add_(center).square_()
    similar = (mean[0] - mean[1]).add_(c1)
    similar.mul_((variance[0] - variance[1]).add_(c2))
    similar.div_(mean[0].add_(mean[1]).add_(c1).mul_(variance[0].add_(variance[1]).add_(c2)))
    return similar.sum((-2, -1), dtype=torch.float64)


def _frame(planes: Planes) -> Tensor:
    """The sums over the outer 5 pixels, where the window sticks out: over zeros, over the mirror image; (2,P)."""
    # The left and right edges are laid down, so that all strips are long rows; a window looks the same from each side.
    reach = 2 * _EDGE
    rows = [torch.cat([plane[:, :reach], plane[:, -reach:].flip(-2)]) for plane in planes]
    sides = [torch.cat([plane[..., :reach], plane[..., -reach:].flip(-1)]).mT.contiguous() for plane in planes]
    return _strips(rows, _EDGE) + _strips(sides, 0)


def _strips(strips: list[Tensor], room: int) -> Tensor:
    maps = torch.stack([strips[0] * 2 + strips[1], strips[1]])
    around = (room, room, _EDGE, 0)
    padded = torch.cat([F.pad(maps, around), F.pad(maps, around, mode="reflect")], dim=1)
    sums = _similarity(gaussian(torch.cat([padded, padded.square()])), 0.0)
    return sums.view(2, 2, -1).sum(1)


def _parts(planes: Planes) -> list[Planes]:
    height, width = planes[0].shape[-2:]
    count = max(1, _PLANE_PIXELS // (height * width))
    return list(zip(torch.split(planes[0], count), torch.split(planes[1], count), strict=True))


def _places(picture: Tensor, side: int) -> int:
    return (picture.shape[-2] - side + 1) * (picture.shape[-1] - side + 1)


def _means(sums: list[Tensor], places: int, picture: Tensor) -> Tensor:
    return torch.cat(sums).view(picture.shape[:2]).mean(1) / places
