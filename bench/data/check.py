"""Whether a pack still holds the pixels that its manifest, and with it every run's key, has the hash of."""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from bench.data.pack import Data, Packed, digest_of_side
from bench.util.errors import UserError
from bench.util.files import read_json, sweep, write_json

SIDES = ("train", "test")
CHECKED = "checked.json"
"""In a pack: the stamps of its files when their pixels were last hashed."""
ANEW = "Delete this folder; the command packs the images again."
CHUNK = 1024

_checked: set[str] = set()
"""The stamps of what this process has checked, for a cache that it cannot write to."""


def checked(home: Path, data: Data) -> Data:
    """The same data. Raises UserError where ids, groups or pixels are not those of the manifest.

    All pixels are read where the files are not the very ones that were checked before: the first time, after any
    change, and after a copy.
    """
    if any(one.pixels.dtype != np.uint8 or one.pixels.ndim != 4 for one in (data.train, data.test)):
        raise UserError(f"{home} is no pack of images. {ANEW}")
    with contextlib.suppress(OSError):
        sweep(home, "*.json.*")
    stamps = _stamps(home)
    if repr(stamps) in _checked or _remembered(home) == stamps:
        return data
    for side, packed in zip(SIDES, (data.train, data.test), strict=True):
        if digest_of_side(packed.ids, packed.groups, list(_digests(packed))) != data.manifest["sha256"][side]:
            raise UserError(f"{home}: {side}.npy does not hold the pixels that were packed. {ANEW}")
    _checked.add(repr(stamps))
    with contextlib.suppress(OSError):
        write_json(home / CHECKED, stamps)
    return data


def _stamps(home: Path) -> dict[str, list[int]]:
    """What no change of a file leaves as it was: unlike its modification time, that of its inode cannot be set."""
    found = {name: (home / name).stat() for name in ("train.npy", "test.npy", "images.json", "manifest.json")}
    return {name: [one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns] for name, one in found.items()}


def _remembered(home: Path) -> object:
    try:
        return read_json(home / CHECKED)
    except UserError:  # not there, or damaged
        return None


def _digests(packed: Packed) -> Iterator[str]:
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for start in range(0, len(packed), CHUNK):
            yield from pool.map(
                lambda image: hashlib.sha256(image.tobytes()).hexdigest(),
                packed.pixels[start : start + CHUNK],
            )
