"""The data of a run, packed first where nobody has packed them; how long that took is recorded."""

from pathlib import Path

from bench.data import Data, load
from bench.data.protocol import Protocol
from bench.runs import rates
from bench.runs.meter import timed
from bench.util.progress import Progress


def load_data(protocol: Protocol, cache: Path, out: Path, progress: Progress) -> Data:
    """The protocol's data set, from `cache` or decoded into it; its rate is for the runs under `out`."""
    packed = 0
    with progress.task(f"data {protocol.data_name}") as report, timed() as tally:

        def on_progress(done: int, total: int, what: str) -> None:
            nonlocal packed
            packed = done  # none where another process packs and this one waits
            report(what, done, total)

        data = load(protocol, cache, on_progress)
    if packed and tally.count:
        tally.count = packed
        rates.put(out, rates.data_name(protocol.data_name, protocol.resolution), "pack", {"image": tally})
    return data
