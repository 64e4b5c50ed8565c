"""`--cluster local`: a dispatcher of our own that works through a submission on this machine, in the background.

A slot is a GPU, or a share of the processor. It is a lock on a file, held by the dispatcher and by the worker in it, so
that several submissions of one user share the machine, and a slot is free as soon as its worker is gone.
"""

import contextlib
import fcntl
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

from bench.cluster.array import Array, Submission, read_submission, submission_folder
from bench.cluster.part import JOB_START, JobPart
from bench.cluster.profile import visible_gpus
from bench.cluster.queue import DISPATCHER
from bench.cluster.slurm import clean_environment, part_of
from bench.cluster.task import Folder, put_json
from bench.cluster.worker import nothing_to_do
from bench.util.errors import UserError

LOOK_SECONDS = 0.2
TELL_SECONDS = 3.0


def start(out: Path, submission: Submission) -> None:
    """Start the dispatcher; it outlives this process and this login."""
    words = [sys.executable, "-m", "bench.cluster.local", str(out), submission.name]
    folder = submission_folder(out, submission.name)
    tell(folder, over=False)
    with clean_environment(), (folder / "dispatcher.txt").open("ab") as log:
        subprocess.Popen(
            words,
            cwd=submission.code,
            env=os.environ | {"PYTHONPATH": str(submission.code)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def tell(folder: Path, over: bool) -> None:
    put_json(folder / DISPATCHER, {"pid": os.getpid(), "time": time.time(), "over": over})


@dataclass(frozen=True)
class Slot:
    """A place for one worker."""

    name: str
    environment: Mapping[str, str]

    def take(self) -> IO[str] | None:
        """The slot's lock, or None where another worker of this user has it."""
        handle = os.open(slots_folder() / self.name, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, mode=0o600)
        file = os.fdopen(handle, "w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        return file


def slots_folder() -> Path:
    """The folder of a user's locks, made if absent. Raises UserError where it is not theirs, or open to others."""
    folder = Path(tempfile.gettempdir()) / f"inpaint-bench-slots-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise UserError(
            f"{folder} is not a folder that only you can open (mode 0700). Delete it, or set TMPDIR to another folder."
        )
    return folder


def slots(workers: int, devices: Sequence[str]) -> list[Slot]:
    """One for each GPU, or else `workers` that share the cores."""
    if devices:
        return [Slot(f"gpu-{name}", {"CUDA_VISIBLE_DEVICES": name}) for name in devices]
    threads = os.environ.get("OMP_NUM_THREADS") or str(max(1, (os.cpu_count() or 1) // workers))
    return [Slot(f"cpu-{number}", {"OMP_NUM_THREADS": threads}) for number in range(workers)]


@dataclass
class Job:
    """A worker at work."""

    process: "subprocess.Popen[bytes]"
    lock: IO[str]
    raw: Path
    """What it prints before it has a log of its own."""


class Dispatcher:
    """Works through the arrays of one submission; element by element, as their dependencies allow."""

    def __init__(self, out: Path, submission: Submission, places: Sequence[Slot]) -> None:
        self.out, self.submission, self.places = out, submission, places
        self.running: dict[tuple[int, int], Job] = {}
        self.todo = [
            (place, index) for place, array in enumerate(submission.arrays) for index in range(len(array.tasks))
        ]
        self.stopping = False

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._stop)
        folder, told = submission_folder(self.out, self.submission.name), 0.0
        while self.todo or self.running:
            self._reap()
            self._fill()
            if time.monotonic() - told > TELL_SECONDS:
                tell(folder, over=False)
                told = time.monotonic()
            time.sleep(LOOK_SECONDS)
        tell(folder, over=True)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.todo = []
        for job in self.running.values():
            job.process.terminate()

    def _reap(self) -> None:
        for element, job in list(self.running.items()):
            if job.process.poll() is not None:
                if job.process.returncode < 0:
                    with job.raw.open("a") as file:
                        file.write(f"ended by {signal.Signals(-job.process.returncode).name}\n")
                job.lock.close()
                del self.running[element]

    def _fill(self) -> None:
        """Start what may start, as long as there is a slot."""
        left = {*self.todo, *self.running}
        places = {place for place, _ in left}
        for element in list(self.todo):
            array = self.submission.arrays[element[0]]
            if not _ready(array, element[1], left, places):
                continue
            part = part_of(self.out, self.submission, array, element[1])
            if nothing_to_do(part, Folder(part.folder)):
                self.todo.remove(element)
                continue
            taken = next(((slot, lock) for slot in self.places if (lock := slot.take()) is not None), None)
            if taken is None:
                return
            self.todo.remove(element)
            self.running[element] = self._begin(part, *taken)

    def _begin(self, part: JobPart, slot: Slot, lock: IO[str]) -> Job:
        raw = part.folder / "log" / "start.txt"
        raw.parent.mkdir(exist_ok=True)
        with raw.open("ab") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench.cluster.worker", part.model_dump_json(), str(raw)],
                env=os.environ | slot.environment | {JOB_START: str(int(time.time()))},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                pass_fds=[lock.fileno()],
            )
        return Job(process, lock, raw)


def _ready(array: Array, index: int, left: set[tuple[int, int]], places: set[int]) -> bool:
    if array.matched:
        return (array.after[0], index) not in left
    return places.isdisjoint(array.after)


def main() -> None:
    out, name = Path(sys.argv[1]), sys.argv[2]
    submission = read_submission(out, name)
    if submission is None:
        raise SystemExit(f"{submission_folder(out, name)} holds no submission")
    devices = visible_gpus() if submission.profile.gpus else []
    Dispatcher(out, submission, slots(max(1, submission.workers), devices)).run()


if __name__ == "__main__":
    main()
