"""What a device can do at most, measured on the spot, and what share of it a piece of work reaches.

The roof of arithmetic is the faster of a large matrix product and a large convolution, that of memory a copy.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from bench.speed.timing import Row, race, row

_BYTES = 2**28


class Sizes(NamedTuple):
    side: int
    """Of the matrices."""
    images: int
    channels: int
    """In and out of the convolution, 3x3 over pictures of 64x64."""


SIZES = {"cpu": Sizes(1024, 8, 64), "cuda": Sizes(8192, 64, 256)}
"""Large enough that no larger ones are done faster."""


def share(flops: float, milliseconds: float, device: str, precision: torch.dtype) -> float:
    """The share of the roof of arithmetic in `precision` that so many operations in that time are, 0...1."""
    return flops / milliseconds / max(_flops_per_ms(device, precision).values())


def fraction(megabytes: float, milliseconds: float, device: str) -> float:
    """The share of the memory bandwidth that moving `megabytes` in `milliseconds` is, in 0...1."""
    return megabytes / milliseconds / _megabytes_per_ms(device)


def megabytes(*batches: Tensor) -> float:
    """The size of the batches."""
    return sum(batch.numel() * batch.element_size() for batch in batches) / 1e6


def flops(work: Callable[[], object]) -> float:
    """Multiplications and additions of the products and convolutions in `work` and its gradients, by torch's count."""
    counter = _Counter()
    with counter:
        work()
    return counter.total


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """torch's FlopCounterMode less its table of modules, whose hooks no gradient penalty gets past."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if (count := flop_registry.get(func._overloadpacket)) is not None:
            self.total += count(*args, **(kwargs or {}), out_val=result)
        return result


def rows(device: str) -> list[Row]:
    """A line for each precision: what the roof is. No peer."""
    found = []
    for precision in (torch.float32, torch.bfloat16):
        rates = _flops_per_ms(device, precision)
        side = SIZES[device].side
        note = f"{rates['product'] / 1e9:,.3f} TFLOP/s; convolution: {rates['convolution'] / 1e9:,.3f}"
        if precision == torch.float32:
            note += f"; copying: {_megabytes_per_ms(device):,.1f} GB/s"
        name = str(precision).removeprefix("torch.")
        found.append(row(f"roof, {name}", f"product {side}²", 2 * side**3 / rates["product"], "", None, note=note))
    return found


@lru_cache
def _flops_per_ms(device: str, precision: torch.dtype) -> dict[str, float]:
    """Of the matrix `product` and of the `convolution`."""
    sizes = SIZES[device]
    left, right = (torch.ones(sizes.side, sizes.side, device=device, dtype=precision) for _ in range(2))
    image = torch.ones(sizes.images, sizes.channels, 64, 64, device=device, dtype=precision)
    image = image.contiguous(memory_format=torch.channels_last)
    weight = torch.ones(sizes.channels, sizes.channels, 3, 3, device=device, dtype=precision)
    calls: dict[str, Callable[[], Tensor]] = {
        "product": lambda: left @ right,
        "convolution": lambda: conv2d(image, weight, padding=1),
    }
    with torch.no_grad():
        counts = {name: flops(call) for name, call in calls.items()}
        times = race({name: _waited(call, device) for name, call in calls.items()}, quick=True)
    return {name: counts[name] / times[name] for name in calls}


@lru_cache
def _megabytes_per_ms(device: str) -> float:
    """By copying: what is read and what is written count."""
    source = torch.zeros(_BYTES, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    copy = _waited(lambda: target.copy_(source), device)
    return 2 * _BYTES / 1e6 / race({"copy": copy}, quick=True)["copy"]


def _waited(call: Callable[[], Tensor], device: str) -> Callable[[], None]:
    """The call, over when a graphics card is done with it."""

    def run() -> None:
        call()
        if device != "cpu":
            torch.cuda.synchronize()

    return run
