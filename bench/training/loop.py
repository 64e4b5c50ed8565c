"""The training loop. It knows stages, time and files, and nothing about any network.

Several processes run it side by side; the first one keeps the time and writes the files.
"""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

import torch
from lightning_fabric import Fabric
from torch import Tensor
from torch.optim import Optimizer

from bench.data import Packed
from bench.methods.base import BrokenResultError, Method, Stage, TrainedSettings, no_exit
from bench.training import checkpoint
from bench.training.feed import TrainingFeed
from bench.training.fit import fits
from bench.training.held_out import HeldOut
from bench.training.options import Options
from bench.training.processes import agree, check_shared, is_first, tell
from bench.training.samples import draw_samples
from bench.training.scalars import Scalars, broken
from bench.training.speedups import sped_up, told
from bench.util.errors import Stopped
from bench.util.files import sha256, write_text
from bench.util.progress import OnProgress

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

SAMPLES = 5
"""How many picture grids a stage leaves, and how often it is measured on the held-out images."""


Log = Callable[[str, dict[str, Any]], None]
"""Called with an event's name and facts."""


class Training:
    """Trains one method in one run folder, from wherever an earlier process left off."""

    def __init__(self, folder: Path, method: Method, train: Packed, seed: int, fabric: Fabric) -> None:
        self.folder, self.method, self.train, self.seed, self.fabric = folder, method, train, seed, fabric
        self.scalars = Scalars()
        self.held_out = HeldOut(train, method)
        self._untrained: dict[str, str] = {}
        self._first = is_first(fabric)
        self._stop = threading.Event()

    @property
    def trained(self) -> Path | None:
        """The file of the finished networks."""
        return next(iter((self.folder / "checkpoints").glob("trained-*.pt")), None)

    @property
    def begun(self) -> bool:
        return any((self.folder / "checkpoints").glob("step-*.pt"))

    def take_stage(self, index: int, state: dict[str, Any]) -> None:
        """Begin after stage `index`: with the `state` in another training's `stage-*.pt`, and otherwise as built.

        Raises RuntimeError where those are networks of another shape, and nothing is written then.
        """
        self._untrained = self._hashes()
        self._load_networks(state["networks"])
        self.scalars, self.held_out.rows = Scalars(state["scalars"]), state["held_out"]
        self._write(index + 1, 0, 0, {})

    def run(self, options: Options, report: OnProgress, log: Log) -> None:
        """Train all stages. Raises Stopped when a signal or `options.minutes` ended it early.

        `options`, `report` and `log` are the first process's matter; any process may be signalled.
        """
        state = self._resume(log)
        if state is None and self.method.from_stage:
            self._untrained = self._hashes()
        if not self.held_out.indices:
            log("nothing held out", {"images": len(self.train)})
        first = 0 if state is None else state["stage"]
        deadline = None if options.minutes is None else time.monotonic() + 60 * options.minutes
        how = settings if isinstance(settings := self.method.settings, TrainedSettings) else TrainedSettings()
        stages = self.method.stages()
        for stage in stages:
            check_shared(stage, self.method.settings, self.fabric.world_size)
        with self._stop_on_signals(), _tensorboard(self.folder) if self._first else nullcontext() as board:
            for index, stage in enumerate(stages):
                if index >= first:
                    if facts := told(stage, how):
                        log("sped up", {"stage": stage.name} | facts)
                    with sped_up(stage, how, self.fabric.device):
                        now = state if index == first else None
                        self._train_stage(index, stage, now, options, deadline, report, board)
        if self._first:
            self._finish()
            log("trained", {"file": self.trained.name if self.trained else ""})

    def _resume(self, log: Log) -> dict[str, Any] | None:
        """The state to resume from, the same in all processes; None at the start."""
        fit = partial(fits, method=self.method)
        state, damaged = checkpoint.newest(self.folder / "checkpoints", fit) if self._first else (None, [])
        for path in damaged:
            log("damaged checkpoint skipped", {"file": path.name})
        state = tell(self.fabric, state)
        if state is not None:
            self.scalars = Scalars(state["scalars"])
            self.held_out = HeldOut(self.train, self.method, state["held_out"])
            self._load_networks(state["networks"])
            self._untrained = state["untrained"]
            log("resumed", {"stage": state["stage"], "step": state["step"]})
        return state

    def _train_stage(
        self,
        index: int,
        stage: Stage,
        state: dict[str, Any] | None,
        options: Options,
        deadline: float | None,
        report: OnProgress,
        board: "SummaryWriter | None",
    ) -> None:
        rank, processes = self.fabric.global_rank, self.fabric.world_size
        feed = TrainingFeed(stage, self.train, self.seed, self.fabric.device, rank=rank, processes=processes)
        step = 0
        self.scalars.start(stage.name, stage.steps, 0, None, [])
        if state is not None and state["step"] > 0:
            step, feed.drawn = state["step"], state["drawn"]
            self.scalars.start(stage.name, stage.steps, step, state["pending"], state["names"])
        raw = set_up(self.fabric, stage, state["optimizers"] if state else {})
        saved = time.monotonic()
        while step < stage.steps:
            feed.start(step)
            with no_exit(f"stage '{stage.name}'"):
                losses = stage.step(feed)
            for row in self.scalars.add(losses):
                if board is not None:
                    board.add_scalar(f"{row[0]}/{row[2]}", row[3], row[1])
            step += 1
            report(stage.name, step, stage.steps)
            now = time.monotonic()
            late = deadline is not None and now >= deadline
            old = self._first and now - saved >= options.checkpoint_seconds
            signalled, late, old = agree(self.fabric, self._stop.is_set(), late, old)
            last = step == stage.steps
            keep = signalled or late or old or last
            show = last or step % max(1, stage.steps // SAMPLES) == 0
            if keep or show:
                self._check(stage, step)
            if show and self._first:
                self._show(stage, step)
            if keep and self._first:
                self._save(index, stage, step, feed.drawn)
                saved = now
            if signalled or late:
                text = f"stopped after step {step} of {stage.steps} of stage '{stage.name}', all of it saved"
                raise Stopped(text, signalled)
        stage.networks.update(raw)

    def _check(self, stage: Stage, step: int) -> None:
        """Raise UserError at a NaN in scalars or networks, so that no broken state is ever kept or shown."""
        self.scalars.pending()
        for name, state in self._network_states().items():
            if not all(bool(torch.isfinite(value).all()) for value in state.values()):
                raise broken(f"network '{name}' holds NaN or infinity", step - 1, stage.name)

    def _show(self, stage: Stage, step: int) -> None:
        try:
            draw_samples(self.folder / "samples" / f"{stage.name}-{step:07d}.png", self.method, self.train)
            self.held_out.measure(stage.name, step)
        except BrokenResultError as error:
            raise broken("what the networks return is not finite", step - 1, stage.name) from error

    def _save(self, index: int, stage: Stage, step: int, drawn: int) -> None:
        if step < stage.steps:
            self._write(index, step, drawn, {key: value.state_dict() for key, value in stage.optimizers.items()})
            return
        if self.method.from_stage and index + 1 < len(self.method.stages()):
            self._keep_stage(index)
        self._write(index + 1, 0, 0, {})

    def _write(self, stage: int, step: int, drawn: int, optimizers: dict[str, Any]) -> None:
        """A checkpoint before `step` of `stage`; at a stage's end its optimisers are over."""
        state = {
            "stage": stage,
            "step": step,
            "drawn": drawn,
            "networks": self._network_states(),
            "untrained": self._untrained,
            "optimizers": optimizers,
            "scalars": self.scalars.rows,
            "pending": self.scalars.pending(),
            "names": self.scalars.names,
            "held_out": self.held_out.rows,
        }
        folder = self.folder / "checkpoints"
        checkpoint.save(folder, checkpoint.numbered(stage, step), state)
        checkpoint.prune(folder)

    def _keep_stage(self, index: int) -> None:
        """Keep what the stages up to `index` have made, for trainings that go on from there in another way."""
        changed = {name for name, now in self._hashes().items() if now != self._untrained[name]}
        state = {
            "networks": {name: state for name, state in self._network_states().items() if name in changed},
            "scalars": self.scalars.rows,
            "held_out": self.held_out.rows,
        }
        folder = self.folder / "checkpoints"
        for old in folder.glob(f"{checkpoint.of_stage(index)}-*.pt"):
            old.unlink()
        checkpoint.save(folder, checkpoint.of_stage(index), state)

    def _finish(self) -> None:
        rows = [",".join([stage, str(step), name, repr(value)]) for stage, step, name, value in self.scalars.rows]
        write_text(self.folder / "scalars.csv", "\n".join(["stage,step,name,value", *rows]) + "\n")
        if self.held_out.rows:
            write_text(self.folder / "heldout.csv", self.held_out.table())
        for old in (self.folder / "checkpoints").glob("trained-*.pt"):
            old.unlink()
        checkpoint.save(self.folder / "checkpoints", "trained", self._network_states())
        for old in (self.folder / "checkpoints").glob("step-*.pt"):
            old.unlink()

    def _network_states(self) -> dict[str, dict[str, Tensor]]:
        return {name: network.state_dict() for name, network in self.method.networks().items()}

    def _hashes(self) -> dict[str, str]:
        """Of each network's weights and buffers."""
        found = {}
        for name, state in self._network_states().items():
            parts = [value.cpu().contiguous().reshape(-1).view(torch.uint8) for value in state.values()]
            found[name] = sha256(*(part.numpy().tobytes() for part in parts))
        return found

    def _load_networks(self, states: dict[str, dict[str, Tensor]]) -> None:
        networks = self.method.networks()
        for name, state in states.items():
            networks[name].load_state_dict(state)

    @contextmanager
    def _stop_on_signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM end the training after the step in hand; a second SIGINT ends it at once."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: int, frame: FrameType | None) -> None:
            if self._stop.is_set() and number == signal.SIGINT:
                raise KeyboardInterrupt
            self._stop.set()

        before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def set_up(fabric: Fabric, stage: Stage, optimizer_states: dict[str, Any]) -> dict[str, torch.nn.Module]:
    """Hand networks and optimisers to Fabric; returns the networks as they were."""
    raw = dict(stage.networks)
    stage.networks.update({name: fabric.setup_module(network) for name, network in raw.items()})
    for name, optimizer in list(stage.optimizers.items()):
        stage.optimizers[name] = cast(Optimizer, fabric.setup_optimizers(optimizer))
    for name, state in optimizer_states.items():
        stage.optimizers[name].load_state_dict(state)
    return raw


@contextmanager
def _tensorboard(folder: Path) -> Iterator["SummaryWriter | None"]:
    """A writer of the same scalars for TensorBoard; None where that is not installed."""
    try:
        from torch.utils.tensorboard.writer import SummaryWriter
    except ImportError:
        yield None
        return
    writer = SummaryWriter(str(folder / "tensorboard"))
    try:
        yield writer
    finally:
        writer.close()
