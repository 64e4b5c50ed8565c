"""The other processes of a training: `python -m bench.runs.workers PLACE DEVICE`. The first one starts them."""

import contextlib
import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict, replace
from typing import NoReturn

from lightning_fabric import Fabric

from bench.data.loading import read_pack
from bench.methods.catalog import find
from bench.runs.building import fresh
from bench.runs.experiment import TrainingJob
from bench.training.device import check_enough, open_fabric
from bench.training.loop import Training
from bench.training.options import Options
from bench.training.processes import Place, tell
from bench.util.errors import Stopped, UserError, WorkersLostError

LOOPBACK = "127.0.0.1"
_called: list["subprocess.Popen[bytes]"] = []


def call(device: str, processes: int) -> Fabric:
    """Start the other processes on this machine, and wait until they are here. They end when this one does."""
    check_enough(device, processes)
    first = Place(0, 0, processes, 1, LOOPBACK, _free_port())
    for local in range(1, processes):
        place = json.dumps(asdict(replace(first, local=local)))
        # In a session of its own, so that Ctrl-C reaches the first process alone, which then tells the others.
        words = [sys.executable, "-m", "bench.runs.workers", place, device]
        _called.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True))
    return open_fabric(device, first)


def serve(place: Place, device: str) -> NoReturn:
    """Take part in one training after the other, until the first process ends; then this one ends too."""
    with contextlib.suppress(WorkersLostError):
        fabric = open_fabric(device, place)
        while True:
            job: TrainingJob | None = tell(fabric, None)
            assert job is not None
            _take_part(job, fabric)
    sys.stdout.flush()
    sys.stderr.flush()
    # Not by way of the interpreter's end: a GPU may still wait for the process that has gone.
    os._exit(0)


def _take_part(job: TrainingJob, fabric: Fabric) -> None:
    """Until the training ends, is stopped, or cannot go on: the first process reports all that."""
    method, seed = fresh(find(job.include)[job.key], job.folder)
    data = read_pack(job.pack)
    if data is None:
        raise UserError(f"{job.pack} cannot be read here. Every process needs the same files.")
    training = Training(job.folder, method, data.train, seed, fabric)
    with contextlib.suppress(Stopped, UserError):
        training.run(Options(), lambda what, done, total: None, lambda event, facts: None)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind((LOOPBACK, 0))
        port: int = found.getsockname()[1]
        return port


def main() -> None:
    serve(Place(**json.loads(sys.argv[1])), sys.argv[2])


if __name__ == "__main__":
    main()
