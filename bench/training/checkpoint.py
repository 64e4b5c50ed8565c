"""Checkpoints: written whole, named by their hash, two kept, loaded without pickle."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from bench.util.files import read_regular, sha256, sweep, whole

KEEP = 2


def save(folder: Path, name: str, state: dict[str, Any]) -> Path:
    """Write `state` (tensors, numbers, text, lists and dictionaries of them) as `<name>-<hash>.pt`."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    content = buffer.getbuffer()
    path = folder / f"{name}-{sha256(bytes(content))[:16]}.pt"
    with whole(path) as file:
        file.write(content)
    return path


def read(path: Path) -> bytes | None:
    """The file's bytes, or None where it is gone or damaged: where they are not those that its name has the hash of."""
    try:
        content = read_regular(path)
    except OSError:
        return None
    return content if sha256(content)[:16] == path.stem.rpartition("-")[2] else None


def load(path: Path) -> dict[str, Any] | None:
    """The state in `path`, or None where the file is gone or damaged. Its hash is checked before it is parsed."""
    content = read(path)
    if content is None:
        return None
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:  # whatever a file that is no checkpoint makes the reader raise
        return None
    return state if isinstance(state, dict) else None


def numbered(stage: int, step: int) -> str:
    """A name that sorts by progress."""
    return f"step-{stage:02d}-{step:09d}"


def of_stage(index: int) -> str:
    """The name of what a training has made up to the end of a stage."""
    return f"stage-{index:02d}"


def reached(folder: Path) -> tuple[int, int]:
    """Stage and step of the newest checkpoint, by its name, whole or not; 0 and 0 where there is none."""
    newest = next(iter(_newest_first(folder)), None)
    if newest is None:
        return 0, 0
    _, stage, step, _ = newest.stem.split("-")
    return int(stage), int(step)


def prune(folder: Path) -> None:
    """Keep the newest checkpoints; remove older ones and what killed writers left."""
    sweep(folder)
    for old in _newest_first(folder)[KEEP:]:
        old.unlink(missing_ok=True)


def newest(
    folder: Path, fits: Callable[[dict[str, Any]], bool] = lambda state: True
) -> tuple[dict[str, Any] | None, list[Path]]:
    """The newest state that is whole and `fits`, and the files that were passed over."""
    damaged: list[Path] = []
    for path in _newest_first(folder):
        state = load(path)
        if state is not None and fits(state):
            return state, damaged
        damaged.append(path)
    return None, damaged


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.pt"), reverse=True)
