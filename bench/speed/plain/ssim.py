"""Structural similarity under its many definitions: windows, paddings, gray, and slips of the range."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from bench.speed.plain.pair import Pair, middle
from bench.speed.plain.threads import in_chunks, side_by_side
from bench.speed.plain.windows import SIDE, gaussian, uniform

_PLANE_PIXELS = 1 << 16
"""Pixels that are filtered at once: four maps of them stay in a processor's cache."""
_K1, _K2 = 0.01, 0.03
_EDGE = SIDE // 2

_FLAT_STEP, _FLAT_ENERGY = 2, 500
"""A plane whose difference moves by at most so much from pixel to pixel where it is as large as that is flat."""

Planes = tuple[Tensor, Tensor]
"""Truth, and result minus truth: float32 (P,H,W)."""


def ssim(truth: Tensor, result: Tensor) -> Tensor:
    """Mean SSIM, float64 (N,), of uint8 (N,3,H,W) with sides of at least 11: Wang et al. 2004, Eq. (13).

    Gaussian window 11x11 with sigma 1.5, only where it lies inside the image; population covariance; K1 = 0.01,
    K2 = 0.03; range 255; mean over places and channels.
    """
    return torch.cat(in_chunks(_ssim, truth, result))


def _ssim(truth: Tensor, result: Tensor) -> Tensor:
    x, y = (planes.flatten(0, 1).float() for planes in (truth, result))
    return _of_images(_inside((x, y.sub_(x))), _places(truth, SIDE), truth)


def of_channels(pair: Pair) -> dict[str, Tensor]:
    """The SSIMs over red, green and blue whose windows fit into the picture, float64 (N,) each."""
    side = min(pair.truth.shape[-2:])
    if side < 7:
        return {}

    def sums(maps: Tensor, center: Tensor) -> dict[str, Tensor]:
        found = {"ssim_u7": _similarity(uniform(maps, 7), center, sample=49)}
        if side >= SIDE:
            similar = _map(uniform(maps, 11), center, sample=121)
            found["ssim_u11"] = _sum(similar)
            if side >= 2 * SIDE:
                found["ssim_u11_center"] = _sum(_inner(similar, maps))
            found["ssim"] = _similarity(gaussian(maps), center)
        return found

    planes = pair.truth.flatten(0, 1), pair.difference.flatten(0, 1)
    total = _filtered(planes, sums)
    places = {name: _places(pair.truth, 7 if name == "ssim_u7" else SIDE) for name in total}
    places["ssim_u11_center"] = _places(middle(pair.truth), SIDE)
    if side >= SIDE:
        for name, frame in zip(("ssim_zero", "ssim_full"), _frame(planes), strict=True):
            total[name], places[name] = total["ssim"] + frame, pair.pixels
    return {name: _of_images(values, places[name], pair.truth) for name, values in total.items()}


def of_gray(pair: Pair) -> dict[str, Tensor]:
    """The SSIMs in gray whose windows fit into the picture, float64 (N,) each."""
    side = min(pair.truth.shape[-2:])
    if side < 7:
        return {}

    def means(maps: Tensor, center: Tensor) -> dict[str, Tensor]:
        found = {"ssim_gray7": _similarity(uniform(maps, 7), center, sample=49) / _places(maps, 7)}
        if side >= 51:
            found["ssim_gray51"] = _similarity(uniform(maps, 51), center, sample=51**2) / _places(maps, 51)
        return found

    def of_zits(maps: Tensor, center: Tensor) -> dict[str, Tensor]:
        # A picture in [0,1] whose range is taken for 2 is a picture in 0...255 whose range is taken for 510.
        return {"ssim_zits": _similarity(uniform(maps, 7), center, sample=49, peak=510) / _places(maps, 7)}

    return _filtered(pair.gray, means) | _filtered(pair.bgr_gray, of_zits)


def of_luma(pair: Pair) -> dict[str, Tensor]:
    """The SSIM of Y where its window fits into the picture, float64 (N,)."""
    fits = min(pair.truth.shape[-2:]) >= SIDE
    return {"ssim_y": _inside(pair.luma) / _places(pair.truth, SIDE)} if fits else {}


