"""An inpainter that exists in memory only: scored as every method is, but without a record.

A record says which code made it and how to make it again. An object can hold weights and state that no source file
shows, so it gets scores alone. For a record, put the class into a file that says METHOD and `include` that.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from bench.data import load
from bench.data.protocol import Protocol, ProtocolOverrides, protocols
from bench.methods.base import Inpainter
from bench.methods.catalog import find
from bench.metrics import Lpips
from bench.runs.evaluation import evaluate
from bench.runs.replay import scale_protocols
from bench.runs.request import Request
from bench.training.device import open_fabric
from bench.util.errors import UserError
from bench.util.progress import Progress

COUNT = {"key", "scale", "data", "mask_sets", "seeds", "paper", "lpips", "include", "device", "cache"}
"""What of a request bears on an object."""


def score_object(
    inpainter: Inpainter, request: Request, progress: Progress
) -> Iterator[tuple[Protocol, int, pd.DataFrame]]:
    """Protocol, seed and per-image scores, for each data set and seed. Its networks must be on `request.device`.

    Raises UserError for what only a method that is found by its key can have.
    """
    for name in sorted(request.model_fields_set - COUNT):
        raise UserError(f"{name} works only for methods found by their key, not for {request.key} in memory.")
    device, lpips = open_fabric(request.device).device, Lpips.open(request.lpips)
    for protocol in _protocols(request):
        with progress.task(f"data {protocol.data_name}") as report:
            data = load(protocol, request.cache, lambda done, total, what: report(what, done, total))
        for seed in request.seeds_or():
            with tempfile.TemporaryDirectory() as name, progress.task(f"score {request.key}") as report:
                folder, sets = Path(name), protocol.mask_sets
                yield protocol, seed, evaluate(inpainter, data.test, sets, seed, device, folder, report, lpips)


def _protocols(request: Request) -> Iterator[Protocol]:
    """The scale's own, or those of a paper's scale."""
    for name in request.data or (None,):
        if request.paper is None:
            yield from protocols(request.scale, ProtocolOverrides(), name, request.mask_sets)
        else:
            entry = find(request.include)[request.paper]
            entry.paper()
            yield from scale_protocols(entry, request.scale, name, request.mask_sets)
