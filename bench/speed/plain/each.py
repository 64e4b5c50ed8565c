"""One image at a time: memory stays flat, and no value can depend on the batch it was computed in."""

from collections.abc import Callable

import torch
from torch import Tensor

from bench.speed.plain.threads import side_by_side


def each(measure: Callable[..., Tensor], *batches: Tensor) -> Tensor:
    """float64 (N,): `measure` of the first image of every batch, of the second of every batch, and so on."""
    values = side_by_side(lambda images: measure(*images), zip(*batches, strict=True))
    return torch.stack(values).double() if values else torch.zeros(0, dtype=torch.float64)
