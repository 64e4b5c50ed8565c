"""Mean absolute error, over the whole image and in the hole alone."""

import torch
from torch import Tensor

from bench.metrics.each import each


def l1(truth: Tensor, result: Tensor) -> Tensor:
    """Mean |difference| in % of the range 255, float64 (N,), of uint8 (N,3,H,W). Summed in integers."""
    return each(_l1, truth, result)


def l1_hole(truth: Tensor, result: Tensor, hole: Tensor) -> Tensor:
    """Mean |difference| over the pixels of `hole`, bool (N,1,H,W), in % of 255; NaN where nothing is missing."""
    return each(_l1_hole, truth, result, hole)


def _l1(truth: Tensor, result: Tensor) -> Tensor:
    return _percent(_distance(truth, result).sum(dtype=torch.int64), truth.numel())


def _l1_hole(truth: Tensor, result: Tensor, hole: Tensor) -> Tensor:
    missing = hole.expand_as(truth)
    return _percent((_distance(truth, result) * missing).sum(dtype=torch.int64), missing.sum().double())


def _distance(truth: Tensor, result: Tensor) -> Tensor:
    return (truth.int() - result.int()).abs()


def _percent(levels: Tensor, count: Tensor | int) -> Tensor:
    return 100 * levels.double() / (255 * count)
