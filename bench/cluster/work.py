"""What the parts of tasks do: pack data, train, evaluate, report. Each resumes from the files that are there."""

import platform
import time
from typing import Any

from lightning_fabric import Fabric
from rich.console import Console

from bench.cluster import snapshot
from bench.cluster.part import JobPart, seconds_left
from bench.cluster.pulse import Pulse, WatchedProgress
from bench.cluster.task import Folder, Task, folders
from bench.data import Data, told
from bench.methods.catalog import find
from bench.runs.experiment import Experiment
from bench.runs.packing import load_data
from bench.runs.worklist import Worklist
from bench.training.device import open_fabric
from bench.util.errors import Stopped, UserError
from bench.util.files import locked


class Work:
    """One part of one task, with all that it needs."""

    def __init__(self, task: Task, part: JobPart, folder: Folder, pulse: Pulse, fabric: Fabric | None = None) -> None:
        # Data and reports need no GPU, and their jobs may have none.
        self.fabric = fabric or open_fabric(task.request.device if task.kind == "run" else "cpu")
        if task.kind == "run" and part.gpus and task.request.device == "auto" and self.fabric.device.type == "cpu":
            raise UserError(
                f"The job has asked for {part.gpus} GPU{'s' if part.gpus > 1 else ''}, but torch can use none on"
                f" {platform.node()}. See `doctor --cluster`; with --device cpu it would work on the processor."
            )
        self.task, self.part, self.folder, self.pulse = task, part, folder, pulse
        self.progress = WatchedProgress(Console(width=120), pulse)
        self.request = task.request.but(include=tuple(snapshot.included(part.code, task.request.include)))
        self.experiment = self._plan() if task.kind == "run" else None

    def mark(self) -> str:
        """How far the work is: it changes only by progress."""
        if self.experiment is None:
            return ""
        home = self.experiment.folder
        saved = sorted(path.stem for path in (home / "checkpoints").glob("*.pt"))
        return f"{saved[-1] if saved else ''} {len(list((home / 'predictions').rglob('*.csv')))}".strip()

    def do(self) -> dict[str, Any] | None:
        """Returns the task's terminal record, or None where another part comes after this one."""
        if self.experiment is None:
            return self._pack() if self.task.kind == "data" else self._report()
        self.folder.log("run folder", path=str(self.experiment.folder))
        if self.part.kind == "evaluate":
            return self._evaluate(self.experiment)
        self._train(self.experiment)
        return None

    def _plan(self) -> Experiment:
        task = self.task
        assert task.protocol is not None
        data = self._load()
        left = seconds_left(self.part.seconds)
        # An evaluation may find the training unfinished: then it must not train on, with resources that are not for it.
        minutes = 0.0 if self.part.kind == "evaluate" else None if left is None else left / 60
        request = self.request.but(minutes=minutes)
        work = Worklist(request, self.progress, self.fabric)
        return work.experiment(request, request.seeds_or()[0], task.protocol, data)

    def _load(self) -> Data:
        """The data, packed by one process while the others wait."""
        protocol, cache = self.task.protocol, self.request.cache
        assert protocol is not None
        with locked(cache, self.progress.say, cache / f".{protocol.data_name}-{protocol.resolution}.lock"):
            return load_data(protocol, cache, self.request.out, self.progress)

    def _pack(self) -> dict[str, Any]:
        data = self._load()
        for line in told(data):
            self.progress.say(line)
        return _done(images=len(data.train) + len(data.test))

    def _train(self, experiment: Experiment) -> None:
        stages = experiment.build().stages()
        self.pulse.expect({stage.name: stage.steps for stage in stages})
        experiment.train_only(self.progress)

    def _evaluate(self, experiment: Experiment) -> dict[str, Any]:
        protocol = experiment.run.protocol
        self.pulse.expect(dict.fromkeys(protocol.mask_set_names, len(experiment.data.test)))
        try:
            record = experiment.make(self.progress)
        except Stopped as stop:
            if stop.interrupted:
                raise
            error = f"Its training is not finished: {stop}. `retry` resumes it."
            return {"state": "unfinished", "time": time.time(), "error": error}
        return _done(record=str(record.folder / "record.json"))

    def _report(self) -> dict[str, Any]:
        from bench.api.reproduction import print_reproduction, report

        try:
            made = report(find(self.request.include), self.request)
        except UserError as error:
            if not self._all_cancelled():
                raise
            why = f"There is nothing to report, its runs were cancelled. {error}"
            return {"state": "cancelled", "time": time.time(), "error": why}
        print_reproduction(self.progress.console, made)
        return _done(pages=[str(path) for path in made.pages])

    def _all_cancelled(self) -> bool:
        """Whether all runs of this report's paper that were submitted with it were cancelled."""
        found = ((one, one.task()) for one in folders(self.request.out))
        key, submission = self.request.key, self.task.submission
        ends = [
            one.end()
            for one, task in found
            if (task.kind, task.request.key, task.submission) == ("run", key, submission)
        ]
        return bool(ends) and all((end or {}).get("state") == "cancelled" for end in ends)


def _done(**facts: Any) -> dict[str, Any]:
    return {"state": "done", "time": time.time(), **facts}
