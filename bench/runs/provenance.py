"""Where a number comes from: code, packages, hardware. Nothing here changes between two runs of the same command."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.methods.catalog import ROOT
from bench.util.files import read_json, sha256

PACKAGES = ("inpaint-bench", "torch", "torchvision", "lightning-fabric", "numpy", "scipy", "scikit-image",
            "opencv-python-headless", "pillow", "lpips", "pandas")  # fmt: skip
SOURCES = ("bench", "baselines", "papers")
SNAPSHOT = "code.json"
"""In a copy of the sources: where they are from (bench/cluster/snapshot.py)."""


def code() -> dict[str, Any]:
    """The commit, and a hash of what differs from it in the source folders; both None outside a git checkout.

    A copy that was made for a cluster's jobs says what it is a copy of.
    """
    if (ROOT / SNAPSHOT).exists():
        found: dict[str, Any] = read_json(ROOT / SNAPSHOT)["code"]
        return found
    commit = _git("rev-parse", "HEAD")
    if commit is None or Path(_git("rev-parse", "--show-toplevel") or "/").resolve() != ROOT:
        return {"commit": None, "dirty": None, "diff_sha256": None}  # an installed copy inside somebody's checkout
    diff = _git("diff", "HEAD", "--", *SOURCES) or ""
    listed = _git("ls-files", "-z", "--others", "--exclude-standard", "--", *SOURCES) or ""
    new = [ROOT / name for name in sorted(listed.split("\0")) if name and (ROOT / name).is_file()]
    contents = [path.read_bytes() for path in new if os.access(path, os.R_OK)]
    dirty = bool(diff or new)
    return {"commit": commit, "dirty": dirty, "diff_sha256": sha256(diff.encode(), *contents) if dirty else None}


def original(path: Path) -> Path:
    """Where a file lies that a copy made for a cluster's jobs has brought along; elsewhere the path itself."""
    if (ROOT / SNAPSHOT).exists() and path.is_relative_to(ROOT):
        for place, origin in read_json(ROOT / SNAPSHOT)["included"].items():
            if path.is_relative_to(ROOT / place):
                return Path(origin) / path.relative_to(ROOT / place)
    return path


def packages() -> dict[str, str]:
    """Installed versions of the packages that can move a number."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed as a package"
    return found


def hardware(device: str) -> dict[str, Any]:
    """The device worked on, processor, cores, torch threads and GPU: the bits of a result may depend on them."""
    import torch

    gpu = torch.cuda.get_device_name() if device == "cuda" else None
    return {
        "device": device,
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "gpu": gpu,
        "system": platform.system(),
        "machine": platform.machine(),
    }


def _cpu() -> str:
    """`AMD EPYC, family 25 model 17 stepping 1`: many virtual machines share a name and compute other bits."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        first = cpuinfo.read_text().partition("\n\n")[0].splitlines()
        facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in first)}
        if "model name" in facts:
            parts = {"family": "cpu family", "model": "model", "stepping": "stepping"}
            numbers = [f"{word} {facts[key]}" for word, key in parts.items() if key in facts]
            return ", ".join(filter(None, [facts["model name"], " ".join(numbers)]))
    return platform.processor() or platform.machine()


def _git(*words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
