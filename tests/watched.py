"""What tests of trainings use: optimisers that tell when they step, operations that wait, kept weights, one batch."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bench.methods.base import Batch
from bench.util.seeds import Chance


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


class SameBatch:
    """A feed: one batch of noise with the stage's own holes, again and again."""

    def __init__(self, stage, side=32):
        generator = torch.Generator().manual_seed(1)
        image = torch.rand(stage.batch_size, 3, side, side, generator=generator)
        holes = [torch.from_numpy(stage.holes.draw(Chance(i), side, side)) for i in range(stage.batch_size)]
        self.step, self.rng = 0, torch.Generator().manual_seed(2)
        self.drawn = Batch(image, torch.stack(holes).unsqueeze(1))

    def batch(self):
        return self.drawn
