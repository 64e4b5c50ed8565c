"""One training for many runs: those that differ only in what training does not depend on take each other's networks.

So do those that differ only in what a later stage depends on, up to that stage.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from bench.data import Data
from bench.methods.base import Method, Stage
from bench.runs.records import Run
from bench.training import checkpoint
from bench.training.fit import fits_stage
from bench.training.loop import Training
from bench.util.errors import UserError
from bench.util.files import read_regular, read_sealed, sealed, sha256, whole, write_json

MARK = "training.json"
"""In a run's folder: the key of the training whose networks it holds, or will hold, and its `processes`; once it is
done, the hashes of its `curves`. Sealed."""
CURVES = ("scalars.csv", "heldout.csv")
ALONE = (1,)
"""Numbers of processes of a training that one process did: what files leave out."""


@dataclass(frozen=True)
class Circumstances:
    """What else than the method and its settings the bits of a training depend on."""

    data: Data
    device: str
    """A GPU's bits are not a processor's."""
    threads: int | None = None
    """Of a processor; None on another device."""
    processes: Sequence[int] = ALONE
    """Numbers of processes, ascending, that have shared it."""


class TrainingKeys(NamedTuple):
    """Hashes of all that trained networks depend on; mask sets and test images are not among it."""

    whole: str
    stages: list[str]
    """For each stage but the last, of all that the networks at its end depend on; empty where no method says so."""


def training_keys(run: Run, method: Method, stages: Sequence[Stage], where: Circumstances) -> TrainingKeys:
    """The keys of a run's training. Left out are the settings of `Method.after_training`, and for what has been trained
    up to the end of a stage those of later ones (`Method.from_stage`)."""
    depends: dict[str, Any] = {
        "method": run.method,
        "code": run.code,
        "numbers": run.numbers,
        "seed": run.seed,
        "images": where.data.manifest["sha256"]["train"],
        "facts": where.data.facts._asdict(),
        "device": where.device,
        "threads": where.threads,
    } | _unless_alone(where.processes)

    def key(more: dict[str, Any]) -> str:
        return sha256(json.dumps(depends | more, sort_keys=True).encode())[:12]

    kept = training_settings(run.settings, method)
    return TrainingKeys(key({"settings": kept}), [key(one) for one in up_to_stages(run.settings, method, stages)])


def training_settings(settings: Mapping[str, Any], method: Method) -> dict[str, Any]:
    """Those that the trained networks depend on."""
    return {name: value for name, value in settings.items() if name not in method.after_training}


def up_to_stages(settings: Mapping[str, Any], method: Method, stages: Sequence[Stage]) -> Iterator[dict[str, Any]]:
    """For each stage but the last, what the networks at its end depend on; nothing where no method says so."""
    facts = [[stage.name, stage.steps, stage.batch_size] for stage in stages]
    for count in range(1, len(stages)) if method.from_stage else ():
        known = {stage.name for stage in stages[:count]}
        later = frozenset[str]().union(*(names for stage, names in method.from_stage.items() if stage not in known))
        kept = {name: value for name, value in training_settings(settings, method).items() if name not in later}
        # Later stages too: what follows a schedule over all steps depends on them.
        yield {"settings": kept, "stages": facts, "trained": count}


def mark(folder: Path, keys: TrainingKeys, processes: Sequence[int] = ALONE) -> None:
    """Say in a run's folder which training is its own."""
    write_json(folder / MARK, sealed({"key": keys.whole, "stages": keys.stages} | _unless_alone(processes)))


def mark_done(folder: Path) -> None:
    """Say what the curves are that the training has left."""
    write_json(folder / MARK, sealed(_marked(folder) | {"curves": _curves(folder)}))


def curves_are_whole(folder: Path) -> bool:
    """Whether a run's folder holds the curves that its training has left, as far as that is known."""
    return _marked(folder).get("curves") in (None, _curves(folder))


def processes_so_far(folder: Path) -> list[int]:
    """Numbers of processes, ascending, that have worked on the training in a run's folder."""
    return list(_marked(folder).get("processes", ALONE))


def _marked(folder: Path) -> dict[str, Any]:
    path = folder / MARK
    return read_sealed(path) if path.exists() else {}


def _curves(folder: Path) -> dict[str, str]:
    return {name: sha256(path_bytes) for name in CURVES if (path_bytes := _bytes(folder / name)) is not None}


def _bytes(path: Path) -> bytes | None:
    try:
        return read_regular(path)
    except OSError:
        return None


def _unless_alone(processes: Sequence[int]) -> dict[str, list[int]]:
    return {} if tuple(processes) == ALONE else {"processes": list(processes)}


def take_from_cache(folder: Path, run: Run, key: str) -> Path | None:
    """Copy curves, pictures and networks of another run under the same `runs/` that has finished this training.

    The networks come last, so that a kill leaves none. Returns the other run's folder; None where there is none whose
    files are whole.
    """
    for other, known in _others(folder, run):
        if known.get("key") == key and _take(other, folder):
            return other
    return None


def take_stages_from_cache(training: Training, run: Run, keys: TrainingKeys) -> tuple[Path, int] | None:
    """Begin a training after as many stages as another run under the same `runs/` has done in exactly the same way.

    Returns that run's folder and how many stages; None where there is none whose files are whole.
    """
    others = list(_others(training.folder, run))
    for index in reversed(range(len(keys.stages))):
        for other, known in others:
            same = known.get("stages", [])[index : index + 1] == [keys.stages[index]]
            if same and _take_stage(training, other, index):
                return other, index + 1
    return None


def _take_stage(training: Training, twin: Path, index: int) -> bool:
    source = next((twin / "checkpoints").glob(f"{checkpoint.of_stage(index)}-*.pt"), None)
    state = checkpoint.load(source) if source is not None else None
    if state is None or not fits_stage(state, training.method):
        return False
    for stage in training.method.stages()[: index + 1]:
        for path in sorted((twin / "samples").glob(f"{stage.name}-*.png")):
            with whole(training.folder / "samples" / path.name) as file:
                file.write(path.read_bytes())
    training.take_stage(index, state)
    return True


def _others(folder: Path, run: Run) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The folders of other runs of the same method and seed, and which training each is of."""
    for path in sorted(folder.parent.parent.glob(f"*/{run.method}*-seed{run.seed}-*/{MARK}")):
        if path.parent == folder:
            continue
        try:
            known = _marked(path.parent)
        except UserError:  # gone, or written by something else: no twin
            continue
        yield path.parent, known


def _take(twin: Path, folder: Path) -> bool:
    source = next(iter(sorted((twin / "checkpoints").glob("trained-*.pt"))), None)
    content = checkpoint.read(source) if source is not None else None
    if source is None or content is None:
        return False
    more = [*twin.glob("heldout.csv"), *sorted((twin / "samples").glob("*.png"))]
    try:
        parts = {path: read_regular(path) for path in (twin / "scalars.csv", *more)}
        told = _marked(twin).get("curves")
    except (OSError, UserError):  # it is being made again, or damaged
        return False
    if told is not None and told != {path.name: sha256(part) for path, part in parts.items() if path.name in CURVES}:
        return False
    for path, part in (parts | {source: content}).items():
        with whole(folder / path.relative_to(twin)) as file:
            file.write(part)
    for old in (folder / "checkpoints").glob("step-*.pt"):
        old.unlink()
    return True