def of_wrong_range(pair: Pair) -> dict[str, Tensor]:
    """The SSIM of pictures in 0...255 by the constants for [0,1], zeros around the picture; float64 (N,).

    Its C2 is below float32's rounding of a variance, so that this one is taken in float64.
    """
    if min(pair.truth.shape[-2:]) < SIDE:
        return {}
    around = (_EDGE,) * 4
    sums = []
    for truth, difference in zip(pair.truth, pair.difference, strict=True):
        planes = _touched(F.pad(truth, around), F.pad(difference, around))
        parts = [_similarity(gaussian(maps), center, peak=1) for maps, center in map(_double_maps, *planes)]
        sums.append(torch.cat(parts) + pair.pixels - _places(planes[0], SIDE))
    return {"ssim_lbam": _of_images(torch.cat(sums), pair.pixels, pair.truth)}


def of_uniform_windows(pair: Pair) -> dict[str, Tensor]:
    """`ssim_u7` and `ssim_u11` alone, where their windows fit into the picture; float64 (N,) each."""
    sides = [side for side in (7, 11) if side <= min(pair.truth.shape[-2:])]

    def sums(maps: Tensor, center: Tensor) -> dict[str, Tensor]:
        return {f"ssim_u{side}": _similarity(uniform(maps, side), center, sample=side**2) for side in sides}

    total: dict[str, list[Tensor]] = {f"ssim_u{side}": [] for side in sides}
    for planes in zip(pair.truth, pair.difference, strict=True) if sides else ():
        touched = _touched(*planes)
        for side, found in zip(sides, _filtered(touched, sums).values(), strict=True):
            total[f"ssim_u{side}"].append(found + _places(planes[0], side) - _places(touched[0], side))
    return {
        name: _of_images(torch.cat(found), _places(pair.truth, side), pair.truth)
        for side, (name, found) in zip(sides, total.items(), strict=True)
    }


def _touched(truth: Tensor, difference: Tensor) -> Planes:
    """Of one image, (3,H,W) each: the part that holds all windows with an unequal pixel. Elsewhere the SSIM is 1."""
    unequal = difference.any(0)
    if not unequal.any():
        unequal[:1, :1] = True
    bounds = []
    for dim in (0, 1):
        places = unequal.any(1 - dim).nonzero()
        bounds.append((max(0, int(places[0]) - SIDE + 1), int(places[-1]) + SIDE))
    (top, bottom), (left, right) = bounds
    return truth[:, top:bottom, left:right], difference[:, top:bottom, left:right]


def _double_maps(truth: Tensor, difference: Tensor) -> tuple[Tensor, Tensor]:
    return _maps(truth[None], difference[None], torch.float64)


