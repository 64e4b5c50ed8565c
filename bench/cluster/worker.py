"""One part of one task, as a job runs it: `python -m bench.cluster.worker PART RAW-LOG`, PART as JSON."""

import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from bench.cluster import history, snapshot
from bench.cluster.part import JobPart
from bench.cluster.pulse import Pulse
from bench.cluster.task import Folder
from bench.util.errors import SignalledError, Stopped, UserError, WorkersLostError
from bench.util.files import locked, write_json

if TYPE_CHECKING:
    from lightning_fabric import Fabric


SIGNALLED = threading.Event()
"""Set once the scheduler has announced the end: whatever is raised from then on is no failure of the run."""


def run(
    part: JobPart, job: str = "", raw: str = "", fabric: "Fabric | None" = None, announced: int | None = None
) -> int:
    """Do the part, unless there is nothing left to do. Returns the exit code: 1 where the task has failed.

    `fabric`: where several processes train together, and this is the first of them. `announced`: the signal by which
    the scheduler tells that the end is near.
    """
    folder = Folder(part.folder)
    try:
        with _terminable(announced), locked(part.folder, print):
            if left := nothing_to_do(part, folder):
                print(f"{folder.id}: {left}", flush=True)
                return 0
            return _begin(part, folder, {"job": job, "raw": raw}, fabric)
    except SignalledError:  # while it waited for another process
        return 0


def nothing_to_do(part: JobPart, folder: Folder) -> str:
    """Why this part may end at once; empty where it may not."""
    end = folder.end()
    if end is not None:
        return f"nothing to do, it is {end['state']}"
    if folder.task().submission != part.submission:
        return "nothing to do, it has since been resubmitted"
    kinds = [one.kind for one in history.attempts(folder.events()) if one.ended == "finished"]
    return "nothing to do, it is trained" if part.kind == "train" and "train" in kinds else ""


def _begin(part: JobPart, folder: Folder, facts: dict[str, str], fabric: "Fabric | None") -> int:
    """Tell of attempts that ended without a word, then make the next one."""
    events = folder.events()
    for earlier in history.attempts(events):
        if not earlier.ended:
            folder.log("lost", attempt=earlier.number, why=history.why_lost(folder.id, earlier))
    number = history.count(events) + 1
    print(history.heading(folder.id, number), flush=True)
    about = {"attempt": number, "kind": part.kind, "part": part.part, "parts": part.parts, "job": facts["job"]}
    with _own_log(part.folder / "log" / f"{number}.txt"), Pulse(folder, part.heartbeat_seconds, about) as pulse:
        folder.log("started", **about, raw=facts["raw"], node=pulse.facts["node"], pid=os.getpid())
        return _attempt(part, folder, pulse, number, fabric)


def _attempt(part: JobPart, folder: Folder, pulse: Pulse, number: int, fabric: "Fabric | None") -> int:
    from bench.cluster.work import Work

    try:
        snapshot.check(part.code)
        work = Work(folder.task(), part, folder, pulse, fabric)
        mark = work.mark()
        folder.log("mark", attempt=number, mark=mark)
        if reason := history.hopeless(history.attempts(folder.events())[:-1], mark):
            raise UserError(reason)
        end = work.do()
        folder.log("finished", attempt=number)
        if end is not None:
            write_json(folder.end_file, end | {"attempt": number})
            folder.log(end["state"], attempt=number)
        return int(end is not None and end["state"] not in ("done", "cancelled"))
    except Stopped as stop:
        folder.log("stopped", attempt=number, why=str(stop))
        return 0
    except WorkersLostError as lost:
        folder.log("lost", attempt=number, why=str(lost))
        return 0
    except (Exception, SignalledError, SystemExit, KeyboardInterrupt) as error:
        return _broken_off(error, folder, number)


def _broken_off(error: BaseException, folder: Folder, number: int) -> int:
    """Write the terminal record of a failure. A signal is none: the next part goes on."""
    if SIGNALLED.is_set() or not isinstance(error, Exception):
        sender = "the scheduler (preempted, or the time limit is near)" if SIGNALLED.is_set() else type(error).__name__
        folder.log("stopped", attempt=number, why=f"ended by a signal of {sender}")
        if isinstance(error, SystemExit | KeyboardInterrupt):
            raise error
        return 0
    text = traceback.format_exc()
    print(text, file=sys.stderr, flush=True)
    line = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    folder.log("failed", attempt=number, why=line)
    if (folder.end() or {}).get("state") != "cancelled":
        end = {"state": "failed", "time": time.time(), "error": line, "traceback": text, "attempt": number}
        write_json(folder.end_file, end)
    return 1


@contextmanager
def _terminable(announced: int | None) -> Iterator[None]:
    """SIGTERM unwinds what is under way. Training has a handler of its own, which saves first; so `announced` becomes
    SIGTERM."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise SignalledError

    def end(number: int, frame: FrameType | None) -> None:
        SIGNALLED.set()
        signal.raise_signal(signal.SIGTERM)

    handlers = {signal.SIGTERM: stop} | ({announced: end} if announced is not None else {})
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _own_log(path: Path) -> Iterator[None]:
    """Everything this process prints goes to `path`, that of libraries and of C too."""
    path.parent.mkdir(exist_ok=True)
    print(f"Its log: {path}", flush=True)
    kept = [os.dup(number) for number in (1, 2)]
    with path.open("ab", buffering=0) as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
        try:
            yield
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, old in zip((1, 2), kept, strict=True):
                os.dup2(old, number)
                os.close(old)


def main() -> None:
    sys.exit(run(JobPart.model_validate_json(sys.argv[1]), raw=sys.argv[2]))


if __name__ == "__main__":
    main()
