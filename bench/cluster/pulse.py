"""The heartbeat: a thread that says every few seconds that the process lives, and how far its work is."""

import os
import platform
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.cluster.task import Folder, load_json, put_json
from bench.util.progress import OnProgress, Progress

WINDOW = 6
"""Heartbeats over which the rate is taken."""


class Pulse:
    """Writes a task's heartbeat.json, and ends the process when the task is cancelled."""

    def __init__(self, folder: Folder, every_seconds: float, facts: Mapping[str, Any]) -> None:
        self.folder, self.every_seconds = folder, every_seconds
        self.facts = {**facts, "node": platform.node(), "pid": os.getpid(), "every": every_seconds}
        self._before: dict[str, int] = {}
        self._total = 0
        self._at: tuple[str, int, int] | None = None
        self._moved = time.monotonic()
        self._seen: deque[tuple[float, int]] = deque(maxlen=WINDOW)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "Pulse":
        self._write()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.folder.heartbeat_file.unlink(missing_ok=True)

    def expect(self, parts: Mapping[str, int]) -> None:
        """The work to come, in its order: name -> how much."""
        self._total, self._before = 0, {}
        for name, total in parts.items():
            self._before[name] = self._total
            self._total += total
        self._seen.clear()

    def at(self, what: str, done: int, total: int) -> None:
        """Where the work is. Only remembered: it may be called at every step."""
        self._at, self._moved = (what, done, total), time.monotonic()

    def _overall(self) -> int:
        what, done, _ = self._at or ("", 0, 0)
        return self._before.get(what, 0) + done

    def _beat(self) -> None:
        told = False
        while not self._over.wait(self.every_seconds):
            self._write()
            if not told and (self.folder.end() or {}).get("state") == "cancelled":
                os.kill(os.getpid(), signal.SIGTERM)
                told = True  # a second signal would break off what the first one has made the training save

    def _write(self) -> None:
        what, _, total = self._at or ("", 0, 0)
        overall = self._overall()
        self._seen.append((time.monotonic(), overall))
        (first, start), (last, now) = self._seen[0], self._seen[-1]
        rate = (now - start) / (last - first) if last > first else 0.0
        progress = {"what": what, "done": overall, "total": max(self._total, total), "rate": round(rate, 4)}
        still = {"still": round(time.monotonic() - self._moved)}
        try:
            put_json(self.folder.heartbeat_file, {**self.facts, "time": time.time(), **progress, **still})
        except OSError:  # a file system that is away for a moment must not end the work
            return


BEAT = {
    **dict.fromkeys(("every", "rate", "still"), int | float),
    **dict.fromkeys(("done", "total"), int),
    **dict.fromkeys(("kind", "what", "node"), str),
}
"""What every heartbeat holds, of which type."""


class WatchedProgress(Progress):
    """Progress in the log, and in the heartbeat."""

    def __init__(self, console: Console, pulse: Pulse) -> None:
        super().__init__(console)
        self.pulse = pulse

    @contextmanager
    def task(self, title: str) -> Iterator[OnProgress]:
        with super().task(title) as report:

            def both(what: str, done: int, total: int) -> None:
                self.pulse.at(what, done, total)
                report(what, done, total)

            yield both


def read_heartbeat(path: Path) -> tuple[dict[str, Any], float] | None:
    """The heartbeat and when the file system says that it was written, or None where there is none."""
    try:
        written = path.stat().st_mtime
    except OSError:
        return None
    found = load_json(path)
    if found is None or not all(isinstance(found.get(name), kind) for name, kind in BEAT.items()):
        return None
    return found, written
