"""Faster arithmetic in training: memory layout, bfloat16, torch.compile.

A graphics card works in channels-last layout. A processor does not by itself: it was measured to bring 0.94 to 1.25
times the speed, by network, and a method that gains asks for it. bfloat16 and torch.compile move numbers, so they are
settings, and with them part of a run's key.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils._pytree import tree_map_only

from bench.methods.base import Stage, TrainedSettings

BACKEND = "inductor"
"""What torch.compile compiles with."""


@contextmanager
def sped_up(stage: Stage, how: TrainedSettings, device: torch.device, backend: str = "") -> Iterator[None]:
    """Within, the stage's networks work as `how` and the device ask for; afterwards they are as before.

    `backend`: what torch.compile compiles with in place of BACKEND.
    """
    with ExitStack() as stack:
        for name, network in stage.networks.items():
            network.to(device)
            if device.type == "cuda" and not _is_channels_last(network):
                stack.enter_context(_channels_last(network))
            if how.precision == "bf16":
                stack.enter_context(_bfloat16(network, device.type))
            if how.compiled and name not in stage.penalised:
                stack.enter_context(_compiled(network, backend or BACKEND))
        yield


def told(stage: Stage, how: TrainedSettings) -> dict[str, Any]:
    """What a log says of it; empty for plain float32."""
    facts: dict[str, Any] = {} if how.precision == "float32" else {"precision": how.precision}
    if how.compiled:
        facts["compiled"] = sorted(stage.networks.keys() - stage.penalised)
        facts["not compiled, for their gradient is differentiated again"] = sorted(stage.penalised)
    return facts


def _is_channels_last(network: nn.Module) -> bool:
    return any(weight.dim() == 4 and not weight.is_contiguous() for weight in network.parameters())


@contextmanager
def _channels_last(network: nn.Module) -> Iterator[None]:
    # Module.to's overloads leave out a memory format alone.
    to: Callable[..., nn.Module] = network.to
    to(memory_format=torch.channels_last)
    try:
        yield
    finally:
        to(memory_format=torch.contiguous_format)


@contextmanager
def _bfloat16(network: nn.Module, kind: str) -> Iterator[None]:
    """Convolutions and products in bfloat16 under autocast; weights, results and losses stay float32."""
    plain = network.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        with torch.autocast(kind, torch.bfloat16):
            result = plain(*args, **kwargs)
        return tree_map_only(Tensor, lambda value: value.float() if value.is_floating_point() else value, result)

    network.forward = forward  # an attribute of the object, in front of the class's method
    try:
        yield
    finally:
        del network.forward


@contextmanager
def _compiled(network: nn.Module, backend: str) -> Iterator[None]:
    """What cannot be compiled runs as it is, and torch warns of it."""
    with torch._dynamo.config.patch(suppress_errors=True):
        network.compile(backend=backend)
        try:
            yield
        finally:
            network._compiled_call_impl = None


class _Once(torch.autograd.Function):
    """The identity, whose gradient cannot be differentiated."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.view_as(value)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient


@contextmanager
def differentiated_once(networks: Mapping[str, nn.Module]) -> Iterator[None]:
    """Within, differentiating a network's gradient again raises RuntimeError, as it would for a compiled one."""

    def guard(network: nn.Module, args: Any) -> Any:
        return tree_map_only(Tensor, lambda value: _Once.apply(value) if value.requires_grad else value, args)

    handles = [network.register_forward_pre_hook(guard) for network in networks.values()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
