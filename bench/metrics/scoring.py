"""All metric definitions of one batch, in one pass."""

import numpy as np
import torch
from torch import Tensor

from bench.metrics import l1, psnr, ssim, tv
from bench.metrics.definitions import DEFINITIONS
from bench.metrics.lpips import Lpips
from bench.metrics.sums import pair


def score(
    truth: Tensor,
    composite: Tensor,
    hole: Tensor,
    raw: Tensor | None = None,
    lpips: Lpips | None = None,
    truncated: Tensor | None = None,
) -> dict[str, Tensor]:
    """The columns of metric definitions.py, float64 (N,) each on the CPU; an image's do not depend on its batch mates.

    `truth`, `composite` and `raw` are uint8 (N,3,H,W), `hole` is bool (N,1,H,W); `truncated` is `raw` cut off to 8 bits
    where that one was rounded. Scores of the raw result, truncated ones and LPIPS are left out where their argument is
    None, an SSIM or LPIPS where its window does not fit into pictures of this size.
    PSNR may be infinite. Raises RuntimeError for a composite that is no composite of `truth`, and for an empty hole.
    """
    _check(truth, composite, hole)
    if not len(truth):
        one = torch.zeros(1, *truth.shape[1:], dtype=torch.uint8)
        known = None if raw is None else one
        cut = None if truncated is None else one
        return {name: value[:0] for name, value in score(one, one, one[:, :1] == 0, known, lpips, cut).items()}
    scores = _of_composite(truth, composite, hole)
    if raw is not None:
        scores |= _of_raw(truth, raw)
    if truncated is not None:
        scores |= _of_truncated(truth, paste(truncated, truth, hole))
    if lpips is not None:
        scores |= lpips.columns(truth, composite)
    return scores


# NumPy, not torch: torch's threads keep spinning for a while after an operation on a whole batch, on the cores that the
# strips are summed on.


def paste(raw: Tensor, truth: Tensor, hole: Tensor) -> Tensor:
    """The composite, uint8 (N,3,H,W): `raw` in the hole, `truth` elsewhere."""
    return torch.from_numpy(np.where(hole.cpu().numpy(), raw.cpu().numpy(), truth.cpu().numpy()))


def shares(hole: Tensor) -> Tensor:
    """The share of missing pixels, float64 (N,), of bool (N,1,H,W)."""
    return torch.from_numpy(hole.cpu().numpy().mean(axis=(1, 2, 3), dtype=np.float64))


def _of_composite(truth: Tensor, composite: Tensor, hole: Tensor) -> dict[str, Tensor]:
    found = pair(truth, composite, "all")
    share = shares(hole)
    of_truth = tv.columns(found.truth_steps, found.truth_means.mean(1), found.height, found.width)
    return (
        ssim.columns(found)
        | psnr.columns(found)
        | l1.columns(found, share)
        | tv.columns(found.result_steps, found.result_means.mean(1), found.height, found.width)
        | {f"{name}_truth": values for name, values in of_truth.items()}
    )


def _of_raw(truth: Tensor, raw: Tensor) -> dict[str, Tensor]:
    found = pair(truth, raw, "raw")
    scores = {
        "psnr_raw": psnr.decibels(found.mse),
        "l1_raw": l1.of_all(found),
        "tv_raw": tv.form(found.result_steps, found.pixels),
    }
    if min(truth.shape[-2:]) >= DEFINITIONS["ssim_raw"].smallest_side:
        scores["ssim_raw"] = ssim.columns(found)["ssim"]
    return scores


def _of_truncated(truth: Tensor, composite: Tensor) -> dict[str, Tensor]:
    found = pair(truth, composite, "truncated")
    scores = ssim.of_uniform_windows(found)
    scores |= {"psnr": psnr.decibels(found.mse), "l1_channels": l1.of_channel_means(found)}
    return {f"{name}_trunc": values for name, values in scores.items()}


def _check(truth: Tensor, composite: Tensor, hole: Tensor) -> None:
    if truth.dtype != torch.uint8 or composite.dtype != torch.uint8 or hole.dtype != torch.bool:
        raise RuntimeError(f"score takes uint8 and bool, not {truth.dtype}, {composite.dtype} and {hole.dtype}")
    missing = hole.cpu().numpy()
    empty = ~missing.any(axis=(1, 2, 3))
    # Unequal known pixels would mean another resampling or an unpasted result: scores of another protocol.
    foreign = ((truth.cpu().numpy() != composite.cpu().numpy()) & ~missing).any(axis=(1, 2, 3))
    for broken, says in ((empty, "has no hole"), (foreign, "has known pixels that are not the truth's")):
        if broken.any():
            raise RuntimeError(f"cannot score number {int(broken.argmax())} of the batch: it {says}")
