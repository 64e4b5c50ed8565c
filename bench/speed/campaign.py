"""A campaign on a processor: what it gains from runs at the same time, and from shared stages.

- *side by side*: as many trainings as the machine has cores, each in a process of its own with one thread, against the
  same steps one training after the other with all threads.
- *shared stages*: a method and two of its variants, the stages before they part trained once, against each training on
  its own. The same bits, so `agreement` is 0.
"""

import tempfile
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from bench.methods.base import DataFacts, Method, Stage
from bench.methods.catalog import find
from bench.methods.settings import DEFAULT, overrides
from bench.runs.building import build_method
from bench.speed.timing import Row, race, row
from bench.speed.training import Runner, noise
from bench.training import checkpoint
from bench.training.device import open_fabric
from bench.training.feed import TrainingFeed
from bench.training.loop import Training, set_up
from bench.training.options import Options
from bench.util.processes import cores, end_with_first, spawned

METHODS = ("fang2021", "jiao2023", "huang2022")
SIDE = 64
STEPS = 4
"""Of each training, in one timed call."""
SHARED = {"steps": 45, "l1_first_steps": 30}
"""As long as quick's, 900 and 600, by a twentieth."""
PARTED: dict[str, dict[str, Any]] = {
    "default": {},
    "gp_full": {"gp_region": "full"},
    "wgan_clip": {"gan": "wgan_clip"},
}


def rows(quick: bool) -> list[Row]:
    """One line for each method side by side, one for shared stages."""
    found = [_side_by_side(key, cores(), quick) for key in METHODS[: 1 if quick else None]]
    return [*found, _shared_stages(quick)]


def _stage(key: str) -> Stage:
    """The first stage of quick's training, set up to take steps."""
    entry = find()[key]
    method = build_method(entry, overrides(entry.description(), "quick", DEFAULT), DataFacts(SIDE, 2400), seed=0)
    stage = method.stages()[0]
    set_up(open_fabric("cpu"), stage, {})
    return stage


def _runner(stage: Stage) -> Runner:
    return Runner(stage, TrainingFeed(stage, noise(SIDE), 0, torch.device("cpu")), read_each=False)


def _side_by_side(key: str, count: int, quick: bool) -> Row:
    alone = _runner(_stage(key))
    with ExitStack() as stack:
        lines = [stack.enter_context(_Trainer(key)) for _ in range(count)]

        def together() -> None:
            for line in lines:
                line.send(STEPS)
            for line in lines:
                line.recv()

        times = race({"ours": together, "peer": lambda: alone.steps(count * STEPS)}, quick)
    size = f"{count} trainings, {STEPS} steps of {alone.stage.batch_size} × {SIDE}²"
    each = f"{1000 * count * STEPS / times['ours']:,.1f} and {1000 * count * STEPS / times['peer']:,.1f} steps a second"
    return row(f"{key} side by side", size, times["ours"], "one after the other", times["peer"], note=each)


class _Trainer:
    """A process that takes steps on demand, with one thread."""

    def __init__(self, key: str) -> None:
        self.key = key

    def __enter__(self) -> Connection:
        self.process, self.line = spawned(_take_steps, f"trainer of {self.key}")
        self.line.send(self.key)
        return self.line

    def __exit__(self, *_: object) -> None:
        self.line.close()
        self.process.join()


def _take_steps(line: Connection) -> None:
    end_with_first()
    torch.set_num_threads(1)
    try:
        runner = _runner(_stage(line.recv()))
        while True:
            runner.steps(line.recv())
            line.send("done")
    except (EOFError, OSError):
        return


def _shared_stages(quick: bool) -> Row:
    found: dict[str, list[str]] = {}

    def train(share: bool) -> None:
        with tempfile.TemporaryDirectory() as home:
            first, names = Path(home) / "default", []
            for name, changes in PARTED.items():
                training = _training(Path(home) / name, changes)
                if share and name != "default":
                    kept = next((first / "checkpoints").glob(f"{checkpoint.of_stage(0)}-*.pt"))
                    state = checkpoint.load(kept)
                    assert state is not None
                    training.take_stage(0, state)
                training.run(Options(), lambda what, done, total: None, lambda event, facts: None)
                names.append(training.trained.name if training.trained else "")
            found["ours" if share else "peer"] = names

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    times = race({"ours": lambda: train(True), "peer": lambda: train(False)}, quick)
    torch.set_num_threads(before)
    agreement = float(sum(a != b for a, b in zip(found["ours"], found["peer"], strict=True)))
    size = f"{len(PARTED)} trainings of {SHARED['l1_first_steps']} + {SHARED['steps'] - SHARED['l1_first_steps']} steps"
    return row("fang2021, shared stages", size, times["ours"], "each on its own", times["peer"], agreement)


def _training(folder: Path, changes: dict[str, Any]) -> Training:
    entry = find()["fang2021"]
    values = overrides(entry.description(), "quick", DEFAULT) | SHARED | changes
    method: Method = build_method(entry, values, DataFacts(SIDE, 2400), seed=0)
    return Training(folder, method, noise(SIDE), 0, open_fabric("cpu"))
