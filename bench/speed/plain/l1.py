"""Mean absolute error: over the whole image, in the hole alone, and relative to what the pictures hold."""

import torch
from torch import Tensor

from bench.speed.plain.each import each
from bench.speed.plain.pair import GRAY, Pair, mean, middle


def l1(truth: Tensor, result: Tensor) -> Tensor:
    """Mean |difference| in % of the range 255, float64 (N,), of uint8 (N,3,H,W). Summed in integers."""
    return each(_l1, truth, result)


def l1_hole(truth: Tensor, result: Tensor, hole: Tensor) -> Tensor:
    """Mean |difference| over the pixels of `hole`, bool (N,1,H,W), in % of 255; NaN where nothing is missing."""
    return each(_l1_hole, truth, result, hole)


def columns(pair: Pair, hole_share: Tensor) -> dict[str, Tensor]:
    """The L1s of a composite, float64 (N,) each, in %. `hole_share` is float64 (N,), in (0,1]."""
    whole = 100 * pair.error / 255
    gray = pair.truth.new_tensor(GRAY).double()
    gray_sum = (pair.truth_means + pair.result_means) @ gray
    squares = mean(pair.truth.square())
    found = {
        "l1": whole,
        "l1_hole": whole / hole_share,  # the known pixels are the truth's own
        "l1_channels": of_channel_means(pair),
        "l1_rel": 100 * _ratio(pair.error, pair.truth_means.mean(1)),
        "l1_sym": 100 * _ratio(pair.error, (pair.truth_means + pair.result_means).mean(1)),
        "l1_sym_gray": 100 * _ratio(mean(pair.gray[1].abs()), gray_sum),
        "l2_rel": 100 * _ratio(pair.products.diagonal(dim1=-2, dim2=-1).mean(-1), squares),
    }
    if min(pair.truth.shape[-2:]) >= 2:
        found["l1_center"] = 100 / 255 * mean(middle(pair.difference).abs())
    return found


def of_channel_means(pair: Pair) -> Tensor:
    """Mean |difference of the channel means|, float64 (N,), in %."""
    return 100 / (3 * 255) * mean(pair.difference.sum(1).abs_())


def _ratio(part: Tensor, whole: Tensor) -> Tensor:
    """0 where both are: a black truth that was restored."""
    return torch.where(part == 0, part, part / whole)


def _l1(truth: Tensor, result: Tensor) -> Tensor:
    return _percent(_distance(truth, result).sum(dtype=torch.int64), truth.numel())


def _l1_hole(truth: Tensor, result: Tensor, hole: Tensor) -> Tensor:
    missing = hole.expand_as(truth)
    return _percent((_distance(truth, result) * missing).sum(dtype=torch.int64), missing.sum().double())


def _distance(truth: Tensor, result: Tensor) -> Tensor:
    return (truth.int() - result.int()).abs()


def _percent(levels: Tensor, count: Tensor | int) -> Tensor:
    return 100 * levels.double() / (255 * count)
