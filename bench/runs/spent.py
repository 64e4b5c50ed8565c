"""How long recorded runs took, as each run's events.jsonl tells: what a page says that it cost."""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bench.runs.records import Record
from bench.util.files import read_bytes

STARTED = "started"


@dataclass(frozen=True)
class Cost:
    """Of one run or several. What was lost to a kill is in neither time."""

    wall: float = 0.0
    """Seconds on the clock, each run for itself."""
    cpu: float = 0.0
    """Seconds of a processor, where the run told them."""
    runs: int = 0
    timed: int = 0
    """Runs that left a time on the clock."""
    metered: int = 0
    """Runs that told the processor's time."""

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.wall + other.wall,
            self.cpu + other.cpu,
            self.runs + other.runs,
            self.timed + other.timed,
            self.metered + other.metered,
        )

    @property
    def text(self) -> str:
        """`1.4 h on the clock, 1.1 h of a processor (told by 3 of 9 runs)`."""
        if not self.timed:
            return "not recorded"
        some = f" (told by {self.timed} of {self.runs} runs)" if self.timed < self.runs else ""
        words = f"{_hours(self.wall)} on the clock{some}"
        if self.metered:
            told = f" (told by {self.metered} of {self.runs} runs)" if self.metered < self.runs else ""
            words += f", {_hours(self.cpu)} of a processor{told}"
        return words


def cost(records: Iterable[Record]) -> Cost:
    """Of these runs together, each counted once, whichever page shows it."""
    different = {record.folder: record for record in records}
    return sum((_of(record) for record in different.values()), Cost())


def _of(record: Record) -> Cost:
    path = record.folder / "events.jsonl"
    events = [_event(line) for line in read_bytes(path).splitlines()] if path.is_file() else []
    sessions: list[list[dict[str, Any]]] = []
    for one in events:
        if one.get("event") == STARTED:
            sessions.append([])
        if sessions:
            sessions[-1].append(one)
    wall = [time for session in sessions if (time := _between(session, "time")) is not None]
    cpu = [time for session in sessions if (time := _between(session, "cpu")) is not None]
    return Cost(sum(wall), sum(cpu), 1, int(bool(wall)), int(bool(cpu)))


def _between(session: list[dict[str, Any]], clock: str) -> float | None:
    """From a session's start to the last that was heard of it."""
    times = [one[clock] for one in session if isinstance(one.get(clock), int | float) and math.isfinite(one[clock])]
    return max(0.0, times[-1] - times[0]) if len(times) > 1 else None


def _event(line: bytes) -> dict[str, Any]:
    """Empty for a line that a kill cut short."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _hours(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
