"""Several runs at a time on one processor, each in a process of its own with one thread.

Two trainings with a core each get more done than one after the other on both (`python -m bench speed campaign`). What a
run gives does not depend on it.
"""

import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import torch
from rich.console import Console

from bench.data import load
from bench.data.protocol import Protocol
from bench.runs import rates
from bench.runs.experiment import Experiment
from bench.runs.request import Request
from bench.runs.worklist import Worklist
from bench.training import checkpoint
from bench.util.errors import Stopped, UserError, WorkersLostError
from bench.util.processes import cores, end_with_first, spawned
from bench.util.progress import OnProgress, Progress

WORTH_STEPS = 300
"""Training steps that are worth the start of further processes, which takes seconds."""
LOOK_SECONDS = 0.5
"""Between two looks for a run that can start."""
TELL_SECONDS = 0.1
"""The least between two words on how far a run is."""


class Job(NamedTuple):
    """A run, as another process can plan it again."""

    request: Request
    """The reproduction's."""
    asked: Request
    seed: int
    protocol: Protocol


@dataclass(frozen=True)
class Planned:
    """A job, and what it shares with others."""

    job: Job
    folder: Path
    keys: Sequence[str] = ()
    """Of what it trains, in its order (`TrainingKeys`): after each stage but the last, and in the end."""
    steps: int = 0
    """Of its training, where that is not done."""
    seconds: float | None = None
    """As long as earlier runs of its kind took; None where nothing is known of them."""

    def has_made(self, key: str) -> bool:
        """Whether what this key is of lies in the run's folder, for others to take."""
        index = self.keys.index(key)
        name = "trained" if index == len(self.keys) - 1 else checkpoint.of_stage(index)
        return any((self.folder / "checkpoints").glob(f"{name}-*.pt"))


def planned(run: Experiment, job: Job) -> Planned:
    """A run of the worklist, as a job for another process."""
    if run.pretrained is not None or any((run.folder / "checkpoints").glob("trained-*.pt")):
        return Planned(job, run.folder, seconds=_seconds(run, {}))
    method = run.build()
    stages = method.stages()
    if not stages:
        return Planned(job, run.folder, seconds=_seconds(run, {}))
    keys, _ = run.training_keys(method)
    steps = {stage.name: stage.steps for stage in stages}
    return Planned(job, run.folder, [*keys.stages, keys.whole], sum(steps.values()), _seconds(run, steps))


def _seconds(run: Experiment, steps: Mapping[str, int]) -> float | None:
    """Of training so many steps, by stage, and of scoring, by the rates that earlier runs left."""
    about = run.run
    name = rates.name_of(about.method, about.scale, about.settings, about.protocol.resolution)
    rate = rates.find(run.folder.parents[2], name)
    if rate is None:
        return None
    images = dict.fromkeys(about.protocol.mask_set_names, len(run.data.test.ids))
    training, scoring = rate.cost("train", steps), rate.cost("score", images)
    return None if training is None or scoring is None else training.wall + scoring.wall


def longest_first(todo: Sequence[Planned]) -> list[Planned]:
    """So that no long run is left for the end, when the other processes have nothing more to do.

    What nothing is known of may be long and goes first, trainings before what is only scored.
    """
    return sorted(todo, key=lambda one: (one.seconds is not None, -(one.seconds or 0.0), not one.steps))


def at_once(runs: int, steps: int, asked: int) -> int:
    """How many of so many runs to make at a time: `asked`, or where that is 0 one on each core, if there are steps
    enough to train."""
    if not asked and steps < WORTH_STEPS:
        return 1
    return max(1, min(asked or cores(), runs))


@dataclass
class Queue:
    """What is left to do. A run waits while another one makes what both need."""

    left: list[Planned]
    running: list[Planned] = field(default_factory=list)
    stopped: bool = False
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self) -> Planned | None:
        """The next run that can start; None where there is none left, or all shall stop."""
        with self.changed:
            while self.left and not self.stopped:
                ready = next((one for one in self.left if self._ready(one)), None)
                if ready is not None:
                    self.left.remove(ready)
                    self.running.append(ready)
                    return ready
                self.changed.wait(LOOK_SECONDS)
        return None

    def _ready(self, one: Planned) -> bool:
        for other in self.running:
            common = [key for key in other.keys if key in one.keys]
            if common and not other.has_made(common[-1]):
                return False
        return True

    def done(self, one: Planned) -> None:
        with self.changed:
            self.running.remove(one)
            self.changed.notify_all()

    def stop(self) -> None:
        with self.changed:
            self.stopped = True
            self.changed.notify_all()


