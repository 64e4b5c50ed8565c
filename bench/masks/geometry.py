"""Where holes lie, and crops around them, for a whole batch without a loop and without waiting for the device."""

import torch
from torch import Tensor


def bounding_box(hole: Tensor) -> Tensor:
    """The smallest rectangle around each hole: int64 (N,4) of top, left, height, width in pixels.

    `hole` is bool (N,1,H,W). An image without a hole has (0, 0, 0, 0).
    """
    top, height = _extent(hole.flatten(1, 2).any(dim=2))
    left, width = _extent(hole.flatten(1, 2).any(dim=1))
    return torch.stack([top, left, height, width], dim=1)


def window(hole: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Top and left, int64 (N,) each, of the `side` x `side` window centred on each hole and moved into the picture.

    It contains the hole if `side` allows. For holes of `RandomRectangle` with `side` its box's, it is that very box.
    """
    top, left, height, width = bounding_box(hole).unbind(dim=1)
    rows, columns = hole.shape[-2:]
    return (
        torch.div(2 * top + height - side, 2, rounding_mode="floor").clamp(0, rows - side),
        torch.div(2 * left + width - side, 2, rounding_mode="floor").clamp(0, columns - side),
    )


def box_crop(x: Tensor, top: Tensor, left: Tensor, side: int) -> Tensor:
    """Each image's own `side` x `side` part: (N,C,side,side) of `x` (N,C,H,W), from `top` and `left`, int64 (N,)."""
    count, channels, _, width = x.shape
    steps = torch.arange(side, device=x.device)
    rows = (top[:, None] + steps)[:, None, :, None].expand(count, channels, side, width)
    columns = (left[:, None] + steps)[:, None, None, :].expand(count, channels, side, side)
    return x.gather(2, rows).gather(3, columns)


def _extent(occupied: Tensor) -> tuple[Tensor, Tensor]:
    # argmax needs numbers, and on equal ones it takes the first: the first and, flipped, the last occupied line.
    numbers = occupied.to(torch.uint8)
    first = numbers.argmax(dim=1)
    last = occupied.shape[1] - 1 - numbers.flip(1).argmax(dim=1)
    return first, torch.where(occupied.any(dim=1), last - first + 1, 0)
