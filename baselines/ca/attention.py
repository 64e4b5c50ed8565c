"""Contextual attention: the fill of a place is a mixture of known patches that look like it (Yu et al. 2018, §4.1).

Two departures from the authors' code. Each image is matched with its own hole; there, the hole of the batch's first
image serves the whole batch, and an image's result then depends on its batch mates. And a cell of the small grid
counts as missing where any pixel under it is, so that no patch in use holds a missing pixel.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

RATE = 2
"""Matching happens on a grid this much coarser than the features."""
SOFTMAX_SCALE = 10.0
NORM_FLOOR = 1e-4


def contextual_attention(features: Tensor, hole: Tensor) -> Tensor:
    """Features put together from known patches: (N,C,H,W) in and out, H and W multiples of `RATE`.

    `hole` is float (N,1,H,W), 1 = missing. Where no patch is free of missing cells, the result is 0.
    """
    height, width = features.shape[-2:]
    small = features[..., ::RATE, ::RATE]
    patches = F.unfold(small, kernel_size=3, padding=1)
    normed = patches / torch.linalg.vector_norm(patches, dim=1, keepdim=True).clamp(min=NORM_FLOOR)
    score = fuse(normed.transpose(1, 2) @ patches, height // RATE, width // RATE)
    usable = known_patches(hole)
    # As in the authors' code, the factor comes before the softmax and again after it.
    weights = torch.softmax(score * usable * SOFTMAX_SCALE, dim=1) * usable
    # A 4x4 patch stands for each cell, one every 2 pixels: 4 of them overlap, hence the division.
    raw = F.unfold(features, kernel_size=2 * RATE, stride=RATE, padding=RATE // 2)
    return F.fold(raw @ weights, (height, width), kernel_size=2 * RATE, stride=RATE, padding=RATE // 2) / 4


def fuse(score: Tensor, height: int, width: int) -> Tensor:
    """Favour coherent matches: add the scores of neighbours that keep the same offset, along rows, then along columns.

    `score` is (N,L,L), (background place, foreground place), L = `height` * `width` row by row; so is the result.
    """
    count = score.shape[0]
    for rows, columns in ((height, width), (width, height)):
        padded = F.pad(score, (1, 1, 1, 1))
        score = score + padded[:, :-2, :-2] + padded[:, 2:, 2:]
        grid = score.reshape(count, rows, columns, rows, columns)
        score = grid.permute(0, 2, 1, 4, 3).reshape(count, rows * columns, rows * columns)
    return score


def known_patches(hole: Tensor) -> Tensor:
    """Float (N,L,1): 1 where the 3x3 cells around a place of the small grid hold no missing pixel."""
    cells = F.max_pool2d(hole, kernel_size=RATE)
    around = F.max_pool2d(cells, kernel_size=3, stride=1, padding=1)
    return (around == 0).to(hole.dtype).flatten(1).unsqueeze(2)
