"""Training: steps as the loop takes them, against the same networks trained in the manner of public ports.

Ports of these papers run eager float32 in the usual memory layout, update with torch's plain optimiser, decode or copy
each batch from the processor's memory, and read every loss each step to print it. Both start from the same weights and
draw the same pictures and holes; `agreement` is the largest difference between their weights after the first steps.

On a processor: the quick scale's networks at 64². On a graphics card: the paper's own networks and sizes; a second line
then has bfloat16 and torch.compile.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.optim import Optimizer

from bench.data import Packed
from bench.methods.base import DataFacts, Method, Stage, TrainedSettings
from bench.methods.catalog import Entry, find
from bench.methods.settings import DEFAULT, overrides
from bench.runs.building import build_method
from bench.runs.experiment import scale_protocols
from bench.speed.metrics import pictures
from bench.speed.timing import Row, race, row
from bench.training.device import open_fabric
from bench.training.feed import TrainingFeed
from bench.training.loop import set_up
from bench.training.speedups import sped_up

METHODS = ("fang2021", "ca", "glcic", "jiao2023")
IMAGES = 64
SHARED_STEPS = 3
"""Steps after which the weights of both are compared."""
STEPS, STEPS_CUDA = 1, 10
"""Steps of one timed call; the graphics card is waited for at its end."""
PORT = "port's manner"


@dataclass
class Runner:
    """One training of the last stage, which takes steps on demand."""

    stage: Stage
    feed: TrainingFeed
    read_each: bool
    """Whether every scalar is read each step, as ports do."""
    taken: int = field(default=0)

    def steps(self, count: int) -> None:
        for _ in range(count):
            # The stage's length stands: schedules of learning rates need a step within it.
            self.feed.start(self.taken % self.stage.steps)
            scalars = self.stage.step(self.feed)
            self.taken += 1
            if self.read_each:
                _ = [float(value) for value in scalars.values()]
        if self.feed.device.type == "cuda":
            torch.cuda.synchronize()

    def weights(self) -> list[torch.Tensor]:
        return [weight.detach() for network in self.stage.networks.values() for weight in network.parameters()]


def rows(quick: bool) -> list[Row]:
    """One line a method; on a graphics card a second one (not with `quick`)."""
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    known = find()
    return [found for key in METHODS for found in _rows(known[key], kind, quick)]


def _rows(entry: Entry, kind: str, quick: bool) -> list[Row]:
    scale = "paper" if kind == "cuda" else "quick"
    protocol = scale_protocols(entry, scale)[0]
    train = noise(protocol.resolution)
    found = [_row(entry, scale, train, kind, {}, quick)]
    if kind == "cuda" and not quick:
        found.append(_row(entry, scale, train, kind, {"precision": "bf16", "compiled": True}, quick))
    return found


def _row(entry: Entry, scale: str, train: Packed, kind: str, changes: dict[str, Any], quick: bool) -> Row:
    ours, theirs = _method(entry, scale, train, changes), _method(entry, scale, train, {})
    stage, device = ours.stages()[-1], torch.device(kind)
    port = as_port(theirs.stages()[-1], train, device)
    assert isinstance(ours.settings, TrainedSettings)
    with sped_up(stage, ours.settings, device):
        fabric = open_fabric(kind)
        set_up(fabric, stage, {})
        runner = Runner(stage, TrainingFeed(stage, train, 0, device), read_each=False)
        for one in (runner, port):
            one.steps(SHARED_STEPS)
        agreement = max(float((a - b).abs().max()) for a, b in zip(runner.weights(), port.weights(), strict=True))
        count = STEPS_CUDA if kind == "cuda" else STEPS
        times = race({"ours": lambda: runner.steps(count), PORT: lambda: port.steps(count)}, quick)
        memory = _peak(runner) if kind == "cuda" else ""
    side = train.pixels.shape[-1]
    size = f"{stage.batch_size} × {side}², {stage.name}"
    rates = f"{1000 * count / times['ours']:,.2f} and {1000 * count / times[PORT]:,.2f} steps a second{memory}"
    title = entry.key + (" bf16, compiled" if changes else "")
    return row(title, size, times["ours"] / count, PORT, times[PORT] / count, agreement, rates)


def _method(entry: Entry, scale: str, train: Packed, changes: dict[str, Any]) -> Method:
    values = overrides(entry.description(), scale, DEFAULT) | changes
    return build_method(entry, values, DataFacts(train.pixels.shape[-1], len(train)), seed=0)


def noise(side: int) -> Packed:
    """Pictures of `side` x `side` to train on: what is timed does not depend on them."""
    truth, _, _ = pictures(IMAGES, side)
    names = [str(index) for index in range(IMAGES)]
    return Packed(names, names, np.ascontiguousarray(truth.numpy()))


def as_port(stage: Stage, train: Packed, device: torch.device) -> Runner:
    """The stage with plain optimisers, its batches copied one by one, every loss read each step."""
    for network in stage.networks.values():
        to: Callable[..., torch.nn.Module] = network.to  # whose overloads leave out a memory format alone
        to(device=device, memory_format=torch.contiguous_format)
    stage.optimizers = {name: plain(optimizer) for name, optimizer in stage.optimizers.items()}
    return Runner(stage, TrainingFeed(stage, train, 0, device, resident=False), read_each=True)


def plain(optimizer: Optimizer) -> Optimizer:
    """The same optimiser over the same weights as torch makes it by itself, not fused."""
    make: Callable[..., Optimizer] = type(optimizer)
    groups = [dict(group) for group in optimizer.param_groups]
    for group in groups:
        group |= {name: None for name in ("fused", "foreach") if name in group}
    return make(groups)


def _peak(runner: Runner) -> str:
    torch.cuda.reset_peak_memory_stats()
    runner.steps(1)
    return f", {torch.cuda.max_memory_allocated() / 2**20:,.0f} MiB with both trainings on the card"