def _inner(similar: Tensor, maps: Tensor) -> Tensor:
    """The part of an SSIM map whose windows lie inside the middle of the picture that `maps` are of."""
    height, width = maps.shape[-2:]
    rows, columns = height // 2 - SIDE + 1, width // 2 - SIDE + 1
    return similar.narrow(-2, height // 4, rows).narrow(-1, width // 4, columns)


def _inside(planes: Planes) -> Tensor:
    return _filtered(planes, lambda maps, center: {"": _similarity(gaussian(maps), center)})[""]


def _filtered(planes: Planes, measure: Callable[[Tensor, Tensor], dict[str, Tensor]]) -> dict[str, Tensor]:
    """`measure` of the maps of a few planes at a time; float64 (P,) each.

    float32 is enough unless a difference is large and flat, which photographs and their fills are not: its variance is
    then a small difference of large numbers, and the plane is taken in float64.
    """
    truth, difference = planes
    flat = _flat(difference)
    pieces: list[tuple[Tensor, torch.dtype]] = []
    count = max(1, _PLANE_PIXELS // (truth.shape[-2] * truth.shape[-1]))
    for chosen, kind in ((~flat, torch.float32), (flat, torch.float64)):
        for index in torch.split(chosen.nonzero().flatten(), count):
            if len(index):
                pieces.append((index, kind))
    parts = side_by_side(lambda piece: measure(*_maps(truth[piece[0]], difference[piece[0]], piece[1])), pieces)
    places = torch.argsort(torch.cat([index for index, _ in pieces]))
    return {name: torch.cat([part[name] for part in parts])[places] for name in parts[0]}


def _flat(difference: Tensor) -> Tensor:
    steps = (difference[..., 1:] - difference[..., :-1]).abs_()
    energy = difference[..., 1:].square().mul_(steps <= _FLAT_STEP)
    return energy.mean((-2, -1)) > _FLAT_ENERGY


def _maps(truth: Tensor, difference: Tensor, kind: torch.dtype) -> tuple[Tensor, Tensor]:
    """The maps s, d, s^2, d^2 as (4,P,H,W) for s = x + y and d = y - x, and what was taken from s and d, (2,P,1,1).

    Four filtered maps are enough, where x, y, x^2, y^2 and xy would need five: 2 mu_x mu_y = (mu_s^2 - mu_d^2) / 2 and
    mu_x^2 + mu_y^2 = (mu_s^2 + mu_d^2) / 2, and so for the variances. s is taken about its (whole) mean, against
    cancellation; d is zero where nothing was missing, and stays so.
    """
    maps = truth.new_empty(4, *truth.shape, dtype=kind)
    torch.add(difference.to(kind), truth.to(kind), alpha=2, out=maps[0])
    maps[1] = difference
    center = maps[:2].mean((-2, -1), keepdim=True).round_()
    center[1] = 0
    maps[0] -= center[0]
    torch.square(maps[:2], out=maps[2:])
    return maps, center


def _similarity(means: Tensor, center: Tensor | float, sample: int = 0, peak: float = 255) -> Tensor:
    """The sum of `_map`, float64 (P,)."""
    return _sum(_map(means, center, sample, peak))


def _sum(similar: Tensor) -> Tensor:
    return similar.sum((-2, -1), dtype=torch.float64)


def _map(means: Tensor, center: Tensor | float, sample: int = 0, peak: float = 255) -> Tensor:
    """The SSIM at every place, (P,h,w); `means` is overwritten. `sample`: sample covariance of so many pixels."""
    c1, c2 = 2 * (_K1 * peak) ** 2, 2 * (_K2 * peak) ** 2
    mean, variance = means[:2], means[2:]
    variance.addcmul_(mean, mean, value=-1)
    if sample:
        variance.mul_(sample / (sample - 1))
    mean.add_(center).square_()
    similar = (mean[0] - mean[1]).add_(c1)
    similar.mul_((variance[0] - variance[1]).add_(c2))
    return similar.div_(mean[0].add_(mean[1]).add_(c1).mul_(variance[0].add_(variance[1]).add_(c2)))


def _frame(planes: Planes) -> Tensor:
    """The sums over the outer 5 pixels, where the window sticks out: over zeros, over the mirror image; (2,P)."""
    # The left and right edges are laid down, so that all strips are long rows; a window looks the same from each side.
    reach = 2 * _EDGE
    rows = [torch.cat([plane[:, :reach], plane[:, -reach:].flip(-2)]) for plane in planes]
    sides = [torch.cat([plane[..., :reach], plane[..., -reach:].flip(-1)]).mT for plane in planes]
    return _strips(rows, _EDGE) + _strips(sides, 0)


def _strips(strips: list[Tensor], room: int) -> Tensor:
    truth, difference = (strip.double() for strip in strips)  # zeros beside a picture forbid to take it about its mean
    maps = torch.stack([truth * 2 + difference, difference])
    around = (room, room, _EDGE, 0)
    padded = torch.cat([F.pad(maps, around), F.pad(maps, around, mode="reflect")], dim=1)
    sums = _similarity(gaussian(torch.cat([padded, padded.square()])), 0.0)
    return sums.view(2, 2, -1).sum(1)


def _places(picture: Tensor, side: int) -> int:
    return (picture.shape[-2] - side + 1) * (picture.shape[-1] - side + 1)


def _of_images(sums: Tensor, places: int, picture: Tensor) -> Tensor:
    return sums.view(picture.shape[:2]).mean(1) / places
