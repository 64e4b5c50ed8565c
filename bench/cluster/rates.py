"""How long steps take: recorded by every run that was made, or by a short calibration. OUT/cluster/rates/."""

import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cluster.task import Task, load_json, put_json
from bench.files import sha256

CPU = "CPU"


@dataclass(frozen=True)
class Rate:
    """Seconds of one training step and of scoring one image under one suite, and where that was measured."""

    device: str
    source: str
    """`recorded` (by a run) or `calibrated`."""
    train: float | None = None
    evaluate: float | None = None

    def __str__(self) -> str:
        return f"{self.source} on {self.device}"


def device_name(kind: str) -> str:
    """What a torch device of this kind is called; processors are all called CPU."""
    if kind != "cuda":
        return CPU if kind == "cpu" else kind
    import torch

    return torch.cuda.get_device_name()


def put(task: Task, kind: str, seconds_each: float, device: str, source: str) -> None:
    """Remember a rate. One small file for each device; the last one counts, but no calibration before a run."""
    path = _files(task).with_name(f"{name_of(task)}@{re.sub(r'[^A-Za-z0-9]+', '-', device)}.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    known = load_json(path) or {}
    if source == "calibrated" and known.get("source") == "recorded":
        return
    kept = known if known.get("source") == source else {}
    put_json(path, kept | {"device": device, "source": source, "time": time.time(), kind: seconds_each})


def find(task: Task, gpu: bool) -> Rate | None:
    """The rate for a task: of a GPU where one is asked for, the newest of several; None where nothing is known."""
    found = [content for path in _files(task).parent.glob(f"{name_of(task)}@*.json") if (content := load_json(path))]
    fitting = [content for content in found if (content["device"] != CPU) == gpu]
    return _newest(fitting or found)


def _newest(found: Iterable[dict[str, Any]]) -> Rate | None:
    newest = max(found, key=lambda content: float(content["time"]), default=None)
    if newest is None:
        return None
    return Rate(newest["device"], newest["source"], newest.get("train"), newest.get("evaluate"))


def name_of(task: Task) -> str:
    """What a rate is of: seeds share it."""
    side = task.protocol.resolution if task.protocol else 0
    same = json.dumps([task.key, task.settings, side], sort_keys=True)
    return f"{task.key}-{task.scale}-{sha256(same.encode())[:8]}"


def _files(task: Task) -> Path:
    """Where rates of this task lie, without the device."""
    return task.out / "cluster" / "rates" / name_of(task)
