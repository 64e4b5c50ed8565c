"""The sums of kernels.py and pixel_kernels.py for whole pictures, as means that several metrics share.

Numba is loaded when something is summed: a command that only imports this does not wait for it.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor

from bench.metrics.threads import side_by_side

Wanted = Literal["raw", "truncated", "all"]


class Pair(NamedTuple):
    """Truths and results, uint8 (N,3,H,W), in numbers: float64 (N,) where no other shape is told.

    Means are over the pixels, and over the channels where there are several. d is result minus truth.
    """

    height: int
    width: int
    windows: dict[str, Tensor]
    """By metric definition: the sum of the SSIM over all places where its window is taken."""
    products: Tensor
    """Mean of d of one channel times d of another, (N,3,3)."""
    error: Tensor
    """Mean |d|."""
    channel_error: Tensor
    """Mean |mean of d over the channels|."""
    gray_error: Tensor
    """Mean |d in gray|."""
    truth_squares: Tensor
    """Mean square of the truth."""
    center_error: Tensor
    """As `error`, over the middle half of the rows and columns; NaN where there is none."""
    center_squares: Tensor
    """Mean d^2, as `center_error`."""
    truth_means: Tensor
    """Mean of each channel of the truth, (N,3)."""
    result_means: Tensor
    """Mean of each channel of the result, (N,3)."""
    result_steps: Tensor
    """As `steps`; (N,0) for truncated results."""
    truth_steps: Tensor
    """As `steps`; (N,0) unless all is wanted."""

    @property
    def pixels(self) -> int:
        return self.height * self.width

    @property
    def mse(self) -> Tensor:
        """Mean d^2."""
        return self.products.diagonal(dim1=-2, dim2=-1).sum(-1) / 3


def pair(truth: Tensor, result: Tensor, wanted: Wanted) -> Pair:
    """Of uint8 (N,3,H,W). Windows that `wanted` results are not scored by stay 0: raw ones have `ssim`, truncated ones
    `ssim_u7` and `ssim_u11`."""
    from bench.metrics import kernels, pixel_kernels

    kind = {"raw": kernels.RAW, "truncated": kernels.TRUNCATED, "all": kernels.ALL}[wanted]

    def strip(x: Any, y: Any, top: int, bottom: int) -> Any:
        found = [kernels.window_sums(x, y, top, bottom, kind), pixel_kernels.pixel_sums(x, y, top, bottom)]
        varied = {"raw": [y], "truncated": [], "all": [y, x]}[wanted]
        return np.concatenate(found + [pixel_kernels.variation_sums(one, top, bottom) for one in varied])

    sums = over_strips(strip, truth, result)
    first = len(kernels.WINDOWS)
    last = first + pixel_kernels.COUNT
    windows, exact, result_steps, truth_steps = sums.tensor_split([first, last, last + 3], dim=1)
    height, width = truth.shape[-2:]
    pixels, middle = height * width, (height // 2) * (width // 2)
    return Pair(
        height,
        width,
        windows=dict(zip(kernels.WINDOWS, windows.unbind(1), strict=True)),
        products=exact[:, pixel_kernels.PRODUCTS] / pixels,
        error=exact[:, pixel_kernels.ERROR] / (3 * pixels),
        channel_error=exact[:, pixel_kernels.CHANNEL_ERROR] / (3 * pixels),
        gray_error=exact[:, pixel_kernels.GRAY_ERROR] / (10_000 * pixels),
        truth_squares=exact[:, pixel_kernels.TRUTH_SQUARES] / (3 * pixels),
        center_error=exact[:, pixel_kernels.CENTER_ERROR] / (3 * middle),
        center_squares=exact[:, pixel_kernels.CENTER_SQUARES] / (3 * middle),
        truth_means=exact[:, pixel_kernels.TRUTH] / pixels,
        result_means=exact[:, pixel_kernels.RESULT] / pixels,
        result_steps=result_steps,
        truth_steps=truth_steps,
    )


def ssim_sums(truth: Tensor, result: Tensor) -> Tensor:
    """The sum of `ssim` over all places of its window, float64 (N,), of uint8 (N,3,H,W)."""
    from bench.metrics import kernels

    return over_strips(lambda x, y, top, bottom: kernels.window_sums(x, y, top, bottom, kernels.RAW), truth, result)[
        :, kernels.SSIM
    ]


def steps(picture: Tensor) -> Tensor:
    """`pixel_kernels.variation_sums` of uint8 (N,3,H,W), float64 (N,3)."""
    from bench.metrics import pixel_kernels

    return over_strips(pixel_kernels.variation_sums, picture)


def over_strips(measure: Callable[..., Any], *batches: Tensor) -> Tensor:
    """`measure(*pictures, top, bottom)`, (K,), of every strip, added from top to bottom for each image; float64 (N,K).

    How pictures are cut depends on their height alone, and no strip knows of another: a sum has the same bits in any
    batch and on any number of threads.
    """
    from bench.metrics.kernels import STRIP

    arrays = [batch.cpu().contiguous().numpy() for batch in batches]
    count, height = len(arrays[0]), arrays[0].shape[-2]
    tops = range(0, height, STRIP)

    def strip(piece: tuple[int, int]) -> Any:
        image, top = piece
        return measure(*(array[image] for array in arrays), top, min(top + STRIP, height))

    parts = np.stack(side_by_side(strip, [(image, top) for image in range(count) for top in tops]))
    of_images = parts.reshape(count, len(tops), -1).astype(np.float64)  # whole numbers stay exact under 2^53
    total = of_images[:, 0].copy()
    for place in range(1, len(tops)):
        total += of_images[:, place]
    return torch.from_numpy(total)
