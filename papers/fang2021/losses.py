"""The losses of Algorithm 1. Colours are in [-1,1], holes bool with True = missing.

The paper gives no weights; they are CA's (F-12, F-17), and so is the shape of the reconstruction terms.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.vgg import normalised, vgg19

VGG_LAYERS = 21
"""VGG-19 up to the ReLU of conv4_1. The paper names no layer (F-7, F-29)."""


def distance(result: Tensor, truth: Tensor, kind: str) -> Tensor:
    """|difference| for `l1`, its square for `l2` (the ablation of §4.2), for each value."""
    return (result - truth).abs() if kind == "l1" else (result - truth).square()


class Perceptual:
    """Mean |difference| of VGG-19 features: the 'perceived loss' of §3, which Algorithm 1 does not have (F-7)."""

    def __init__(self, file: str) -> None:
        """Raises UserError for a file that is not the published VGG-19."""
        self.features = vgg19(file, VGG_LAYERS)

    def __call__(self, result: Tensor, truth: Tensor) -> Tensor:
        """A 0-dim distance of two batches (N,3,H,W) in [-1,1]."""
        self.features.to(result.device)
        with torch.no_grad():
            target = self.features(normalised(truth))
        return F.l1_loss(self.features(normalised(result)), target)
