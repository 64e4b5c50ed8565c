"""A short calibration: `python -m bench.cluster.calibrate`, tasks as JSON on stdin; a line of JSON for each.

It trains a few steps and fills a few pictures of noise, in a process of its own: a method too large for this machine
then takes nothing else down.
"""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from bench.cluster import rates
from bench.cluster.task import Task
from bench.data.pack import Packed
from bench.masks.sets import mask_set
from bench.methods.base import DataFacts, Inpainter, Method, Stage, fill
from bench.methods.catalog import find
from bench.runs.building import build_method
from bench.training.device import open_fabric
from bench.training.loop import Training
from bench.training.options import Options
from bench.util.errors import Stopped

SECONDS = 4.0
"""For each stage, after a first step that does not count."""
LIMIT_SECONDS = 120
IMAGES = 64
MARK = "calibrated: "


def calibrate(tasks: Sequence[Task]) -> dict[str, str]:
    """Measure and remember; returns for the ids where that was not possible why."""
    trouble: dict[str, str] = {}
    left = list(tasks)
    while left:
        lines, why = _lines(left)
        for task, line in zip(left, lines, strict=False):
            found = json.loads(line)
            for kind in found.keys() & {"train", "evaluate"}:
                rates.put(task, kind, found[kind], found["device"], "calibrated")
        left = left[len(lines) :]
        if left:  # the first of them has ended the process
            trouble[left.pop(0).id] = why
    return trouble


def _lines(tasks: Sequence[Task]) -> tuple[list[str], str]:
    """What a process of its own says of these tasks, and why it did not go on."""
    asked = json.dumps([task.model_dump(mode="json") for task in tasks])
    with subprocess.Popen(
        [sys.executable, "-m", "bench.cluster.calibrate"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            out, err = process.communicate(asked, timeout=LIMIT_SECONDS * len(tasks))
            why = (err.strip().splitlines() or [f"exit code {process.returncode}"])[-1]
        except subprocess.TimeoutExpired:
            process.kill()
            out, why = process.communicate()[0], f"it takes more than {LIMIT_SECONDS} s here"
    return [line.removeprefix(MARK) for line in out.splitlines() if line.startswith(MARK)], why


def measure(task: Task) -> dict[str, float | str]:
    """Seconds of a training step (the mean over all steps of the stages) and of filling one picture."""
    assert task.protocol is not None
    side = task.protocol.resolution
    fabric = open_fabric(task.request.device)
    method = build_method(
        find(task.request.include)[task.request.key], task.settings | task.places, DataFacts(side, IMAGES), seed=0
    )
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 3, side, side), dtype=np.uint8)
    names = [str(number) for number in range(IMAGES)]
    noise = Packed(names, names, pixels)
    found: dict[str, float | str] = {"device": rates.device_name(fabric.device.type)}
    stages = method.stages()
    if stages:
        total = sum(_step_seconds(OneStage(method, stage), noise, fabric) * stage.steps for stage in stages)
        found["train"] = total / sum(stage.steps for stage in stages)
    for network in method.networks().values():
        network.to(fabric.device)
    return found | {"evaluate": _image_seconds(method.inpainter(), noise, fabric.device)}


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


def _step_seconds(method: OneStage, noise: Packed, fabric: Fabric) -> float:
    """By the real loop, in a folder that is thrown away. The first step does not count, unless it is the only one."""
    ends = [time.monotonic()]
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(Stopped):
        training = Training(Path(name), method, noise, 0, fabric)
        training.run(Options(minutes=SECONDS / 60), lambda *_: ends.append(time.monotonic()), lambda *_: None)
    counted = ends[1:] if len(ends) > 2 else ends
    return (counted[-1] - counted[0]) / (len(counted) - 1)


def _image_seconds(inpainter: Inpainter, noise: Packed, device: torch.device) -> float:
    """One full call: what an image costs on the way."""
    count = min(inpainter.images_at_once, IMAGES)
    image = noise.tensor(range(count)).to(device)
    hole = mask_set("center").holes(noise.ids[:count], *image.shape[-2:]).to(device)
    began = time.monotonic()
    fill(inpainter, image, hole, torch.arange(count)).cpu()
    return (time.monotonic() - began) / count


def main() -> None:
    for content in json.load(sys.stdin):
        print(MARK + json.dumps(measure(Task.model_validate(content))), flush=True)


if __name__ == "__main__":
    main()
