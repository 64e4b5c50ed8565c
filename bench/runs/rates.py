"""How long steps and images take: recorded by every run that was made, or by a short calibration. OUT/rates/."""

import contextlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.runs.meter import Spent, Tally
from bench.util.files import sha256, write_json

CPU = "CPU"
BUSY = 0.8
"""Work that got less than this share of one processor shared it with other work."""
MANY = 10
"""So many times as much work counts more than a quiet machine."""
TOO_SHORT = 0.1
"""What took less than this share of the time that a figure rests on does not replace it."""

Kind = Literal["train", "score", "probe", "rest", "pack", "start"]
"""Seconds of a training step, by stage; of filling and scoring an image, by mask set; of probing one, by probe; of what
else a run does on the way to its record; of packing an image; of starting a process."""
Source = Literal["recorded", "calibrated"]


class Pace(BaseModel):
    """Mean seconds of one thing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wall: float = Field(ge=0, allow_inf_nan=False)
    cpu: float = Field(ge=0, allow_inf_nan=False)
    """Of processor time, by all processes that share the work."""
    count: int = Field(ge=1)
    """Over how many."""

    @property
    def busy(self) -> bool:
        """On a processor: whether it had to share it. Threads that wait for each other then burn processor time."""
        return self.cpu < BUSY * self.wall


Paces = Mapping[Kind, Mapping[str, Pace]]


class Known(BaseModel):
    """What one source knows of one method on one device: a file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str
    processes: int = Field(default=1, ge=1)
    time: float
    paces: dict[Kind, dict[str, Pace]] = {}


@dataclass(frozen=True)
class Rate:
    """What is known, as an estimate takes it."""

    device: str
    recorded: Paces
    calibrated: Paces = field(default_factory=dict)
    shared: int = 1
    """By how many processes training is divided, where so many have never been measured."""

    def cost(self, kind: Kind, amounts: Mapping[str, float], as_made: bool = False) -> Spent | None:
        """Of so many steps or images, on a machine with nothing else to do; None where nothing is known of them.

        What was never measured by its own name takes the mean of the others. `as_made`: as long as recorded runs took
        on the clock, whatever else the machine did, which is what a job's time limit must hold.
        """
        asked = {name: amount for name, amount in amounts.items() if amount}
        each = {name: self._spent(source, pace, as_made) for name, (source, pace) in self.used(kind, as_made).items()}
        if asked and not each:
            return None
        mean = sum(each.values(), Spent()) * (1 / max(1, len(each)))
        return sum((each.get(name, mean) * amount for name, amount in asked.items()), Spent())

    def used(self, kind: Kind, as_made: bool = False) -> dict[str, tuple[Source, Pace]]:
        """What counts, and where it is from: what was recorded, unless that was on a busy machine and cost more."""
        found: dict[str, tuple[Source, Pace]] = {
            name: ("calibrated", pace) for name, pace in self.calibrated.get(kind, {}).items()
        }
        for name, pace in self.recorded.get(kind, {}).items():
            if as_made or name not in found or not self._doubtful(pace) or pace.cpu <= found[name][1].cpu:
                found[name] = ("recorded", pace)
        return found

    def _doubtful(self, pace: Pace) -> bool:
        return self.device == CPU and pace.busy

    @property
    def doubtful(self) -> bool:
        """Whether it was recorded on a busy machine, and a calibration might know better."""
        return any(
            self._doubtful(pace) and name not in self.calibrated.get(kind, {})
            for kind in ("train", "score")
            for name, pace in self.recorded.get(kind, {}).items()
        )

    def _spent(self, source: Source, pace: Pace, as_made: bool) -> Spent:
        """Alone on a processor nothing takes longer than its processor time, whatever the clock said on a busy one."""
        quiet = self.device == CPU and not (as_made and source == "recorded")
        return Spent(min(pace.wall, pace.cpu) if quiet else pace.wall, pace.cpu)

    def __str__(self) -> str:
        used = [one for kind in ("train", "score") for one in self.used(kind).values()]
        sources = " and ".join(sorted({source for source, _ in used}, reverse=True))
        busy = " (it was busy)" if any(self._doubtful(pace) for _, pace in used) else ""
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
    """Remember how long things took. One small file for each device, number of processes and source.

    The last figure counts, but none that rests on next to nothing, nor one from a busy machine where a better one is
    known. A rate is worth no run: where it cannot be written it is not.
    """
    new = {what: _pace(tally, processes) for what, tally in tallies.items() if tally.count}
    path = _files(out, name).with_name(f"{name}@{_plain(device, processes, source)}.json")
    known = _read(path) or Known(device=device, processes=processes, time=0.0)
    old = known.paces.get(kind, {})
    better = {what: pace for what, pace in new.items() if what not in old or _replaces(pace, old[what], device)}
    if better:
        paces = {**known.paces, kind: {**old, **better}}
        made = known.model_copy(update={"time": round(time.time(), 3), "paces": paces})
        with contextlib.suppress(OSError):
            write_json(path, made.model_dump(mode="json"))


def _plain(device: str, processes: int, source: Source) -> str:
    """As the end of a file's name."""
    plain = re.sub(r"[^A-Za-z0-9]+", "-", device) + (f"-by-{processes}" if processes > 1 else "")
    return plain if source == "recorded" else f"{plain}@{source}"


def _pace(tally: Tally, processes: int) -> Pace:
    spent = tally.spent * (1 / tally.count)
    return Pace(wall=max(0.0, spent.wall), cpu=max(0.0, spent.cpu) * processes, count=tally.count)


def _replaces(new: Pace, old: Pace, device: str) -> bool:
    # A few first steps say little, however quiet the machine was.
    worse = device == CPU and new.busy and not old.busy and new.count < MANY * old.count
    return not worse and new.count * new.cpu >= TOO_SHORT * old.count * old.cpu


def find(out: Path, name: str, gpu: bool = False, processes: int = 1) -> Rate | None:
    """What is known of a name: of a GPU where one is asked for, the newest of several; None where nothing is.

    Where so many processes have never trained it together, one process's time is taken, divided among them.
    """
    files = _files(out, name).parent.glob(f"{name}@*.json")
    found = [(path.stem.endswith("@calibrated"), known) for path in files if (known := _read(path))]
    fitting = [(calibrated, known) for calibrated, known in found if (known.device != CPU) == gpu] or found
    newest = max((known for _, known in fitting), key=lambda known: known.time, default=None)
    if newest is None:
        return None

    def paces(calibrated: bool, count: int) -> dict[Kind, dict[str, Pace]]:
        """Of the newest's device."""
        asked = (calibrated, newest.device, count)
        return next((known.paces for is_so, known in fitting if (is_so, known.device, known.processes) == asked), {})

    alone = Rate(newest.device, paces(False, 1), paces(True, 1))
    if processes == 1:
        return alone
    if "train" in (together := paces(False, processes)):
        return replace(alone, recorded={**alone.recorded, "train": together["train"]})
    if not alone.used("train"):
        return alone
    recorded, calibrated = (_divided(one, processes) for one in (alone.recorded, alone.calibrated))
    return Rate(newest.device, recorded, calibrated, shared=processes)


def _divided(paces: Paces, processes: int) -> Paces:
    """With the time on the clock that a training takes if so many share it evenly."""
    train = paces.get("train", {}).items()
    shared = {name: pace.model_copy(update={"wall": pace.wall / processes}) for name, pace in train}
    return {**paces, "train": shared}


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
        return Known.model_validate_json(path.read_bytes()) if path.is_file() else None
    except (OSError, ValidationError):
        return None
