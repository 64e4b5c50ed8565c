"""The device to work on, as Lightning Fabric opens it; always in float32."""

import atexit
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from lightning_fabric import Fabric

from bench.util.errors import UserError, WorkersLostError

if TYPE_CHECKING:
    from bench.training.processes import Place

DEVICES = ("auto", "cpu", "cuda", "mps")


def open_fabric(device: str = "auto", place: "Place | None" = None) -> Fabric:
    """One device; with a `place`, that process's among those of a training, once all of them are there.

    Raises UserError for a device that this machine does not have, CrewLostError where a process does not come.
    """
    if device not in DEVICES:
        raise UserError(f"--device {device}: choose one of {', '.join(DEVICES)}.")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[device]:
        raise UserError(f"--device {device}: torch finds no such device on this machine. Use --device cpu.")
    if device == "cuda":
        # TF32 and autotuned kernels would make two runs differ in more than their last bits.
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    # On a login node srun is there and not used; that is meant.
    warnings.filterwarnings("ignore", message=".*`srun` command is available")
    if place is None:
        return Fabric(accelerator=device, devices=1, precision="32-true")
    check_enough(device, place.each)
    return _join(device, place)


@contextmanager
def threads_of(device: torch.device, count: int) -> Iterator[None]:
    """Within, torch works on the processor with `count` threads, where that is the `device`."""
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def check_enough(device: str, processes: int) -> None:
    """Raise UserError unless each process has a device. Processes share a processor."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    seen = {"cuda": torch.cuda.device_count(), "mps": 1}.get(device, processes)
    if seen < processes:
        raise UserError(f"{processes} processes on a machine need a {device} device each; torch sees {seen}.")


def _join(device: str, place: "Place") -> Fabric:
    from bench.training.processes import Known, Sharing

    fabric = Fabric(
        accelerator=device,
        strategy=Sharing(),
        devices=place.each,
        num_nodes=place.nodes,
        precision="32-true",
        plugins=[Known(place)],
    )
    for name in ("lightning_fabric", "lightning_utilities"):
        logging.getLogger(name).setLevel(logging.WARNING)
    try:
        fabric.launch()
    except RuntimeError as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        where = f"{place.address}:{place.port}"
        raise WorkersLostError(f"not all {place.size} processes have reached {where} ({cause})") from error
    atexit.register(_leave)
    return fabric


def _leave() -> None:
    """Close connections before the interpreter takes their threads apart."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
