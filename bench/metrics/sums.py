"""What kernels.py sums over strips, for whole pictures; and the means that several metrics share.

Numba is loaded when something is summed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from bench.metrics.threads import side_by_side

Wanted = Literal["raw", "truncated", "all"]


@dataclass(frozen=True)
class Pair:
    """The sums of truths and results, uint8 (N,3,H,W); float64 with whole numbers where the kernel's are integers."""

    height: int
    width: int
    windows: Tensor
    """(N,11): `kernels.window_sums`."""
    pixel_sums: Tensor
    """(N,18): `kernels.pixel_sums`."""

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @cached_property
    def products(self) -> Tensor:
        """Mean over the pixels of difference times difference, channel by channel, (N,3,3)."""
        return self.pixel_sums[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].view(-1, 3, 3) / self.pixels

    @cached_property
    def mse(self) -> Tensor:
        """Mean squared difference, (N,)."""
        return self.pixel_sums[:, [0, 3, 5]].sum(1) / (3 * self.pixels)

    def mean(self, place: int, count: int) -> Tensor:
        """The sum at a place of `kernels.pixel_sums`, divided by `count`; (N,)."""
        return self.pixel_sums[:, place] / count

    @cached_property
    def error(self) -> Tensor:
        """Mean |difference|, (N,)."""
        return self.mean(_kernels().ERROR, 3 * self.pixels)

    @cached_property
    def truth_means(self) -> Tensor:
        """Mean of each channel of the truth, (N,3)."""
        start = _kernels().TRUTH
        return self.pixel_sums[:, start : start + 3] / self.pixels

    @cached_property
    def result_means(self) -> Tensor:
        """Mean of each channel of the result, (N,3)."""
        start = _kernels().RESULT
        return self.pixel_sums[:, start : start + 3] / self.pixels

    @property
    def middle(self) -> int:
        """Pixels in the middle half of the rows and columns."""
        return (self.height // 2) * (self.width // 2)


def pair(truth: Tensor, result: Tensor, wanted: Wanted) -> Pair:
    """The sums of uint8 (N,3,H,W): all of them, or without those that raw or truncated results are not scored by."""
    kernels = _kernels()
    kind = {"raw": kernels.RAW, "truncated": kernels.TRUNCATED, "all": kernels.ALL}[wanted]

    def measure(x: Any, y: Any, top: int, bottom: int) -> Any:
        return np.concatenate([kernels.window_sums(x, y, top, bottom, kind), kernels.pixel_sums(x, y, top, bottom)])

    sums = over_strips(measure, truth, result)
    return Pair(*truth.shape[-2:], sums[:, :11], sums[:, 11:])


def windows(truth: Tensor, result: Tensor) -> Tensor:
    """`kernels.window_sums` of raw results, float64 (N,11)."""
    kernels = _kernels()
    return over_strips(lambda x, y, top, bottom: kernels.window_sums(x, y, top, bottom, kernels.RAW), truth, result)


def steps(picture: Tensor) -> Tensor:
    """`kernels.variation_sums` of uint8 (N,3,H,W), float64 (N,3)."""
    return over_strips(_kernels().variation_sums, picture)


def over_strips(measure: Callable[..., Any], *batches: Tensor) -> Tensor:
    """`measure(*pictures, top, bottom)`, float64 (K,), of every strip, added from top to bottom for each image; (N,K).

    How pictures are cut depends on their height alone, and no strip knows of another, so that a sum has the same bits
    in any batch and on any number of threads.
    """
    arrays = [batch.cpu().contiguous().numpy() for batch in batches]
    count, height = len(arrays[0]), arrays[0].shape[-2]
    rows = _kernels().STRIP
    tops = range(0, height, rows)

    def strip(piece: tuple[int, int]) -> Any:
        image, top = piece
        return measure(*(array[image] for array in arrays), top, min(top + rows, height))

    parts = np.stack(side_by_side(strip, [(image, top) for image in range(count) for top in tops]))
    of_images = parts.reshape(count, len(tops), -1)
    total = of_images[:, 0].astype(np.float64)
    for place in range(1, len(tops)):
        total += of_images[:, place]
    return torch.from_numpy(total)


def _kernels() -> Any:
    from bench.metrics import kernels  # Numba takes as long to load as the rest of a light command takes in all

    return kernels
