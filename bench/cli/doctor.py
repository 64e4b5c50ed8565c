"""`doctor`: what this machine has, and what is missing."""

import shutil
from pathlib import Path

import torch
from rich.console import Console
from rich.text import Text

from bench.metrics.weights import TRUNKS, Trunk, check, find, reason
from bench.runs import provenance
from bench.util.errors import UserError
from bench.util.files import check_writable


def examine(console: Console, out: Path, cache: Path, weights: Path | None) -> None:
    """Print versions, processor, GPU, weights and room to write. Each missing item comes with its remedy."""
    lines: list[tuple[bool, str, str]] = []
    for name, version in provenance.packages().items():
        lines.append((version != "not installed as a package", name, version))
    hardware = provenance.hardware("cpu")
    lines.append(
        (True, "processor", f"{hardware['cpu']}, {hardware['cores']} cores, {hardware['threads']} torch threads")
    )
    lines.append((True, "GPU", _gpu()))
    lines += [_lpips(trunk, weights) for trunk in TRUNKS.values()]
    lines += [_room("output", out), _room("data cache", cache)]
    commit = provenance.code()["commit"]
    lines.append((commit is not None, "code", commit or "no git checkout: records cannot name their commit"))
    for good, name, text in lines:
        mark = ("✓", "green") if good else ("!", "yellow")
        console.print(Text.assemble(mark, f" {name:24} {text}"), soft_wrap=True)


def _gpu() -> str:
    if not torch.cuda.is_available():
        return "none that torch can use; everything runs on the processor"
    free, total = torch.cuda.mem_get_info()
    return f"{torch.cuda.get_device_name()}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free"


def _lpips(trunk: Trunk, weights: Path | None) -> tuple[bool, str, str]:
    name = f"LPIPS {trunk.net} v0.1"
    path = find(trunk, weights)
    if path is None:
        return False, name, reason(trunk, weights)
    try:
        check(trunk, path)
    except UserError as error:
        return False, name, str(error)
    return True, name, str(path)


def _room(name: str, folder: Path) -> tuple[bool, str, str]:
    try:
        check_writable(folder)
    except UserError as error:
        return False, name, str(error)
    return True, name, f"{folder.resolve()}, {shutil.disk_usage(folder).free / 2**30:.0f} GiB free"
