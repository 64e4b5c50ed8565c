"""How fast a device's memory really is, and what fraction of it a piece of work reaches."""

from functools import lru_cache

import torch
from torch import Tensor

from bench.speed.timing import race

_BYTES = 2**28


def fraction(megabytes: float, milliseconds: float, device: str) -> float:
    """The share of the memory bandwidth that moving `megabytes` in `milliseconds` is, in 0...1."""
    return megabytes / milliseconds / _megabytes_per_ms(device)


def megabytes(*batches: Tensor) -> float:
    """The size of the batches."""
    return sum(batch.numel() * batch.element_size() for batch in batches) / 1e6


@lru_cache
def _megabytes_per_ms(device: str) -> float:
    """By copying: what is read and what is written count."""
    source = torch.zeros(_BYTES, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)

    def copy() -> None:
        target.copy_(source)
        if device != "cpu":
            torch.cuda.synchronize()

    return 2 * _BYTES / 1e6 / race({"copy": copy}, quick=True)["copy"]
