"""All metric definitions of one batch, in one pass: what `bench.metrics.score` gives, by plain torch."""

from collections.abc import Callable

import torch
from torch import Tensor

from bench.metrics.definitions import DEFINITIONS
from bench.speed.plain import l1, psnr, ssim, tv
from bench.speed.plain.pair import Pair
from bench.speed.plain.threads import in_chunks, side_by_side


def score(
    truth: Tensor,
    composite: Tensor,
    hole: Tensor,
    raw: Tensor | None = None,
    truncated: Tensor | None = None,
) -> dict[str, Tensor]:
    """As `bench.metrics.score`, of at least one image and without LPIPS, which is plain torch there too."""
    _check(truth, composite, hole)
    parts = in_chunks(_score, truth, composite, hole)
    scores = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    if raw is not None:
        scores |= {
            "psnr_raw": psnr.psnr(truth, raw),
            "l1_raw": l1.l1(truth, raw),
            "tv_raw": torch.cat(in_chunks(tv.tv, raw)),
        }
        if min(truth.shape[-2:]) >= DEFINITIONS["ssim_raw"].smallest_side:
            scores["ssim_raw"] = ssim.ssim(truth, raw)
    if truncated is not None:
        parts = in_chunks(_score_truncated, truth, torch.where(hole, truncated, truth))
        scores |= {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return scores


def _score(truth: Tensor, composite: Tensor, hole: Tensor) -> dict[str, Tensor]:
    pair = Pair(truth, composite)
    share = hole.flatten(1).sum(1).double() / pair.pixels
    families: list[Callable[[Pair], dict[str, Tensor]]] = [
        ssim.of_channels,
        ssim.of_gray,
        ssim.of_luma,
        ssim.of_wrong_range,
        psnr.columns,
        lambda pair: l1.columns(pair, share),
        lambda pair: tv.columns(pair.result, pair.result_means.mean(1)),
        lambda pair: _named_truth(tv.columns(pair.truth, pair.truth_means.mean(1))),
    ]
    found = side_by_side(lambda family: family(pair), families)  # a single chunk occupies all cores, too
    return {name: values for columns in found for name, values in columns.items()}


def _score_truncated(truth: Tensor, composite: Tensor) -> dict[str, Tensor]:
    pair = Pair(truth, composite)
    found = ssim.of_uniform_windows(pair)
    found |= {"psnr": psnr.psnr(truth, composite), "l1_channels": l1.of_channel_means(pair)}
    return {f"{name}_trunc": values for name, values in found.items()}


def _named_truth(columns: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{name}_truth": values for name, values in columns.items()}


def _check(truth: Tensor, composite: Tensor, hole: Tensor) -> None:
    if truth.dtype != torch.uint8 or composite.dtype != torch.uint8 or hole.dtype != torch.bool:
        raise RuntimeError(f"score takes uint8 and bool, not {truth.dtype}, {composite.dtype} and {hole.dtype}")
    empty = ~hole.flatten(1).any(dim=1)
    # Unequal known pixels would mean another resampling or an unpasted result: scores of another protocol.
    foreign = ((truth != composite) & ~hole).flatten(1).any(dim=1)
    for broken, says in ((empty, "has no hole"), (foreign, "has known pixels that are not the truth's")):
        if broken.any():
            raise RuntimeError(f"cannot score number {int(broken.nonzero()[0])} of the batch: it {says}")
