"""Helpers of the tests that queue real runs."""

import os
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console

from bench.cluster.campaign import Campaign
from bench.cluster.profile import Placement, Profile
from bench.cluster.state import IN_FLIGHT, Watch
from bench.cluster.submit import submit
from bench.runs.request import Request

PLODDER = Path(__file__).parent / "cluster" / "plodder.py"
KEPT = ("record.json", "scores.csv", "scalars.csv", "*.npy", "trained-*.pt")


def wait_until(condition, seconds=240.0, what=""):
    """Poll until `condition()` is true, and return what it gives."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited too long for {what or condition}"
        time.sleep(0.2)
    return found


def results(out):
    """Everything that must be the same bits: records, scores, scalars, weights, predictions."""
    files = sorted(path for pattern in KEPT for path in (Path(out) / "runs").rglob(pattern))
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def queue(out, cache, profile, keys=("plodder",), include=(PLODDER,), workers=0, **more):
    """Submit in this process; returns the ids of the runs."""
    asked = {"scale": "smoke", "checkpoint_seconds": 0.0} | more
    requests = [Request.of(key, out=out, cache=cache, include=include, **asked) for key in keys]
    plan, submission = submit(Campaign(requests, profile, Placement(workers=workers)), Console(quiet=True))
    assert submission is not None
    return [planned.task.id for planned in plan.to_do]


def profile(**more):
    """A small profile of the one-machine SLURM."""
    asked = {"minutes": 10, "cpus": 1, "memory_gb": 4, "segments": 3, "heartbeat_seconds": 0.5}
    return Profile(name="test", **({"partition": "main", "evaluate": {"segments": 1}} | asked | more))


def statuses(out):
    """Id -> status."""
    return {status.folder.id: status for status in Watch(Path(out)).all()}


def states(out):
    return {name: status.state for name, status in statuses(out).items()}


def over(out):
    """All statuses, once nothing moves any more."""
    found = statuses(out)
    return found if all(one.state not in IN_FLIGHT for one in found.values()) else None


def wait_until_over(out, seconds=600.0, what=""):
    """Wait until nothing moves any more, and return all statuses; a failure tells them, and what the runs said last."""
    try:
        return wait_until(lambda: over(out), seconds, what)
    except AssertionError as error:
        told = [f"{name}: {one.state} {one.doing} {one.error}" for name, one in statuses(out).items()]
        told += [f"{path}: {path.read_text()[-2000:]}" for path in Path(out).glob("cluster/**/*.txt")]
        raise AssertionError("\n".join([str(error), *told])) from error


def bench_process(*words, **environment):
    """A verb in a process of its own, as another shell would call it."""
    words = [sys.executable, "-m", "bench", *map(str, words)]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | environment
    )
