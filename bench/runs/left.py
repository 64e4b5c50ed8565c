"""What is left of a run to do, from the files in its folder; nothing is loaded."""

from collections.abc import Sequence
from pathlib import Path

from bench.data.protocol import Protocol
from bench.methods.base import Stage
from bench.training import checkpoint


def steps_left(folder: Path, stages: Sequence[Stage]) -> dict[str, int]:
    """Stage -> its training steps still to come."""
    if any((folder / "checkpoints").glob("trained-*.pt")):
        return {}
    at, step = checkpoint.reached(folder / "checkpoints")
    left = {stage.name: stage.steps for stage in stages[at:]}
    return left | {stage.name: stage.steps - step for stage in stages[at : at + 1]}


def images_left(folder: Path, protocol: Protocol, images: int) -> dict[str, int]:
    """Mask set -> images still to fill and score; `images` is how many the data set has to score."""
    place = folder / "predictions"
    return {
        name: 0 if (place / f"{name}.csv").exists() else images - _scored(place / f"{name}.parts")
        for name in protocol.mask_set_names
    }


def _scored(parts: Path) -> int:
    """Images whose scores are in files that evaluation has named after their places, from and to."""
    places = [part.stem.split("-") for part in parts.glob("[0-9]*-[0-9]*.csv")]
    return sum(int(stop) - int(start) for start, stop in places)
