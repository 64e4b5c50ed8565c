"""One training for many runs: those that differ only in what training does not depend on take each other's networks."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.data import Data
from bench.runs.records import Run
from bench.training import checkpoint
from bench.util.errors import UserError
from bench.util.files import read_regular, read_sealed, sealed, sha256, whole, write_json

MARK = "training.json"
"""In a run's folder: the key of the training whose networks it holds, or will hold, and its `processes`; once it is
done, the hashes of its `curves`. Sealed."""
CURVES = ("scalars.csv", "heldout.csv")
ALONE = (1,)
"""Numbers of processes of a training that one process did: what files leave out."""


def training_key(
    run: Run, after_training: frozenset[str], data: Data, device: str, processes: Sequence[int] = ALONE
) -> str:
    """Hash of all that trained networks depend on: mask sets, test images and `after_training` settings are not among
    it.

    The device is, because a GPU's bits are not a processor's; so are the numbers of processes that have shared it.
    """
    depends: dict[str, Any] = {
        "method": run.method,
        "settings": {key: value for key, value in run.settings.items() if key not in after_training},
        "code": run.code,
        "numbers": run.numbers,
        "seed": run.seed,
        "images": data.manifest["sha256"]["train"],
        "facts": data.facts._asdict(),
        "device": device,
    } | _unless_alone(processes)
    return sha256(json.dumps(depends, sort_keys=True).encode())[:12]


def mark(folder: Path, key: str, processes: Sequence[int] = ALONE) -> None:
    """Say in a run's folder which training is its own."""
    write_json(folder / MARK, sealed({"key": key} | _unless_alone(processes)))


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
    for path in sorted(folder.parent.parent.glob(f"*/{run.method}*-seed{run.seed}-*/{MARK}")):
        if path.parent != folder and _key(path) == key and _take(path.parent, folder):
            return path.parent
    return None


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


def _key(path: Path) -> str | None:
    try:
        return read_sealed(path).get("key")
    except UserError:  # gone, or written by something else: no twin
        return None
