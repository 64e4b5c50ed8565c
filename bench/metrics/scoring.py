"""All conventions of one batch."""

import torch
from torch import Tensor

from bench.errors import UserError
from bench.metrics.l1 import l1, l1_hole
from bench.metrics.lpips import Lpips
from bench.metrics.psnr import psnr
from bench.metrics.ssim import SIDE, ssim
from bench.metrics.tv import tv


def score(
    truth: Tensor, composite: Tensor, hole: Tensor, raw: Tensor | None = None, lpips: Lpips | None = None
) -> dict[str, Tensor]:
    """The scores by convention (conventions.py), float64 (N,) each; an image's do not depend on its batch mates.

    `truth`, `composite` and `raw` are uint8 (N,3,H,W), `hole` is bool (N,1,H,W). `psnr_raw` and `lpips` are left out
    where their argument is None. PSNR may be infinite. Raises UserError for sides under 11 pixels, which have no
    SSIM, and RuntimeError for a composite that is no composite of `truth`, or a hole without a pixel.
    """
    _check(truth, composite, hole)
    scores = {
        "psnr": psnr(truth, composite),
        "ssim": ssim(truth, composite),
        "l1": l1(truth, composite),
        "l1_hole": l1_hole(truth, composite, hole),
        "tv": tv(composite),
        "tv_truth": tv(truth),
    }
    if raw is not None:
        scores["psnr_raw"] = psnr(truth, raw)
    if lpips is not None:
        scores["lpips"] = lpips(truth, composite)
    return scores


def _check(truth: Tensor, composite: Tensor, hole: Tensor) -> None:
    height, width = truth.shape[-2:]
    if min(height, width) < SIDE:
        raise UserError(
            f"SSIM needs sides of at least {SIDE} pixels; these pictures are {height}x{width}. Use a larger resolution."
        )
    if truth.dtype != torch.uint8 or composite.dtype != torch.uint8 or hole.dtype != torch.bool:
        raise RuntimeError(f"score takes uint8 and bool, not {truth.dtype}, {composite.dtype} and {hole.dtype}")
    empty = ~hole.flatten(1).any(dim=1)
    # Unequal known pixels would mean another resampling or an unpasted result: scores of another protocol.
    foreign = ((truth != composite) & ~hole).flatten(1).any(dim=1)
    for broken, says in ((empty, "has no hole"), (foreign, "has known pixels that are not the truth's")):
        if broken.any():
            raise RuntimeError(f"cannot score number {int(broken.nonzero()[0])} of the batch: it {says}")
