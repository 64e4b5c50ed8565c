"""Mean absolute error: over the whole image, in the hole alone, and relative to what the pictures hold."""

import torch
from torch import Tensor

from bench.metrics.psnr import GRAY
from bench.metrics.sums import Pair


def columns(pair: Pair, hole_share: Tensor) -> dict[str, Tensor]:
    """The L1s of a composite, float64 (N,) each, in %. `hole_share` is float64 (N,), in (0,1]."""
    whole = of_all(pair)
    gray_sum = ((pair.truth_means + pair.result_means) * pair.truth_means.new_tensor(GRAY)).sum(1)
    found = {
        "l1": whole,
        "l1_hole": whole / hole_share,  # the known pixels are the truth's own
        "l1_channels": of_channel_means(pair),
        "l1_rel": 100 * _ratio(pair.error, pair.truth_means.mean(1)),
        "l1_sym": 100 * _ratio(pair.error, (pair.truth_means + pair.result_means).mean(1)),
        "l1_sym_gray": 100 * _ratio(pair.gray_error, gray_sum),
        "l2_rel": 100 * _ratio(pair.mse, pair.truth_squares),
    }
    if min(pair.height, pair.width) >= 2:
        found["l1_center"] = 100 / 255 * pair.center_error
    return found


def of_all(pair: Pair) -> Tensor:
    """Mean |difference| in % of the range 255, float64 (N,)."""
    return 100 * pair.error / 255


def of_channel_means(pair: Pair) -> Tensor:
    """Mean |difference of the channel means|, float64 (N,), in %."""
    return 100 / 255 * pair.channel_error


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """0 where both are: a black truth that was restored."""
    return torch.where(part == 0, part, part / whole)
