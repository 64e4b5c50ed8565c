"""A short calibration: `python -m bench.cluster.calibrate`, tasks as JSON on stdin; a line of JSON for each.

It trains a few steps, fills and scores a few pictures of noise and draws a few pictures of a data set, in a process of
its own: a method too large for this machine then takes nothing else down. On the processor it uses one thread, whose
processor time is what the work takes on a quiet machine, however busy this one is: threads that wait for each other
burn it.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from bench.cluster.task import Task
from bench.data import Packed
from bench.data.decode import UnusableError
from bench.data.held_out import MOST_IMAGES, ONE_IN
from bench.data.loading import to_pack
from bench.data.protocol import Protocol
from bench.masks.sets import mask_set
from bench.methods.base import DataFacts, Inpainter, Method, Stage
from bench.methods.catalog import find
from bench.metrics import Lpips
from bench.runs import rates
from bench.runs.building import build_method
from bench.runs.evaluation import evaluate, images_at_once
from bench.runs.meter import Spent, Tally, now, timed
from bench.training.device import open_fabric
from bench.training.held_out import HeldOut
from bench.training.loop import SAMPLES, Training
from bench.training.options import Options
from bench.training.samples import draw_samples
from bench.util.errors import Stopped

SECONDS = 2.0
"""Of the processor for each stage, after a first step."""
SCORING_SECONDS = 20.0
"""Of the processor, after which no further mask set is tried; they take the mean of those that were."""
LIMIT_SECONDS = 120
IMAGES = MOST_IMAGES * ONE_IN
"""Pictures of noise at most: as many as it takes to hold the usual number out."""
DIFFERENT = 64
"""So many of them differ."""
DRAWN = 16
"""Pictures of a data set that are drawn."""
MARK = "calibrated: "


@dataclass
class Calibrated:
    """What a calibration has to say beside the rates that it leaves."""

    trouble: dict[str, str] = field(default_factory=dict)
    """For the ids where it was not possible, why."""
    spent: Spent = field(default_factory=Spent)

    @property
    def share(self) -> float:
        """How much of one processor it got; all of one on a machine with nothing else to do."""
        return self.spent.cpu / self.spent.wall if self.spent.wall else 1.0


def calibrate(tasks: Sequence[Task], out: Path) -> Calibrated:
    """Measure what tasks take, and what starting a process does, and remember it under `out`."""
    made, left = Calibrated(), list(tasks)
    more = True
    while more:
        lines, why = _lines(left)
        for name, line in zip([rates.START, *(task.rate_name for task in left)], lines, strict=False):
            _remember(out, name, line, made)
        left = left[max(0, len(lines) - 1) :]
        if left:
            made.trouble[left.pop(0).id] = why  # it has ended the process
        more = bool(left)
    return made


def _remember(out: Path, name: str, line: str, made: Calibrated) -> None:
    """`line` tells the device and, by kind, what was measured: count, seconds on the clock and of the processor."""
    device, kinds = json.loads(line)
    for kind, items in kinds.items():
        tallies = {what: Tally(int(count), Spent(wall, cpu)) for what, (count, wall, cpu) in items.items()}
        rates.put(out, name, kind, tallies, device, "calibrated")
        if device == rates.CPU:
            made.spent += sum((tally.spent for tally in tallies.values()), Spent())


def _lines(tasks: Sequence[Task]) -> tuple[list[str], str]:
    """What a process of its own says of its start and of these tasks, and why it did not go on."""
    asked = json.dumps([task.model_dump(mode="json") for task in tasks])
    with subprocess.Popen(
        [sys.executable, "-m", "bench.cluster.calibrate"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            out, err = process.communicate(asked, timeout=LIMIT_SECONDS * (1 + len(tasks)))
            why = (err.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        except subprocess.TimeoutExpired:
            process.kill()
            out, why = process.communicate()[0], f"it takes more than {LIMIT_SECONDS} s here"
    return [line.removeprefix(MARK) for line in out.splitlines() if line.startswith(MARK)], why


Found = dict[rates.Kind, Mapping[str, Tally]]


def measure(task: Task) -> tuple[str, Found]:
    """The device, and what was measured on it."""
    assert task.protocol is not None
    if task.kind == "data":
        return rates.CPU, {"pack": {"image": _draw(task.protocol, task.request.cache)}}
    fabric = open_fabric(task.request.device)
    if fabric.device.type == "cpu":
        torch.set_num_threads(1)
    noise = _noise(task.protocol)
    facts = DataFacts(task.protocol.resolution, len(noise))
    method = build_method(find(task.request.include)[task.request.key], task.settings | task.places, facts, seed=0)
    found: Found = {}
    if stages := method.stages():
        found["train"] = {stage.name: _stage(OneStage(method, stage), noise, fabric) for stage in stages}
    for network in method.networks().values():
        network.to(fabric.device)
    found["score"] = _scoring(task, method.inpainter(), noise, fabric.device)
    return rates.device_name(fabric.device.type), found


def _draw(protocol: Protocol, cache: Path) -> Tally:
    items = to_pack(protocol, cache)
    some = items[:: max(1, len(items) // DRAWN)][:DRAWN]
    with timed() as tally:
        for item in some:
            with contextlib.suppress(UnusableError):
                item.draw()
    return Tally(len(some), tally.spent)


def _noise(protocol: Protocol) -> Packed:
    """As many pictures as the protocol trains on, within reason."""
    side, (train, *others) = protocol.resolution, protocol.split
    count = min(protocol.images * train // (train + sum(others)), protocol.train_images or IMAGES, IMAGES)
    count = max(count, DIFFERENT)
    pixels = np.random.default_rng(0).integers(0, 256, (DIFFERENT, 3, side, side), dtype=np.uint8)
    names = [str(number) for number in range(count)]
    return Packed(names, names, np.resize(pixels, (count, 3, side, side)))


class OneStage(Method):
    """A method as if it had one stage only."""

    def __init__(self, method: Method, stage: Stage) -> None:
        super().__init__(method.settings, method.data)
        self.method, self.stage = method, stage

    def networks(self) -> dict[str, nn.Module]:
        return self.method.networks()

    def stages(self) -> Sequence[Stage]:
        return [self.stage]

    def inpainter(self) -> Inpainter:
        return self.method.inpainter()

    def preview(self) -> Inpainter:
        return self.method.preview()


def _stage(method: OneStage, noise: Packed, fabric: Fabric) -> Tally:
    """A whole stage, from a few steps of the real loop in a folder that is thrown away, and a look at its pictures."""
    marks, steps = [now()], method.stage.steps

    def hear(what: str, done: int, total: int) -> None:
        marks.append(_settled(fabric))
        if len(marks) > 2 and (marks[-1] - marks[1]).cpu >= SECONDS:
            raise Stopped("that is enough", interrupted=False)

    with tempfile.TemporaryDirectory() as name:
        with contextlib.suppress(Stopped):
            Training(Path(name), method, noise, 0, fabric).run(Options(), hear, lambda *_: None)
        done, first = len(marks) - 1, marks[1] - marks[0]
        each = (marks[-1] - marks[1]) * (1 / (done - 1)) if done > 1 else Spent()
        with timed() as look:
            draw_samples(Path(name) / "look.png", method.method, noise)
            HeldOut(noise, method.method).measure(method.stage.name, done)
    looks = max(0, SAMPLES - done // max(1, steps // SAMPLES))
    return Tally(steps, first + each * (steps - 1) + look.spent * looks)


def _settled(fabric: Fabric) -> Spent:
    """The time, when all that was asked of a GPU is done."""
    if fabric.device.type == "cuda":
        torch.cuda.synchronize()
    return now()


def _scoring(task: Task, inpainter: Inpainter, noise: Packed, device: torch.device) -> dict[str, Tally]:
    """One batch under each mask set, by the real evaluation. Of other pictures first, which does not count."""
    assert task.protocol is not None
    lpips, found, spent = Lpips.open(task.request.lpips), dict[str, Tally](), 0.0
    count = min(images_at_once(inpainter), len(noise) // 2, task.protocol.test_images)
    parts = [slice(0, count), slice(count, 2 * count)]
    for place, spec in enumerate(task.protocol.mask_sets):
        for part in parts[1:] if place else parts:
            some = Packed(noise.ids[part], noise.groups[part], noise.pixels[part])
            with tempfile.TemporaryDirectory() as name, timed() as tally:
                evaluate(inpainter, some, (spec,), 0, device, Path(name), lambda *_: None, lpips)
            spent += tally.spent.cpu
            if spent > SCORING_SECONDS:
                break
        found[mask_set(spec).name] = Tally(count, tally.spent)
        if spent > SCORING_SECONDS:
            break
    return found


def main() -> None:
    _say(rates.CPU, {"start": {"process": Tally(1, Spent(now().cpu, now().cpu))}})
    for content in json.load(sys.stdin):
        _say(*measure(Task.model_validate(content)))


def _say(device: str, found: Found) -> None:
    kinds = {
        kind: {name: (tally.count, tally.spent.wall, tally.spent.cpu) for name, tally in tallies.items()}
        for kind, tallies in found.items()
    }
    print(MARK + json.dumps([device, kinds]), flush=True)


if __name__ == "__main__":
    main()
