"""Training: steps as the loop takes them, against the same networks trained in the manner of public ports.

Ports of these papers run eager float32 in the usual memory layout, update with torch's plain optimiser, decode or copy
each batch from the processor's memory, and read every loss each step to print it. Both start from the same weights and
draw the same pictures and holes. `agreement` is the largest difference in the first step, between their losses or a
network's gradients, as a share of their size: of bfloat16 and torch.compile against float32 too. What rounding alone
does, the line of plain float32 tells. Later steps say less: Adam's first updates are the signs of gradients, also of
those that are zero but for rounding.

The share of the roof: the operations of a step's products and convolutions, by torch's count, against the most that the
device does of them in the same precision (bench/speed/roof.py).

On a graphics card: the paper's own networks and sizes. On a processor: the quick scale's at 64²; bfloat16 and compiled
networks are compared at scale smoke, and compiled ones are traced and differentiated but not turned into machine code,
which takes minutes each.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.optim import Optimizer

from bench.data import Packed
from bench.methods.base import DataFacts, Method, Stage, TrainedSettings
from bench.methods.catalog import Entry, find
from bench.methods.settings import DEFAULT, overrides
from bench.runs.building import build_method
from bench.runs.replay import scale_protocols
from bench.speed import roof
from bench.speed.metrics import pictures
from bench.speed.timing import Row, race, row
from bench.training.device import open_fabric
from bench.training.feed import TrainingFeed
from bench.training.loop import set_up
from bench.training.speedups import sped_up

METHODS = ("fang2021", "ca", "glcic", "jiao2023")
"""With --quick, and on a processor at scale quick: the others are variations of these."""
WAYS: dict[str, dict[str, Any]] = {
    "bf16": {"precision": "bf16"},
    "compiled": {"compiled": True},
    "bf16, compiled": {"precision": "bf16", "compiled": True},
}
"""What runs may ask for that moves numbers."""
IMAGES = 64
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

    def first(self) -> dict[str, Tensor]:
        """Take a step; its losses, and each network's gradients in a row."""
        found = self.steps(1)
        for name, network in self.stage.networks.items():
            gradients = [weight.grad.flatten() for weight in network.parameters() if weight.grad is not None]
            found |= {f"gradients of {name}": torch.cat(gradients)} if gradients else {}
        return {name: value.detach().double().cpu() for name, value in found.items()}

    def steps(self, count: int) -> dict[str, Tensor]:
        """Take steps; the losses of the last."""
        losses: dict[str, Tensor] = {}
        for _ in range(count):
            # The stage's length stands: schedules of learning rates need a step within it.
            self.feed.start(self.taken % self.stage.steps)
            losses = self.stage.step(self.feed)
            self.taken += 1
            if self.read_each:
                _ = [float(value) for value in losses.values()]
        if self.feed.device.type == "cuda":
            torch.cuda.synchronize()
        return losses

    def weights(self) -> list[Tensor]:
        return [weight.detach() for network in self.stage.networks.values() for weight in network.parameters()]


def rows(quick: bool) -> list[Row]:
    """The roof, then a line a method; without `quick` one more for every method in each of the `WAYS`."""
    kind = "cuda" if torch.cuda.is_available() else "cpu"
    known = find()
    found = roof.rows(kind)
    everyone = [entry for entry in known.entries.values() if issubclass(entry.load().settings_class, TrainedSettings)]
    chosen = everyone if kind == "cuda" and not quick else [known[key] for key in METHODS]
    found += [_row(entry, "paper" if kind == "cuda" else "quick", kind, "", quick) for entry in chosen]
    for entry in () if quick else everyone:
        for way in WAYS:
            if not WAYS[way].get("compiled") or _compiles(entry):
                found.append(_row(entry, "paper" if kind == "cuda" else "smoke", kind, way, quick=kind == "cpu"))
    return found


def _compiles(entry: Entry) -> bool:
    """Whether the last stage has a network that may be compiled."""
    stage = _method(entry, "smoke", {}, 64).stages()[-1]
    return bool(stage.networks.keys() - stage.penalised)


def _row(entry: Entry, scale: str, kind: str, way: str, quick: bool) -> Row:
    side = scale_protocols(entry, scale)[0].resolution
    ours, theirs = (_method(entry, scale, changes, side) for changes in (WAYS.get(way, {}), {}))
    stage, device, train = ours.stages()[-1], torch.device(kind), noise(side)
    port = as_port(theirs.stages()[-1], train, device)
    assert isinstance(ours.settings, TrainedSettings)
    with sped_up(stage, ours.settings, device, backend="aot_eager" if kind == "cpu" else ""):
        set_up(open_fabric(kind), stage, {})
        runner = Runner(stage, TrainingFeed(stage, train, 0, device), read_each=False)
        agreement = apart(runner.first(), port.first())
        count = STEPS_CUDA if kind == "cuda" else STEPS
        times = race({"ours": lambda: runner.steps(count), PORT: lambda: port.steps(count)}, quick)
        memory = _peak(runner) if kind == "cuda" else ""
    precision = torch.bfloat16 if ours.settings.precision == "bf16" else torch.float32
    share = roof.share(count * roof.flops(lambda: port.steps(1)), times["ours"], kind, precision)
    rates = f"{1000 * count / times['ours']:,.2f} and {1000 * count / times[PORT]:,.2f} steps a second"
    note = f"{rates}, {100 * share:.1f} % of the roof{memory}"
    size = f"{stage.batch_size} × {side}², {stage.name}"
    title = f"{entry.key} {way}".rstrip()
    return row(title, size, times["ours"] / count, PORT, times[PORT] / count, agreement, note)


def apart(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> float:
    """The largest difference of any value, in Euclidean norm, as a share of theirs."""
    return max(float((ours[name] - value).norm() / value.norm().clamp(min=1e-12)) for name, value in theirs.items())


def _method(entry: Entry, scale: str, changes: dict[str, Any], side: int) -> Method:
    values = overrides(entry.description(), scale, DEFAULT) | changes
    return build_method(entry, values, DataFacts(side, IMAGES), seed=0)


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
