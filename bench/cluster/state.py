"""How far a task is, from its files; the scheduler only distinguishes waiting from lost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.cluster import history
from bench.cluster.array import Submission, read_submission
from bench.cluster.profile import LOCAL
from bench.cluster.pulse import read_heartbeat
from bench.cluster.queue import Queue, file_now
from bench.cluster.task import Folder, Task, folders, tasks_folder
from bench.util.errors import UserError, nearest

BROKEN = ("failed", "unfinished", "lost")
"""What counts as a failure, and what `retry` takes."""
IN_FLIGHT = ("waiting", "running", "silent")
SILENT_BEATS, SILENT_SECONDS = 3, 15.0
"""After this many missed heartbeats, and some time more, a process counts as gone."""


STILL_SECONDS = 900
"""A process that lives but has not moved for so long is worth a word."""


@dataclass(frozen=True)
class Status:
    """One line of the table."""

    folder: Folder
    task: Task
    state: str
    """waiting, running, done, failed, unfinished, cancelled, lost (nobody will come), silent (nobody can tell)."""
    doing: str = ""
    """train, evaluate, data or report, with the part; `trained` for one that waits to be scored."""
    done: int = 0
    total: int = 0
    rate: float = 0.0
    """Per second."""
    attempts: int = 0
    node: str = ""
    error: str = ""
    """The last thing that went wrong, in one line."""
    stuck: bool = False
    """It waits, and will not start unless somebody does something."""

    @property
    def left_seconds(self) -> float | None:
        return (self.total - self.done) / self.rate if self.rate > 0 and self.total else None


class Watch:
    """Asks the files of all tasks under `out`, and the scheduler once."""

    def __init__(self, out: Path) -> None:
        self.out, self.queue = out, Queue(out)
        self.now = file_now(out)
        self._submissions: dict[str, tuple[Submission | None, dict[str, list[str]]]] = {}

    def all(self, names: Sequence[str] = ()) -> list[Status]:
        """The tasks of these ids or all; raises UserError for an id that is not there."""
        found = {folder.id: folder for folder in folders(self.out) if (folder.path / "task.json").exists()}
        for name in names:
            if name not in found:
                raise UserError(f"{self.out} holds no run '{name}'.{nearest(name, list(found))}")
        return [self.of(found[name]) for name in (names or found)]

    def of(self, folder: Folder) -> Status:
        task, events = folder.task(), folder.events()
        tried = history.attempts(events)
        last = tried[-1] if tried else history.Attempt(0)
        facts: dict[str, Any] = {"attempts": history.count(events), "node": last.node, "error": _trouble(tried)}
        end = folder.end()
        if end is not None:
            return Status(folder, task, end["state"], **(facts | {"error": end.get("error", "")}))
        beat = read_heartbeat(folder.heartbeat_file)
        if beat is not None and self._fresh(*beat):
            return Status(folder, task, "running", **(facts | _progress(beat[0])))
        if last.number and not last.ended:
            facts["error"] = f"attempt {last.number}: {history.why_lost(folder.id, last)}"
        facts["doing"] = "trained" if any(one.ended == "finished" and one.kind == "train" for one in tried) else ""
        waiting = self._waiting(task)
        if waiting and (reason := self.queue.stuck(self.jobs(task))):
            facts |= {
                "stuck": True,
                "error": f"cannot start: {reason}. Ask the cluster, or `cancel` and submit with another profile",
            }
        if waiting is False and not facts["error"]:
            facts["error"] = self._never_began(task)
        silent = "silent" if beat is not None else "waiting"
        return Status(folder, task, silent if waiting is None else "waiting" if waiting else "lost", **facts)

    def jobs(self, task: Task) -> list[str]:
        """The ids of all jobs of a task's submission that are for it."""
        return self._known(task.submission)[1].get(task.id, [])

    def submission(self, task: Task) -> Submission | None:
        return self._known(task.submission)[0]

    def _waiting(self, task: Task) -> bool | None:
        submission = self.submission(task)
        return False if submission is None else self.queue.waiting(submission, self.jobs(task))

    def _never_began(self, task: Task) -> str:
        """What is known of a job that ended before its work began: its own output, or else how SLURM says it ended."""
        submission = self.submission(task)
        if submission is None:
            return ""
        jobs = [job for job in self.jobs(task) if job]
        if submission.profile.name == LOCAL:
            logs = [tasks_folder(self.out) / task.id / "log" / "start.txt"]
        else:
            from bench.cluster.slurm import job_log

            logs = [job_log(self.out, submission, job) for job in reversed(jobs)]
        why = next((cause for log in logs if (cause := history.said(log, task.id))), "")
        if not why and submission.profile.name != LOCAL:
            why = next((cause for job in reversed(jobs) if (cause := self.queue.ended(job))), "")
        hint = f"Mend profile {submission.profile.name} (python, container, setup) and `retry --cluster`"
        return f"its job ended before it began: {why}. {hint}" if why else ""

    def _fresh(self, beat: dict[str, Any], written: float) -> bool:
        return self.now - written < SILENT_BEATS * float(beat["every"]) + SILENT_SECONDS

    def _known(self, name: str) -> tuple[Submission | None, dict[str, list[str]]]:
        if name not in self._submissions:
            found = read_submission(self.out, name)
            self._submissions[name] = (found, jobs_of(found) if found else {})
        return self._submissions[name]


def jobs_of(submission: Submission) -> dict[str, list[str]]:
    """Task -> the scheduler's ids of its jobs."""
    jobs: dict[str, list[str]] = {}
    for array in submission.arrays:
        for index, name in enumerate(array.tasks):
            jobs.setdefault(name, []).append(array.element(index))
    return jobs


def failures(found: Iterable[Status]) -> int:
    return sum(status.state in BROKEN for status in found)


def _trouble(tried: Sequence[history.Attempt]) -> str:
    """The last attempt that was lost, as long as nothing has gone well since."""
    lost = [one for one in tried if one.ended == "lost"]
    return f"attempt {lost[-1].number}: {lost[-1].why}" if lost and tried[-1].ended != "finished" else ""


def _progress(beat: dict[str, Any]) -> dict[str, Any]:
    part = f" {beat['part']}/{beat['parts']}" if beat.get("parts", 1) > 1 else ""
    still = {"error": f"no progress for {beat['still'] / 60:.0f} min"} if beat["still"] > STILL_SECONDS else {}
    numbers = {name: beat[name] for name in ("done", "total", "rate")}
    return {"doing": f"{beat['kind']}{part} {beat['what']}".strip(), "node": beat["node"]} | numbers | still
