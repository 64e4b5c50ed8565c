"""SSIM and PSNR against scikit-image, torchmetrics, piq and pytorch-msssim; and all definitions against SSIM alone."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from bench.metrics import score
from bench.metrics.psnr import psnr
from bench.metrics.ssim import ssim
from bench.speed.peers import peer
from bench.speed.timing import Row, race, row
from bench.util.seeds import seed_of

SIDE = 256
COUNTS = (64, 16, 1)
TITLES = {"ssim": "SSIM", "ssim_full": "SSIM, mirror-padded", "psnr": "PSNR"}

Measure = Callable[[Any, Tensor, Tensor], Any]
"""(module, truth, result) to one value for each image."""


@dataclass(frozen=True)
class Peer:
    """One function of another library."""

    name: str
    module: str
    measure: Measure
    like: str
    """The metric definition that it is to agree with."""
    takes_uint8: bool = False
    """False: it is given float32, 0...255, and the conversion is not timed."""


def rows(quick: bool) -> list[Row]:
    """At 256², batches of 64, 16 and 1 (`quick`: 16 and 1)."""
    return [found for count in (COUNTS[1:] if quick else COUNTS) for found in _rows(count, quick)]


def _rows(count: int, quick: bool) -> list[Row]:
    truth, result, hole = pictures(count, SIDE)
    ours: dict[str, Callable[[], list[float]]] = {
        "ssim": lambda: _listed(ssim(truth, result)),
        "psnr": lambda: _listed(psnr(truth, result)),
        "all": lambda: _listed(score(truth, result, hole, truncated=result)["ssim"]),
    }
    theirs: dict[Peer, Callable[[], list[float]]] = {}
    for one in PEERS:
        if (module := peer(one.module)) is not None:
            pair = (truth, result) if one.takes_uint8 else (truth.float(), result.float())
            theirs[one] = partial(_call, one.measure, module, *pair)
    times = race(ours | {f"{one.name} {one.like}": call for one, call in theirs.items()}, quick)
    values = {name: _listed(column) for name, column in score(truth, result, hole).items()}
    size = f"{count} × {SIDE}²"
    found = []
    for one in PEERS:
        took, kind = times.get(f"{one.name} {one.like}"), one.like.removesuffix("_full")
        gap = _gap(theirs[one](), values[one.like]) if one in theirs else None
        found.append(row(TITLES[one.like], size, times[kind], one.name, took, gap))
    note = f"{times['all'] / times['ssim']:.2f} times SSIM alone"
    return [*found, row("all definitions", size, times["all"], "", None, note=note)]


def pictures(count: int, side: int) -> tuple[Tensor, Tensor, Tensor]:
    """Smooth truths with grain, noisy composites, center holes; the same whenever they are drawn. As `score` takes."""
    chance = torch.Generator().manual_seed(seed_of("speed", count, side))
    coarse = torch.rand(count, 3, 8, 8, generator=chance)
    smooth = 255 * torch.nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1)
    grain = torch.randn(2, count, 3, side, side, generator=chance)
    truth, other = (
        (smooth + level * noise).round().clamp(0, 255).byte() for level, noise in zip((8, 25), grain, strict=True)
    )
    hole = torch.zeros(count, 1, side, side, dtype=torch.bool)
    hole[..., side // 4 : -side // 4, side // 4 : -side // 4] = True
    return truth, torch.where(hole, other, truth), hole


def _call(measure: Measure, module: Any, truth: Tensor, result: Tensor) -> list[float]:
    return _listed(torch.as_tensor(measure(module, truth, result)).reshape(-1))


def _listed(values: Tensor) -> list[float]:
    listed: list[float] = values.tolist()
    return listed


def _gap(theirs: list[float], ours: list[float]) -> float:
    return max(abs(a - b) for a, b in zip(theirs, ours, strict=True))


def _skimage_ssim(module: Any, truth: Tensor, result: Tensor) -> Any:
    how = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255}
    pairs = zip(truth.numpy(), result.numpy(), strict=True)
    return [module.structural_similarity(x, y, channel_axis=0, **how) for x, y in pairs]


def _skimage_psnr(module: Any, truth: Tensor, result: Tensor) -> Any:
    pairs = zip(truth.numpy(), result.numpy(), strict=True)
    return [module.peak_signal_noise_ratio(x, y, data_range=255) for x, y in pairs]


def _torchmetrics_ssim(module: Any, truth: Tensor, result: Tensor) -> Any:
    return module.structural_similarity_index_measure(result, truth, data_range=255.0, reduction="none")


def _torchmetrics_psnr(module: Any, truth: Tensor, result: Tensor) -> Any:
    return module.peak_signal_noise_ratio(result, truth, data_range=255.0, dim=(1, 2, 3), reduction="none")


def _piq_ssim(module: Any, truth: Tensor, result: Tensor) -> Any:
    return module.ssim(result, truth, data_range=255.0, downsample=False, reduction="none")


def _msssim_ssim(module: Any, truth: Tensor, result: Tensor) -> Any:
    return module.ssim(result, truth, data_range=255, size_average=False)


PEERS = (
    Peer("scikit-image", "skimage.metrics", _skimage_ssim, "ssim", takes_uint8=True),
    Peer("torchmetrics", "torchmetrics.functional.image", _torchmetrics_ssim, "ssim_full"),
    Peer("piq", "piq", _piq_ssim, "ssim"),
    Peer("pytorch-msssim", "pytorch_msssim", _msssim_ssim, "ssim"),
    Peer("scikit-image", "skimage.metrics", _skimage_psnr, "psnr", takes_uint8=True),
    Peer("torchmetrics", "torchmetrics.functional.image", _torchmetrics_psnr, "psnr"),
)