class Worker:
    """Another process that makes one run after the other."""

    def __init__(self, number: int, threads: int) -> None:
        with _environment(OMP_NUM_THREADS=str(threads)):
            self.process, self.line = spawned(_serve, f"runs {number}")

    def make(self, job: Job, progress: Progress) -> None:
        """Raises what the run raises; WorkersLostError where the process is gone."""
        self.line.send(job)
        with ExitStack() as shown:
            report: OnProgress = lambda what, done, total: None  # noqa: E731
            while True:
                try:
                    word, *told = self.line.recv()
                except (EOFError, OSError) as error:
                    raise WorkersLostError(f"the process that made {job.asked.key} was ended from outside") from error
                match word:
                    case "line":
                        progress.line(*told)
                    case "begin":
                        report = shown.enter_context(progress.task(*told))
                    case "at":
                        report(*told)
                    case "end":
                        shown.close()
                    case "done":
                        return
                    case "stopped":
                        raise Stopped(told[0], interrupted=True)
                    case "refused":
                        raise UserError(told[0])
                    case _:
                        raise RuntimeError(told[0])

    def stop(self) -> None:
        """Ask it to save what it trains, and end."""
        self.process.terminate()

    def end(self) -> None:
        self.line.close()
        self.process.join()


def make_all(todo: Sequence[Planned], workers: int, progress: Progress) -> None:
    """Make all runs, `workers` at a time. The first one that fails ends them all, after what they train is saved."""
    progress.say(f"{workers} runs at a time, each on one core")
    queue, failed = Queue(longest_first(todo)), list[Exception]()
    threads = max(1, cores() // workers)
    crew = [Worker(number, threads) for number in range(workers)]

    def work(worker: Worker) -> None:
        while (one := queue.take()) is not None:
            try:
                worker.make(one.job, progress)
            except Exception as error:
                failed.append(error)
                stop()
            queue.done(one)
        worker.end()

    def stop() -> None:
        if not queue.stopped:
            queue.stop()
            for worker in crew:
                worker.stop()

    hands = [threading.Thread(target=work, args=(worker,)) for worker in crew]
    with progress.several(), _on_signals(stop) as signalled:
        for hand in hands:
            hand.start()
        for hand in hands:
            hand.join()
    if signalled.is_set():
        raise Stopped("stopped; what was trained is saved", interrupted=True)
    if failed:
        raise failed[0]


@contextmanager
def _on_signals(stop: Any) -> Iterator[threading.Event]:
    """Within, SIGINT and SIGTERM `stop` the work, and set the event."""
    signalled = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield signalled
        return

    def hear(number: int, frame: FrameType | None) -> None:
        signalled.set()
        threading.Thread(target=stop).start()  # not here: whoever was interrupted may hold the queue's lock

    before = {number: signal.signal(number, hear) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield signalled
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _environment(**changes: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


class Told(Progress):
    """Progress that is told to the first process."""

    def __init__(self, line: Connection) -> None:
        super().__init__(Console(quiet=True))
        self._line = line
        self._lock = threading.Lock()

    def line(self, text: str) -> None:
        self.send("line", text)

    @contextmanager
    def task(self, title: str) -> Iterator[OnProgress]:
        self.send("begin", title)
        told = 0.0

        def report(what: str, done: int, total: int) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told >= TELL_SECONDS or done == total:
                told = now
                self.send("at", what, done, total)

        yield report
        self.send("end")

    def send(self, *words: Any) -> None:
        with self._lock:
            self._line.send(words)


def _serve(line: Connection) -> None:
    end_with_first()
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    told = Told(line)
    worklist: Worklist | None = None
    while True:
        try:
            job: Job = line.recv()
        except (EOFError, OSError, KeyboardInterrupt):
            return
        try:
            worklist = worklist or Worklist(job.request, told)
            run = worklist.experiment(job.asked, job.seed, job.protocol, load(job.protocol, job.request.cache))
            run.make(told, job.request.force)
            told.send("done")
        except (Stopped, KeyboardInterrupt) as stop:
            told.send("stopped", str(stop))
        except UserError as error:
            told.send("refused", str(error))
        except Exception:
            told.send("failed", traceback.format_exc())
