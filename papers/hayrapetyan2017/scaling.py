"""Pictures with holes at another size (§6): small for the search, and back."""

import torch
from torch import Tensor
from torch.nn import functional as F

LEAST_WEIGHT = 1e-3
"""Below it a cell has too little that is known to take its colour from."""


def shrunk(image: Tensor, side: int, kernel: str) -> Tensor:
    """(N,C,S,S) at `side` x `side`: `bicubic` with antialiasing, which may overshoot, or `area`, cells' means."""
    if kernel == "area":
        return F.adaptive_avg_pool2d(image, side)
    return F.interpolate(image, size=(side, side), mode="bicubic", antialias=True)


def missing_cells(hole: Tensor, side: int) -> Tensor:
    """The hole at `side` x `side`, bool (N,1,side,side): cells with any missing pixel (Y14).

    Where that leaves an image nothing that is known, its cells are missing only where all their pixels are.
    """
    missing = hole.float()
    touched = F.adaptive_max_pool2d(missing, side) > 0
    whole = F.adaptive_max_pool2d(1 - missing, side) == 0
    return torch.where(touched.all(dim=(2, 3), keepdim=True), whole, touched)


def reduced(image: Tensor, hole: Tensor, side: int, kernel: str, under_hole: str) -> Tensor:
    """A square picture with a hole at `side` x `side`, (N,3,side,side) in [0,1].

    With `nothing` under the hole, missing pixels have no weight: no cell takes any colour from them (Y16). With
    `mean`, the hole is filled with each image's known mean colour first.
    """
    if image.shape[-1] == side:
        return image
    known = (~hole).to(image.dtype)
    if under_hole == "mean":
        mean = (image * known).sum(dim=(2, 3), keepdim=True) / known.sum(dim=(2, 3), keepdim=True).clamp(min=1)
        return shrunk(torch.where(hole, mean, image), side, kernel).clamp(0, 1)
    return (shrunk(image * known, side, kernel) / shrunk(known, side, kernel).clamp(min=LEAST_WEIGHT)).clamp(0, 1)


def in_square(image: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
    """Picture and hole in the middle of the smallest square that holds them; the rest of it is missing (Y14)."""
    height, width = image.shape[-2:]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    margins = (left, side - width - left, top, side - height - top)
    return F.pad(image, margins), F.pad(hole, margins, value=True)


def out_of_square(square: Tensor, height: int, width: int) -> Tensor:
    """What `in_square` put into the middle."""
    top, left = (square.shape[-2] - height) // 2, (square.shape[-1] - width) // 2
    return square[..., top : top + height, left : left + width]
