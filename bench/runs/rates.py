"""How long steps and images take: recorded by every run that was made, or by a short calibration. OUT/rates/."""

import contextlib
import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.runs.meter import Spent, Tally
from bench.util.files import sha256, write_json

CPU = "CPU"
BUSY = 0.8
"""Work that got less than this share of one processor shared it with other work."""
TOO_SHORT = 0.1
"""What took less than this share of the time that a figure rests on does not replace it."""

Kind = Literal["train", "score", "probe", "rest", "pack", "start"]
"""Seconds of a training step, by stage; of filling and scoring an image, by mask set; of probing one, by probe; of what
else a run does on the way to its record; of packing an image; of starting a process."""
Source = Literal["recorded", "calibrated"]


class Pace(BaseModel):
    """Mean seconds of one thing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Source
    wall: float = Field(ge=0, allow_inf_nan=False)
    cpu: float = Field(ge=0, allow_inf_nan=False)
    """Of processor time, by all processes that share the work."""
    count: int = Field(ge=1)
    """Over how many."""

    @property
    def busy(self) -> bool:
        return self.cpu < BUSY * self.wall


class Known(BaseModel):
    """What is known of one method on one device: a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str
    processes: int = Field(default=1, ge=1)
    time: float
    paces: dict[Kind, dict[str, Pace]] = {}


@dataclass(frozen=True)
class Rate:
    """What is known, as an estimate takes it."""

    device: str
    paces: Mapping[Kind, Mapping[str, Pace]]
    shared: int = 1
    """By how many processes training is divided, where so many have never been measured."""

    def cost(self, kind: Kind, amounts: Mapping[str, float], as_made: bool = False) -> Spent | None:
        """Of so many steps or images, on a machine with nothing else to do; None where nothing is known of them.

        What was never measured by its own name takes the mean of the others. `as_made`: as long as recorded runs took
        on the clock, whatever else the machine did, which is what a job's time limit must hold.
        """
        known, asked = self.paces.get(kind, {}), {name: amount for name, amount in amounts.items() if amount}
        if asked and not known:
            return None
        each = {name: self._spent(pace, as_made) for name, pace in known.items()}
        mean = sum(each.values(), Spent()) * (1 / max(1, len(each)))
        return sum((each.get(name, mean) * amount for name, amount in asked.items()), Spent())

    def _spent(self, pace: Pace, as_made: bool) -> Spent:
        """Alone on a processor nothing takes longer than its processor time, whatever the clock said on a busy one."""
        quiet = self.device == CPU and not (as_made and pace.source == "recorded")
        return Spent(min(pace.wall, pace.cpu) if quiet else pace.wall, pace.cpu)

    def __str__(self) -> str:
        paces = [pace for kind in ("train", "score") for pace in self.paces.get(kind, {}).values()]
        sources = " and ".join(sorted({pace.source for pace in paces}, reverse=True))
        busy = " (it was busy)" if self.device == CPU and any(pace.busy for pace in paces) else ""
        evenly = f", if {self.shared} processes share it evenly" if self.shared > 1 else ""
        return f"{sources} on {self.device}{busy}{evenly}"


def device_name(kind: str) -> str:
    """What a torch device of this kind is called; processors are all called CPU."""
    if kind != "cuda":
        return CPU if kind == "cpu" else kind
    import torch

    return torch.cuda.get_device_name()


def put(
    out: Path,
    name: str,
    kind: Kind,
    tallies: Mapping[str, Tally],
    device: str = CPU,
    source: Source = "recorded",
    processes: int = 1,
) -> None:
    """Remember how long things took. One small file for each device and number of processes.

    The last figure counts, but no calibration before a run, and none that rests on next to nothing. A rate is worth
    no run: where it cannot be written it is not.
    """
    new = {what: _pace(tally, source, processes) for what, tally in tallies.items() if tally.count}
    path = _files(out, name).with_name(f"{name}@{_plain(device)}{f'-by-{processes}' if processes > 1 else ''}.json")
    known = _read(path) or Known(device=device, processes=processes, time=0.0)
    old = known.paces.get(kind, {})
    better = {what: pace for what, pace in new.items() if what not in old or _replaces(pace, old[what])}
    if better:
        paces = {**known.paces, kind: {**old, **better}}
        made = known.model_copy(update={"time": round(time.time(), 3), "paces": paces})
        with contextlib.suppress(OSError):
            write_json(path, made.model_dump(mode="json"))


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name)


def _pace(tally: Tally, source: Source, processes: int) -> Pace:
    spent = tally.spent * (1 / tally.count)
    return Pace(source=source, wall=max(0.0, spent.wall), cpu=max(0.0, spent.cpu) * processes, count=tally.count)


def _replaces(new: Pace, old: Pace) -> bool:
    if new.source != old.source:
        return new.source == "recorded"
    return new.count * new.cpu >= TOO_SHORT * old.count * old.cpu


def find(out: Path, name: str, gpu: bool = False, processes: int = 1) -> Rate | None:
    """What is known of a name: of a GPU where one is asked for, the newest of several; None where nothing is.

    Where so many processes have never trained it together, one process's time is taken, divided among them.
    """
    found = [known for path in _files(out, name).parent.glob(f"{name}@*.json") if (known := _read(path))]
    fitting = [known for known in found if (known.device != CPU) == gpu] or found
    alone = _newest(known for known in fitting if known.processes == 1)
    if processes == 1:
        return alone
    together = _newest(known for known in fitting if known.processes == processes)
    if together is not None:
        return replace(together, paces={**(alone.paces if alone else {}), "train": together.paces.get("train", {})})
    if alone is None or "train" not in alone.paces:
        return alone
    shared = {
        what: pace.model_copy(update={"wall": pace.wall / processes}) for what, pace in alone.paces["train"].items()
    }
    return replace(alone, paces={**alone.paces, "train": shared}, shared=processes)


def _newest(found: Iterable[Known]) -> Rate | None:
    newest = max(found, key=lambda known: known.time, default=None)
    return None if newest is None else Rate(newest.device, newest.paces)


def name_of(method: str, scale: str, settings: Mapping[str, Any], resolution: int) -> str:
    """What the rates of a method are kept under: seeds share them, and so do data sets and mask sets."""
    same = json.dumps([method, dict(settings), resolution], sort_keys=True)
    return f"{method}-{scale}-{sha256(same.encode())[:8]}"


def data_name(data: str, resolution: int) -> str:
    """What the rate of packing a data set is kept under."""
    return f"data-{data}-{resolution}"


START = "start"
"""What the rate of starting a process is kept under."""


def _files(out: Path, name: str) -> Path:
    return out / "rates" / name


def _read(path: Path) -> Known | None:
    """None where the file is not there, or is none of ours."""
    try:
        return Known.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
