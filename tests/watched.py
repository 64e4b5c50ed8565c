"""What tests of trainings watch with: optimisers that tell when they step, operations that wait, weights kept."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Recorder:
    """An optimiser that tells when it steps."""

    def __init__(self, name, inner, events):
        self.name, self.inner, self.events = name, inner, events

    def step(self):
        self.events.append(self.name)
        self.inner.step()

    def __getattr__(self, item):
        return getattr(self.inner, item)


class Waits(TorchDispatchMode):
    """Notes operations whose result's shape or value the processor must wait for."""

    def __init__(self):
        super().__init__()
        self.found = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket.__name__ in ("_local_scalar_dense", "nonzero", "masked_select", "unique2", "equal"):
            self.found.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


def copied(network):
    return [weight.detach().clone() for weight in network.parameters()]


def same(network, weights):
    return all(torch.equal(a, b) for a, b in zip(network.parameters(), weights, strict=True))
