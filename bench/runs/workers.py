"""The other processes of a training: `python -m bench.runs.workers PLACE DEVICE MEETING PARENT`. The first one starts
them."""

import atexit
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

import torch
import torch.distributed as dist
from lightning_fabric import Fabric

from bench.data.loading import read_pack
from bench.methods.catalog import find
from bench.runs.building import fresh
from bench.runs.experiment import TrainingJob
from bench.training.device import check_enough, open_fabric, threads_of
from bench.training.loop import Training
from bench.training.options import Options
from bench.training.processes import Place, tell
from bench.util.errors import Stopped, UserError, WorkersLostError

HERE = "this machine"
MEETING = timedelta(minutes=30)
"""How long the processes wait for each other at the start."""
LOOK_SECONDS = 1.0
_called: list["subprocess.Popen[bytes]"] = []


def call(device: str, processes: int) -> Fabric:
    """Start the other processes on this machine, and wait until they are here. They end when this one does."""
    check_enough(device, processes)
    first = Place(0, 0, processes, 1, HERE, 0)
    meeting = Path(tempfile.mkdtemp(prefix="inpaint-bench-"))  # open to this user alone
    atexit.register(shutil.rmtree, meeting, ignore_errors=True)
    loopback = next((name for _, name in socket.if_nameindex() if name in ("lo", "lo0")), None)
    if loopback is not None:
        os.environ |= dict.fromkeys(("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME"), loopback)
    for local in range(1, processes):
        place = json.dumps(asdict(replace(first, local=local)))
        # In a session of its own, so that Ctrl-C reaches the first process alone, which then tells the others.
        words = [sys.executable, "-m", "bench.runs.workers", place, device, str(meeting), str(os.getpid())]
        _called.append(subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True))
    _meet(first, device, meeting)
    return open_fabric(device, first)


def _meet(place: Place, device: str, meeting: Path) -> None:
    """Join the processes of this machine by a file: what torch would open instead is a port, to all machines.

    Raises WorkersLostError where one does not come.
    """
    cuda = device in ("auto", "cuda") and torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(place.local)
    try:
        dist.init_process_group(
            "nccl" if cuda else "gloo",
            store=dist.FileStore(str(meeting / "store"), place.size),  # type: ignore[attr-defined]
            rank=place.rank,
            world_size=place.size,
            timeout=MEETING,
            device_id=torch.device("cuda", place.local) if cuda else None,
        )
    except RuntimeError as error:
        raise WorkersLostError(f"not all {place.size} processes have started ({str(error).splitlines()[0]})") from error


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
    with contextlib.suppress(Stopped, UserError), threads_of(fabric.device, job.threads):
        training.run(Options(), lambda what, done, total: None, lambda event, facts: None)


def _end_with(parent: int) -> None:
    """End this process as soon as its parent has gone, wherever it is: the first process may die before they meet."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_SECONDS)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    asked, device, meeting, parent = sys.argv[1:]
    _end_with(int(parent))
    place = Place(**json.loads(asked))
    with contextlib.suppress(WorkersLostError):
        _meet(place, device, Path(meeting))
        serve(place, device)


if __name__ == "__main__":
    main()
