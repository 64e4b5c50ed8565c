"""Packed images: decoded once, written as uint8, read back as a memory map."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data.decode import Picture, UnusableError
from bench.data.facts import DataFacts
from bench.data.held_out import held_out
from bench.data.listing import Item
from bench.data.painter import FEWEST_PIXELS, MOST, painters
from bench.util.errors import UserError
from bench.util.files import sha256, whole
from bench.util.processes import cores
from bench.util.text import UNSEEN

CHUNK = 64
"""Images in flight at once, so that memory stays flat however large the data set."""


@dataclass(frozen=True)
class Packed:
    """One side of a split."""

    ids: list[str]
    groups: list[str]
    """What is independent: the photograph a crop is from, or else the image itself."""
    pixels: NDArray[np.uint8]
    """Memory map (N,3,R,R), RGB."""

    def __len__(self) -> int:
        return len(self.ids)

    def tensor(self, indices: Sequence[int] | NDArray[np.integer[Any]] | Tensor) -> Tensor:
        """The images at `indices` as float32 (n,3,R,R) in [0,1]."""
        chosen = self.pixels[np.asarray(indices, dtype=np.int64)]
        return torch.from_numpy(np.array(chosen)).to(torch.float32).div_(255)


@dataclass(frozen=True)
class Data:
    """A data set, split and packed."""

    name: str
    train: Packed
    test: Packed
    manifest: dict[str, Any]
    """JSON-able, and the same wherever the folder lies: `name`, `resolution`, `split`, `crop`, `counts`, `groups`,
    `sha256`, `mean_colour`, `licences`, `notes`, `skipped` (name and reason), `repeated` (test images whose very pixels
    are also in train); where there are such, `doubled` (on one side) and `outside` (behind links out of the folder)."""
    fingerprint: str
    """SHA-256 of the manifest."""
    facts: DataFacts

    @classmethod
    def of(cls, manifest: dict[str, Any], train: Packed, test: Packed) -> "Data":
        fingerprint = sha256(json.dumps(manifest, sort_keys=True).encode())
        red, green, blue = manifest["mean_colour"]
        images = len(train) - len(held_out(train.groups))
        facts = DataFacts(manifest["resolution"], images, (red, green, blue))
        return cls(manifest["name"], train, test, manifest, fingerprint, facts)


class Written(NamedTuple):
    """What `write` found out about one side while it wrote it."""

    ids: list[str]
    groups: list[str]
    digests: list[str]
    """SHA-256 of each image's pixels."""
    mean: tuple[float, ...]
    skipped: list[tuple[str, str]]

    @property
    def sha256(self) -> str:
        """Over ids, groups and pixels."""
        return digest_of_side(self.ids, self.groups, self.digests)


def digest_of_side(ids: Sequence[str], groups: Sequence[str], digests: Sequence[str]) -> str:
    """SHA-256 of one side of a split; `digests` are those of each image's pixels, uint8 (3,R,R)."""
    return sha256(json.dumps([list(ids), list(groups), list(digests)]).encode())


def write(
    path: Path, items: Sequence[Item], side: int, on_done: Callable[[int], None], apart: Set[str] = frozenset()
) -> Written:
    """Draw `items` and write them to `path` as .npy, whole or not at all; unusable ones are left out and named.

    `on_done` hears how many images have been tried. Those whose ids are in `apart` are drawn by other processes where
    they are many: their `draw` must be picklable. Raises UserError where no image is left.
    """
    out = Written([], [], [], (), [])
    sums = np.zeros(3, dtype=np.uint64)
    with whole(path) as file, _attempts(apart, side) as attempts:
        length = _header(file, len(items), side)
        for start in range(0, len(items), CHUNK):
            chunk = items[start : start + CHUNK]
            for item, result in zip(chunk, attempts(chunk), strict=True):
                if isinstance(result, str):
                    out.skipped.append((item.id, result))
                    continue
                planes = np.ascontiguousarray(result.transpose(2, 0, 1)).tobytes()
                file.write(planes)
                out.ids.append(item.id)
                out.groups.append(item.group)
                out.digests.append(hashlib.sha256(planes).hexdigest())
                sums += result.sum(axis=(0, 1), dtype=np.uint64)
            on_done(start + len(chunk))
        _check_some(out, path.stem)
        file.seek(0)
        if _header(file, len(out.ids), side) != length:
            raise RuntimeError("numpy's header changed its length with the number of images")
    pixels = len(out.ids) * side * side
    return out._replace(mean=tuple(round(int(total) / pixels / 255, 6) for total in sums))


Attempts = Callable[[Sequence[Item]], Iterator[Picture | str]]


@contextmanager
def _attempts(apart: Set[str], side: int) -> Iterator[Attempts]:
    """What draws items, several at a time; their order stays."""
    threads = min(MOST, cores())
    with ThreadPoolExecutor(threads) as pool:
        if not apart:
            yield partial(pool.map, _attempt)
        elif threads == 1 or len(apart) * side * side < FEWEST_PIXELS:
            yield partial(map, _attempt)
        else:
            with painters(threads, side) as paint:
                yield partial(pool.map, lambda item: _attempt(item, paint if item.id in apart else _draw))


def _draw(item: Item) -> Picture:
    return item.draw()


def _attempt(item: Item, draw: Callable[[Item], Picture] = _draw) -> Picture | str:
    if UNSEEN.search(item.id):
        return "its name holds control characters"
    try:
        return draw(item)
    except UnusableError as error:
        return error.reason


def _check_some(out: Written, side: str) -> None:
    if not out.ids:
        name, reason = out.skipped[0] if out.skipped else ("none", "none was listed")
        raise UserError(
            f"No image of the {side} part can be used: {len(out.skipped)} skipped, the first ({name}) for: {reason}."
            " Fix the pictures or use a smaller resolution."
        )


def _header(file: IO[bytes], count: int, side: int) -> int:
    """Write an .npy header and return its length; numpy leaves room in it for `count` to change."""
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, 3, side, side)}
    np.lib.format.write_array_header_1_0(file, header)
    return file.tell()
