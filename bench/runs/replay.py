"""The command that makes a run again, and the protocols that a scale's runs are under."""

import json
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.data.protocol import Protocol, ProtocolOverrides, protocols
from bench.methods.catalog import Entry
from bench.methods.settings import DEFAULT
from bench.methods.supplied import hosted_by
from bench.runs import provenance
from bench.runs.records import Run


def command(
    run: Run, entry: Entry, host: Entry | None, *, weights: Sequence[Path], places: Mapping[str, str], threads: int
) -> str:
    """`host`: the paper whose protocol the run has, where that is not the method itself. `weights`: files of networks
    from elsewhere. `places`: where what the user supplied lies, by setting. `threads`: of a processor."""
    words = ["evaluate", entry.call, "--scale", run.scale, "--data", run.protocol.data]
    for path in weights:
        words += ["--weights", str(path)]
    words += ["--trust"] if entry.weights else []
    variant = run.variant.partition(",")[0]
    words += ["--variant", variant] if variant != DEFAULT else []
    for key, value in sorted(run.changes.items()):
        words += ["--set", f"{key}={json.dumps(value)}"]
    for key, place in sorted(places.items()):
        words += ["--set", f"{key}={place}"]
    usual, named = scale_protocols(entry, run.scale, run.protocol.data)[0], [entry]
    other_protocol = usual != run.protocol.model_copy(update={"mask_sets": usual.mask_sets})
    if host is not None and (other_protocol or hosted_by(host, run.scale, run.method)):
        words += ["--paper", host.key]
        usual, named = scale_protocols(host, run.scale, run.protocol.data)[0], [entry, host]
    if run.protocol.mask_sets != usual.mask_sets:
        for spec in run.protocol.mask_sets:
            words += ["--masks", spec]
    for one in named:
        words += ["--include", str(provenance.original(one.path))] if one.origin == "--include" else []
    words += ["--threads", str(threads)] if threads != 1 else []
    return shlex.join(["python", "-m", "bench", *words, "--seed", str(run.seed)])


def scale_protocols(entry: Entry, scale: str, data: str | None = None, mask_sets: Sequence[str] = ()) -> list[Protocol]:
    """The protocols of a scale as the method's paper.toml has them; `data` and `mask_sets` take the place of its
    own."""
    about = entry.description()
    part = about.scales.get(scale) if about else None
    return protocols(scale, part.protocol if part else ProtocolOverrides(), data, mask_sets)
