"""What the scheduler can be asked. All of it is a hint: every verb works where it cannot be asked."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from bench.cluster.array import Submission, submission_folder
from bench.cluster.profile import LOCAL
from bench.cluster.task import load_json

SECONDS = 20
"""How long a scheduler may take to answer."""
AT_A_TIME = 500
"""Job ids on one command line."""
CHANGING = ("SLURM_", "SQUEUE_", "SINFO_", "SCANCEL_", "SCONTROL_", "SACCT_", "SBATCH_")
"""How the names begin of variables that stand for options of SLURM's commands."""
NEVER = re.compile(
    r"Partition(Down|Inactive|TimeLimit|NodeLimit|Config)|BadConstraints|Invalid(Account|QOS)|AccountNotAllowed"
    r"|QOSNotAllowed|(QOS|Assoc)(Grp)?Max\w*Per(Job|Node)\w*|DependencyNeverSatisfied|JobHeld\w*"
)
"""Why a job does not start by itself, as `squeue` says it: somebody has to do something."""
MOST_ASKED = 10
"""Jobs about whose end one command asks: each takes a question of its own."""
UNREADABLE = "53"
"""SLURM's `signal` of a job whose files could not be opened."""
DISPATCHER = "dispatcher.json"
DISPATCHER_SECONDS = 15.0
"""A dispatcher that has been silent for so long is gone."""


def ask(*words: str) -> str | None:
    """A command's output, or None where it is missing, fails or does not answer."""
    if shutil.which(words[0]) is None:
        return None
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=SECONDS, check=True, env=_plain_environment()
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout


def _plain_environment() -> dict[str, str]:
    """Ours without what would change SLURM's answers, such as SQUEUE_STATES; SLURM_CONF says where to ask."""
    kept = {name for name in os.environ if name == "SLURM_CONF" or not name.startswith(CHANGING)}
    return {name: os.environ[name] for name in kept}


def cluster_name() -> str:
    """The name by which SLURM knows this cluster; empty where it cannot be asked."""
    for line in (ask("scontrol", "show", "config") or "").splitlines():
        if line.startswith("ClusterName"):
            return line.partition("=")[2].strip()
    return ""


class Queue:
    """Which jobs are still to come or under way, as far as that can be known from here."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self._slurm: dict[str, str] | None = None
        self._cluster: str | None = None
        self._local: dict[str, bool] = {}
        self._asked = 0

    def waiting(self, submission: Submission, jobs: Iterable[str]) -> bool | None:
        """Whether any of these jobs is still to come or under way; None where nobody can tell."""
        if submission.profile.name == LOCAL:
            return self._dispatched(submission.name)
        known = self._jobs() if submission.cluster == self._name() else None
        return None if known is None else any(job in known for job in jobs)

    def stuck(self, jobs: Iterable[str]) -> str:
        """The reason for which the first of these jobs that is there will not start by itself; empty where it may."""
        known = self._slurm or {}
        found = NEVER.fullmatch(next((known[job] for job in jobs if job in known), ""))
        return found[0] if found else ""

    def ended(self, job: str) -> str:
        """How SLURM says that a job ended, as long as it remembers; empty where it ended well, or cannot be asked."""
        self._asked += 1
        told = ask("scontrol", "-o", "show", "job", job) if self._asked <= MOST_ASKED else None
        found = dict(word.partition("=")[::2] for word in (told or "").split())
        code, _, signalled = found.get("ExitCode", "0:0").partition(":")
        if found.get("JobState") in (None, "COMPLETED", "PENDING", "RUNNING"):
            return ""
        if signalled == UNREADABLE:
            return f"its log could not be opened (is {self.out} on a file system that the node shares, or is it full?)"
        how = f"exit code {code}" if code != "0" else f"signal {signalled}" if signalled != "0" else ""
        return ", ".join(filter(None, [found["JobState"], how, found.get("Reason", "").replace("None", "")]))

    def _name(self) -> str:
        if self._cluster is None:
            self._cluster = cluster_name()
        return self._cluster

    def _jobs(self) -> dict[str, str] | None:
        """Job -> why it waits."""
        if self._slurm is None:
            # COMPLETING jobs are over as far as we are concerned, but another element may follow: they count.
            told = ask("squeue", "-h", "-r", "-u", str(os.getuid()), "-o", "%i %r")
            lines = (line.strip().partition(" ") for line in (told or "").splitlines())
            self._slurm = None if told is None else {job: why.strip("() ") for job, _, why in lines if job}
        return self._slurm

    def _dispatched(self, name: str) -> bool:
        """Whether the submission's dispatcher lives: it says so every few seconds, in a file."""
        if name not in self._local:
            self._local[name] = alive(submission_folder(self.out, name) / DISPATCHER, file_now(self.out))
        return self._local[name]


def alive(path: Path, now: float) -> bool:
    """Whether the dispatcher that writes `path` has been heard of lately, and has not ended."""
    try:
        written = path.stat().st_mtime
    except OSError:
        return False
    return (load_json(path) or {}).get("over") is False and now - written < DISPATCHER_SECONDS


def file_now(out: Path) -> float:
    """The time by the file system's clock: another machine's clock may be off. Ours, where nothing can be written."""
    probe = out / "cluster" / ".now"
    try:
        probe.touch()
        return probe.stat().st_mtime
    except OSError:
        return time.time()


def cancel_jobs(jobs: Sequence[str]) -> bool:
    """Ask SLURM to end these jobs; False where it cannot be asked or refuses."""
    answers = [ask("scancel", *part) for part in _parts(jobs)]
    return all(answer is not None for answer in answers)


def _parts(jobs: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(jobs), AT_A_TIME):
        yield jobs[start : start + AT_A_TIME]
