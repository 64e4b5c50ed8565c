"""The device to work on, as Lightning Fabric opens it; always in float32."""

import warnings

import torch
from lightning_fabric import Fabric

from bench.errors import UserError

DEVICES = ("auto", "cpu", "cuda", "mps")


def open_fabric(device: str = "auto") -> Fabric:
    """One device. Raises UserError for a device that this machine does not have."""
    if device not in DEVICES:
        raise UserError(f"--device {device}: choose one of {', '.join(DEVICES)}.")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[device]:
        raise UserError(f"--device {device}: this machine has none that torch can use. Take --device cpu.")
    if device == "cuda":
        # TF32 and autotuned kernels would make two runs differ in more than their last bits.
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    # On a login node srun is there and not used; that is meant.
    warnings.filterwarnings("ignore", message=".*`srun` command is available")
    return Fabric(accelerator=device, devices=1, precision="32-true")
