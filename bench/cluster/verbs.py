"""`logs`, `retry`, `cancel`, `collect`: all from the files; the scheduler is only notified."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.api.reproduction import print_reproduction, report
from bench.cluster import slurm
from bench.cluster.array import arrange
from bench.cluster.campaign import SEGMENTS
from bench.cluster.profile import LOCAL, Profile
from bench.cluster.queue import cancel_jobs
from bench.cluster.state import BROKEN, Status, Watch, failures
from bench.cluster.submit import enqueue, new_submission
from bench.cluster.task import ENDED, Folder
from bench.methods.catalog import find
from bench.runs.request import Request
from bench.util.errors import UserError
from bench.util.files import locked, write_json

TAIL_LINES = 40


def print_logs(console: Console, out: Path, name: str, lines: int = TAIL_LINES) -> None:
    """What happened to a task, its traceback, and the last lines of its last attempt."""
    watch = Watch(out)
    status = watch.all([name])[0]

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    for event in status.folder.events():
        say(_event_line(event))
    logs = sorted((status.folder.path / "log").glob("[0-9]*.txt"), key=lambda path: int(path.stem))
    raw = [event["raw"] for event in status.folder.events() if event["event"] == "started" and event.get("raw")]
    raws = [Path(name) for name in raw[-1:]] or _raw(watch, status)
    others = [other for one in raws for other in _others(one)]
    for path in [*logs[-1:], *raws, *others]:
        if path.exists() and (text := _tail(path, lines)):
            say(f"--- {path}")
            say(text)
    end = status.folder.end() or {}
    if end.get("traceback"):
        say(f"--- {status.folder.end_file}")
        say(end["traceback"].rstrip())
    say(f"{name}: {status.state}{': ' + status.error if status.error else ''}")


def cancel(out: Path, names: Sequence[str]) -> list[Status]:
    """End these tasks (all that are not over, without names). Returns those that were cancelled."""
    with locked(out / "cluster", print):
        watch = Watch(out)
        chosen = [status for status in watch.all(names) if status.state not in ENDED]
        for status in chosen:
            _mark_cancelled(status.folder)
        cancel_jobs(_slurm_jobs(watch, chosen))
        return chosen


def retry(out: Path, names: Sequence[str], profile: Profile | None) -> list[str]:
    """Resubmit what failed or was lost, with its original code and, unless another is given, its original profile."""
    with locked(out / "cluster", print):
        watch = Watch(out)
        found = watch.all(names)
        wanted = (*BROKEN, "cancelled") if names else BROKEN
        chosen = [status for status in found if status.state in wanted]
        if names and len(chosen) < len(found):
            other = next(status for status in found if status not in chosen)
            raise UserError(f"{other.folder.id} is {other.state}: there is nothing to retry.")
        cancel_jobs(_slurm_jobs(watch, chosen))
        groups: dict[str, list[Status]] = {}
        for status in chosen:
            groups.setdefault(status.task.submission, []).append(status)
        for group in groups.values():
            _again(out, watch, group, profile)
        return [status.folder.id for status in chosen]


def collect(console: Console, out: Path, include: Sequence[Path]) -> int:
    """Write the pages of every paper from the records that are there by now. Returns how many runs have failed."""
    found = Watch(out).all()
    catalog = find(include)
    done = {one.task.request.key for one in found if one.state == "done" and one.task.kind != "data"}
    requests = [one.task.request for one in found if one.task.request.key in done]
    for key in sorted({request.paper or request.key for request in requests}):
        if key in catalog.entries and catalog[key].reproducible:
            print_reproduction(console, report(catalog, Request(key=key, out=out)))
    return failures(found)


def _again(out: Path, watch: Watch, group: Sequence[Status], profile: Profile | None) -> None:
    """One submission for what was submitted together."""
    old = watch.submission(group[0].task)
    if old is None or not old.code.exists():
        raise UserError(
            f"{group[0].folder.id}: its submission, or the code it was submitted with, is gone. Submit it again."
        )
    profile = profile or old.profile
    tasks = [status.task for status in [*group, *_reports(watch, group[0].task.submission)]]
    segments = dict.fromkeys((task.id for task in tasks), profile.segments or _parts(old, tasks) or SEGMENTS)
    for status in group:
        status.folder.log("retried", before=status.state, error=status.error)
    enqueue(out, new_submission(profile, old.code, arrange(tasks, profile, segments), old.workers), tasks)


def _reports(watch: Watch, submission: str) -> list[Status]:
    """The reports of a submission that were made, or cancelled, without what is tried again."""
    return [
        one
        for one in watch.all()
        if one.task.kind == "report" and one.task.submission == submission and one.state in ("done", "cancelled")
    ]


def _parts(old: Any, tasks: Sequence[Any]) -> int:
    ids = {task.id for task in tasks}
    return max((array.parts for array in old.arrays if array.kind == "train" and ids & set(array.tasks)), default=0)


def _mark_cancelled(folder: Folder) -> None:
    """The terminal record, unless the task has just got another one."""
    if folder.end() is None:
        write_json(folder.end_file, {"state": "cancelled", "time": time.time(), "by": os.environ.get("USER", "")})
        folder.log("cancelled")


def _slurm_jobs(watch: Watch, chosen: Sequence[Status]) -> list[str]:
    found = []
    for status in chosen:
        submission = watch.submission(status.task)
        if submission is not None and submission.profile.name != LOCAL:
            found += [job for job in watch.jobs(status.task) if job and not job.startswith("_")]
    return found


def _raw(watch: Watch, status: Status) -> list[Path]:
    """The scheduler's logs of jobs that ended before they could say anything."""
    submission = watch.submission(status.task)
    if submission is None or submission.profile.name == LOCAL:
        return [status.folder.path / "log" / "start.txt"]
    return [slurm.job_log(watch.out, submission, job) for job in watch.jobs(status.task)]


def _others(path: Path) -> list[Path]:
    """The scheduler's logs of a job's other processes, where they tell of an error."""
    found = sorted(path.parent.glob(path.name.replace("_0_log.out", "_[1-9]*_log.out")))
    return [other for other in found if other != path and "Error" in other.read_text(errors="replace")]


def _event_line(event: dict[str, Any]) -> str:
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event["time"]))
    facts = {
        key: value for key, value in event.items() if key not in ("time", "event", "raw") and value not in ("", [])
    }
    return f"{when}  {event['event']:12} " + ", ".join(f"{key} {value}" for key, value in facts.items())


def _tail(path: Path, lines: int) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
