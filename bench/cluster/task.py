"""A task: a request narrowed to one run, and the folder that shows its progress."""

import json
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.data.protocol import Protocol
from bench.methods.settings import variant_name
from bench.runs import rates
from bench.runs.request import Request
from bench.util.errors import UserError
from bench.util.files import read_json, read_regular
from bench.util.text import unseen

Kind = Literal["data", "train", "evaluate", "report"]
"""What a part of a task does. A run's parts are `train` and `evaluate`."""


ENDED = ("done", "failed", "unfinished", "cancelled")
NUMBERED = ("started", "mark")
"""Events that say of which attempt they are."""
EVENT = (("attempt", int, 0), ("mark", str, ""), ("time", int | float, 0))
"""What events may hold, of which type, and what stands for it where it is left out."""


class Task(BaseModel):
    """A run, the packing of a data set, or a report."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    kind: Literal["run", "data", "report"]
    request: Request
    """Of a run: for this one variant, seed and data set. Of a report: for its paper."""
    protocol: Protocol | None = None
    """What follows from the request: a run's, or that of the data to be packed."""
    settings: dict[str, Any] = {}
    """All of the method's settings, those that the request changes among them."""
    places: dict[str, str] = {}
    """Where what the user supplied lies, by setting: the settings hold hashes."""
    trains: bool = False
    training: str = ""
    """Runs with the same value share one training."""
    submission: str = ""
    """The submission that works on it; parts of an earlier one step back."""

    @property
    def rate_name(self) -> str:
        """What the rates of a run's method, or of the packing of its data, are kept under."""
        side = self.protocol.resolution if self.protocol else 0
        if self.kind == "data":
            return rates.data_name(self.protocol.data_name if self.protocol else "", side)
        return rates.name_of(self.request.key, self.request.scale, self.settings, side)

    @property
    def variant(self) -> str:
        """Of a run: its name, with what `--set` changed but for what was supplied."""
        changes = self.request.changes.items()
        return variant_name(self.request.variant, {name: value for name, value in changes if name not in self.places})


class Folder:
    """A task's folder: OUT/cluster/tasks/<id>/."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.end_file = path / "end.json"
        self.heartbeat_file = path / "heartbeat.json"

    @property
    def id(self) -> str:
        return self.path.name

    def task(self) -> Task:
        """Raises UserError for a file that is not there or not whole."""
        try:
            return Task.model_validate(read_json(self.path / "task.json"))
        except ValidationError as error:
            raise UserError(
                f"{self.path / 'task.json'} is not a valid task. Delete its folder and submit again."
            ) from error

    def put(self, task: Task) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        put_json(self.path / "task.json", task.model_dump(mode="json"))

    def end(self) -> dict[str, Any] | None:
        """How the task ended, or None while it has not."""
        found = load_json(self.end_file)
        told = (found or {}).get("state"), (found or {}).get("error", ""), (found or {}).get("traceback", "")
        return found if all(isinstance(one, str) for one in told) and told[0] in ENDED else None

    def log(self, event: str, **facts: Any) -> None:
        """Append to events.jsonl, in one write."""
        line = json.dumps({"time": round(time.time(), 3), "event": event, **facts}) + "\n"
        with (self.path / "events.jsonl").open("ab", buffering=0) as file:
            file.write(line.encode())

    def events(self) -> list[dict[str, Any]]:
        """All events. A line that a killed writer left half is passed over."""
        try:
            text = read_regular(self.path / "events.jsonl").decode(errors="replace")
        except OSError:
            return []
        return list(_lines(text))


def _lines(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and isinstance(found.get("event"), str) and unseen(found) is None:
            typed = all(isinstance(found.get(name, default), kind) for name, kind, default in EVENT)
            if typed and (found["event"] not in NUMBERED or "attempt" in found):
                yield found


def tasks_folder(out: Path) -> Path:
    return out / "cluster" / "tasks"


def folders(out: Path) -> list[Folder]:
    """All tasks under `out`, by id."""
    home = tasks_folder(out)
    try:
        names = sorted(entry.name for entry in os.scandir(home) if entry.is_dir())
    except FileNotFoundError:
        return []
    return [Folder(home / name) for name in names]


def put_json(path: Path, value: Any) -> None:
    """As `files.write_json`, but without waiting for the disk: for what is soon rewritten or can be recreated."""
    temporary = path.with_name(f".{path.name}.{platform.node()}-{os.getpid()}.tmp")
    temporary.write_text(json.dumps(value, sort_keys=True) + "\n")
    temporary.replace(path)


def load_json(path: Path) -> dict[str, Any] | None:
    """The file's object, or None where it is not there (or just being replaced), or is none that was written here."""
    try:
        found = json.loads(read_regular(path).decode())
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and unseen(found) is None else None
