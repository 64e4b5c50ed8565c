"""The reconstruction losses of Yu et al. 2018, as their code has them. Colours are in [-1,1], holes True = missing."""

import torch
from torch import Tensor

from bench.masks.geometry import box_crop, window


def discount(side: int, gamma: float) -> Tensor:
    """Weights (S,S) of a box: gamma to the power of the distance to its nearest edge, in pixels (§3.2).

    As in their code, distances are min(i, S - i) with i from 0: the first row weighs 1, the last one gamma.
    """
    index = torch.arange(side)
    line = gamma ** torch.minimum(index, side - index).float()
    return torch.maximum(line[:, None], line[None, :])


def box_loss(distances: Tensor, hole: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of distances (N,C,H,W) in the box around each hole; `weights` (S,S) has the box's size."""
    side = len(weights)
    return (box_crop(distances, *window(hole, side), side) * weights).mean()


def known_loss(distances: Tensor, hole: Tensor) -> Tensor:
    """Mean of distances (N,C,H,W) over the known pixels of each image, then over the images.

    In their code one hole serves the whole batch, and the batch's mean is divided by its share of known pixels; with
    one hole for all images this is the same number.
    """
    known = (~hole).to(distances.dtype)
    return ((distances * known).mean(dim=(1, 2, 3)) / known.mean(dim=(1, 2, 3)).clamp(min=1e-6)).mean()
