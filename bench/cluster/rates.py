"""How long steps take: recorded by every run that was made, or by a short calibration. OUT/cluster/rates/."""

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.cluster.task import Task, load_json, put_json
from bench.util.files import sha256

CPU = "CPU"


@dataclass(frozen=True)
class Rate:
    """Seconds of one training step and of scoring one image under one mask set, and where that was measured."""

    device: str
    source: str
    """`recorded` (by a run) or `calibrated`."""
    train: float | None = None
    evaluate: float | None = None
    shared: int = 1
    """By how many processes `train` is divided, where so many have never been measured."""

    def __str__(self) -> str:
        evenly = f", if {self.shared} processes share it evenly" if self.shared > 1 else ""
        return f"{self.source} on {self.device}{evenly}"


def device_name(kind: str) -> str:
    """What a torch device of this kind is called; processors are all called CPU."""
    if kind != "cuda":
        return CPU if kind == "cpu" else kind
    import torch

    return torch.cuda.get_device_name()


def put(task: Task, kind: str, seconds_each: float, device: str, source: str, processes: int = 1) -> None:
    """Remember a rate. One small file for each device and number of processes; the last one counts, but no calibration
    before a run.
    """
    plain = re.sub(r"[^A-Za-z0-9]+", "-", device) + (f"-by-{processes}" if processes > 1 else "")
    path = _files(task).with_name(f"{name_of(task)}@{plain}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    known = load_json(path) or {}
    if source == "calibrated" and known.get("source") == "recorded":
        return
    kept = known if known.get("source") == source else {}
    about = {"device": device, "source": source, "time": time.time(), "processes": processes}
    put_json(path, kept | about | {kind: seconds_each})


def find(task: Task, gpu: bool, processes: int = 1) -> Rate | None:
    """The rate for a task: of a GPU where one is asked for, the newest of several; None where nothing is known.

    Where so many processes have never trained it together, one process's time is taken, divided among them.
    """
    found = [content for path in _files(task).parent.glob(f"{name_of(task)}@*.json") if (content := load_json(path))]
    fitting = [content for content in found if (content["device"] != CPU) == gpu] or found
    alone = _newest(content for content in fitting if content.get("processes", 1) == 1)
    if processes == 1:
        return alone
    together = _newest(content for content in fitting if content.get("processes", 1) == processes)
    if together is not None:
        return replace(together, evaluate=alone.evaluate if alone else None)
    if alone is None or alone.train is None:
        return alone
    return replace(alone, train=alone.train / processes, shared=processes)


def _newest(found: Iterable[dict[str, Any]]) -> Rate | None:
    newest = max(found, key=lambda content: float(content["time"]), default=None)
    if newest is None:
        return None
    return Rate(newest["device"], newest["source"], newest.get("train"), newest.get("evaluate"))


def name_of(task: Task) -> str:
    """What a rate is of: seeds share it."""
    side = task.protocol.resolution if task.protocol else 0
    same = json.dumps([task.request.key, task.settings, side], sort_keys=True)
    return f"{task.request.key}-{task.request.scale}-{sha256(same.encode())[:8]}"


def _files(task: Task) -> Path:
    """Where rates of this task lie, without the device."""
    return task.request.out / "cluster" / "rates" / name_of(task)
