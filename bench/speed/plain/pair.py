"""A truth and a result side by side, with everything that more than one definition needs, computed once."""

import math
from functools import cached_property

import torch
from torch import Tensor

GRAY = (0.2125, 0.7154, 0.0721)
"""Weights of red, green and blue in scikit-image's `rgb2gray`."""
BGR_GRAY = GRAY[::-1]
"""The same, given pictures whose channels are blue, green and red, as OpenCV reads them."""
LUMA = (65.481 / 255, 128.553 / 255, 24.966 / 255)
"""Weights in the Y of BT.601 with 16...235, as MATLAB's `rgb2ycbcr`; 16 is added."""


class Pair:
    """`truth` and `result`, uint8 (N,3,H,W), as float32 with whole numbers 0...255."""

    def __init__(self, truth: Tensor, result: Tensor) -> None:
        self.truth, self.result = truth.float(), result.float()

    @cached_property
    def difference(self) -> Tensor:
        """Result minus truth, float32 (N,3,H,W)."""
        return self.result - self.truth

    @cached_property
    def products(self) -> Tensor:
        """Mean over the pixels of difference times difference, channel by channel, float64 (N,3,3)."""
        flat = self.difference.flatten(2).double()
        return flat @ flat.mT / flat.shape[-1]

    @cached_property
    def error(self) -> Tensor:
        """Mean |difference| over pixels and channels, float64 (N,)."""
        return mean(self.difference.abs())

    @cached_property
    def truth_means(self) -> Tensor:
        """Mean of each channel of the truth, float64 (N,3)."""
        return self.truth.sum((-2, -1), dtype=torch.float64) / self.pixels

    @cached_property
    def result_means(self) -> Tensor:
        """Mean of each channel of the result, float64 (N,3)."""
        return self.result.sum((-2, -1), dtype=torch.float64) / self.pixels

    @cached_property
    def gray(self) -> tuple[Tensor, Tensor]:
        """The truth in gray, and result minus truth in gray; float32 (N,H,W)."""
        return mix(self.truth, GRAY), mix(self.difference, GRAY)

    @cached_property
    def bgr_gray(self) -> tuple[Tensor, Tensor]:
        """As `gray`, with the weights of red and blue swapped."""
        return mix(self.truth, BGR_GRAY), mix(self.difference, BGR_GRAY)

    @cached_property
    def luma(self) -> tuple[Tensor, Tensor]:
        """The Y of the truth, and result minus truth in Y; float32 (N,H,W)."""
        return mix(self.truth, LUMA) + 16, mix(self.difference, LUMA)

    @property
    def pixels(self) -> int:
        return self.truth.shape[-2] * self.truth.shape[-1]


def mix(picture: Tensor, weights: tuple[float, float, float]) -> Tensor:
    """The weighted sum of the channels, (N,H,W) of (N,3,H,W)."""
    red, green, blue = picture.unbind(1)
    return (red * weights[0]).add_(green, alpha=weights[1]).add_(blue, alpha=weights[2])


def middle(maps: Tensor) -> Tensor:
    """The middle half of the rows and columns, (...,H//2,W//2) of (...,H,W); 64 to 192 of 256."""
    height, width = maps.shape[-2:]
    return maps.narrow(-2, height // 4, height // 2).narrow(-1, width // 4, width // 2)


def mean(maps: Tensor) -> Tensor:
    """Mean over everything but the images, float64 (N,); whole numbers are summed exactly."""
    return maps.flatten(1).sum(1, dtype=torch.float64) / math.prod(maps.shape[1:])
