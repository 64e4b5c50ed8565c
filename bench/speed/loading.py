"""Loading: batches from the packed memory map, against decoding the same JPEG files each time."""

import tempfile
import warnings
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.io import ImageReadMode, decode_jpeg, read_file

from bench.data.decode import decode
from bench.data.listing import Item
from bench.data.pack import Packed, write
from bench.speed.timing import Row, race, row

BATCH = 64
PICTURES = 256
SIDES = (64, 256)


def rows(quick: bool = False) -> list[Row]:
    """One row per size, type and peer. `agreement` is in grey levels, of 0…255.

    uint8 is what leaves the file; float32 in [0,1] is what a training takes, and at 256² its conversion is most of it.
    """
    return [one for side in (SIDES[:1] if quick else SIDES) for one in _rows(side, quick)]


def _rows(side: int, quick: bool) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        files = _pictures(Path(folder), side)
        written = write(Path(folder) / "pack.npy", [Item(x.name, x.name, partial(decode, x)) for x in files], side, _no)
        packed = Packed(written.ids, written.groups, np.load(Path(folder) / "pack.npy", mmap_mode="r"))
        order = np.random.default_rng(0).permutation(PICTURES)[:BATCH]
        chosen = [files[index] for index in order]
        calls: dict[str, Callable[[], Tensor]] = {
            "packed": lambda: torch.from_numpy(packed.pixels[order]),
            "Pillow": lambda: _pillow(chosen),
            "torchvision": lambda: _torchvision(chosen),
        }
        floats: dict[str, Callable[[], Tensor]] = {
            "packed": lambda: packed.tensor(order),
            "Pillow": lambda: _pillow(chosen).float().div_(255),
            "torchvision": lambda: _torchvision(chosen).float().div_(255),
        }
        size = f"{BATCH} x {side}²"
        return [*_race(f"{size} uint8", calls, 1, quick), *_race(f"{size} float32", floats, 255, quick)]


def _race(size: str, calls: dict[str, Callable[[], Tensor]], levels: int, quick: bool) -> list[Row]:
    values = {name: call().double() * levels for name, call in calls.items()}
    times = race(calls, quick)
    ours = times.pop("packed")
    return [
        row(
            "loading", size, ours, peer, peer_ms,
            agreement=float((values["packed"] - values[peer]).abs().max()),
            note=f"{_rate(ours)} and {_rate(peer_ms)} images a second",
        )
        for peer, peer_ms in times.items()
    ]  # fmt: skip


def _pictures(folder: Path, side: int) -> list[Path]:
    """JPEG files of `side` x `side`, cut from photographs."""
    data: Any = import_module("skimage.data")
    photos = [data.astronaut(), data.coffee(), data.rocket()]
    chance = np.random.default_rng(side)
    files = []
    for index in range(PICTURES):
        photo = photos[index % len(photos)]
        top, left = (int(chance.integers(0, length - side + 1)) for length in photo.shape[:2])
        files.append(folder / f"{index:03d}.jpg")
        Image.fromarray(photo[top : top + side, left : left + side]).save(files[-1], quality=90)
    return files


def _pillow(files: list[Path]) -> Tensor:
    pixels = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous()


def _torchvision(files: list[Path]) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it tells every file that a successor is planned
        pictures = [decode_jpeg(read_file(str(file)), mode=ImageReadMode.RGB) for file in files]
    return torch.stack(pictures)


def _rate(milliseconds: float) -> str:
    return f"{BATCH / milliseconds * 1000:,.0f}"


def _no(done: int) -> None:
    """Packing is not timed."""
