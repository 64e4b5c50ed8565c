"""What a task's events say of its attempts: which were lost without a word, and why."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.util.text import shown

PATIENCE = 3
"""So many attempts in a row that are lost at the same place are a failure."""
LAST_BYTES = 20_000

REASONS = (
    (r"out.of.memory|oom.kill|exceeded.{0,40}memory|memory.{0,40}exceed", "out of memory"),
    (r"DUE TO TIME LIMIT", "time limit"),
    (r"DUE TO NODE FAILURE|NODE_FAIL", "node lost"),
    (r"DUE TO PREEMPTION", "preempted"),
    (r"CANCELLED AT", "cancelled externally"),
    (r"No space left on device|Disk quota exceeded", "disk full"),
    (r"ended by SIGKILL", "killed (out of memory, or by hand)"),
)
CAUSE = re.compile(r"error|no such file|not found|denied|cannot|could not|unable|invalid|fatal", re.IGNORECASE)
"""A line that says why something did not start. The first one does: what follows, follows from it."""
NOISE = re.compile(r"srun: error: \S+: tasks? [\d,-]+: (Exited|Killed|Terminated)|srun: Terminating|^submitit ")
"""Lines that say only that it did not."""
PREFIX = re.compile(r"^(slurmstepd\S*|srun): error: |^\S*slurm_script: (?=line )")
LONGEST = 160
OUT_OF_MEMORY = REASONS[0][1]
FROM_OUTSIDE = ("node lost", "preempted", "cancelled externally")
"""Losses that say nothing about the run itself."""


@dataclass(frozen=True)
class Attempt:
    """One start of a part."""

    number: int
    kind: str = ""
    mark: str = ""
    """How far the work was when it began; empty where it ended before it knew."""
    node: str = ""
    job: str = ""
    raw: str = ""
    """The scheduler's own log of the job."""
    ended: str = ""
    """The event that ended it; empty while it runs, or where it was lost without a word."""
    why: str = ""

    @property
    def lost(self) -> bool:
        return self.ended in ("", "lost")


def attempts(events: Sequence[dict[str, Any]]) -> list[Attempt]:
    """All attempts since the last submission, oldest first."""
    found: dict[int, Attempt] = {}
    for event in events:
        if event["event"] == "submitted":
            found = {}
        elif event["event"] == "started":
            about = {name: str(event.get(name, "")) for name in ("kind", "node", "job", "raw")}
            found[event["attempt"]] = Attempt(event["attempt"], **about)
        elif event["event"] == "mark" and event["attempt"] in found:
            found[event["attempt"]] = replace(found[event["attempt"]], mark=event["mark"])
        elif event.get("attempt") in found and event["event"] in ("stopped", "finished", "failed", "lost"):
            number = event["attempt"]
            found[number] = replace(found[number], ended=str(event["event"]), why=str(event.get("why", "")))
    return list(found.values())


def count(events: Sequence[dict[str, Any]]) -> int:
    """All attempts there ever were."""
    return max((event["attempt"] for event in events if event["event"] == "started"), default=0)


def heading(task: str, number: int) -> str:
    """The line with which an attempt begins in the scheduler's log, which the next one appends to."""
    return f"== {task}: attempt {number} =="


def why_lost(task: str, attempt: Attempt) -> str:
    """What the scheduler's log says of an attempt that ended without a word."""
    text = _tail(Path(attempt.raw)) if attempt.raw else ""
    text = text.rpartition(heading(task, attempt.number))[2].partition(heading(task, attempt.number + 1))[0]
    for pattern, reason in REASONS:
        if re.search(pattern, text, re.IGNORECASE):
            return reason
    return "ended without a message (killed, or its node was lost)"


def said(raw: Path, task: str = "") -> str:
    """What a job that ended before its first attempt says of the cause in its log; empty where it says nothing.

    Where the log tells of attempts at `task`, it is not of such a job.
    """
    text = _tail(raw)
    if task and f"== {task}: attempt " in text:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not NOISE.search(line)]
    for pattern, reason in REASONS:
        if any(re.search(pattern, line, re.IGNORECASE) for line in lines):
            return reason
    causes = [line for line in lines if CAUSE.search(line)]
    cause = causes[0] if causes else lines[-1] if lines else ""
    return shown(PREFIX.sub("", cause))[:LONGEST]


def hopeless(found: Sequence[Attempt], mark: str) -> str:
    """Why another attempt from `mark` would be no use; empty where it may be."""
    row = []
    for attempt in reversed(found):
        if attempt.lost and attempt.why in FROM_OUTSIDE:
            continue
        if not attempt.lost or attempt.mark not in ("", mark):
            break
        row.append(attempt)
    if row and row[0].why == OUT_OF_MEMORY:
        return "the job ran out of memory and was killed. Request more (memory_gb in the profile) and `retry`"
    if len(row) >= PATIENCE:
        return f"{len(row)} attempts in a row ended without a message at the same place ({row[0].why or 'killed'})"
    return ""


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - LAST_BYTES))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
