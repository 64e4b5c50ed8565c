"""Whether an exported folder holds what its manifest, and with it a run's key, says: it may come from elsewhere."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.data.pack import digest_of_side
from bench.exchange.layout import MANIFEST, Manifest, Picture, hole_file, truth_file
from bench.masks.sets import of_files
from bench.util.errors import UserError
from bench.util.files import read_regular, sha256
from bench.util.pictures import open_picture
from bench.util.progress import OnProgress

Value = TypeVar("Value")

AGAIN = "Export again into a new folder."
CHUNK = 256


def truth_of(root: Path, picture: Picture) -> NDArray[np.uint8]:
    """The whole picture as it was exported, (3,H,W). Raises UserError where the file is another one now."""
    return _exported(truth_file(root, picture.name), picture.truth, "RGB").transpose(2, 0, 1)


def hole_of(root: Path, mask_set: str, picture: Picture) -> NDArray[np.bool_]:
    """The hole as it was exported, (H,W), True = missing. Raises UserError where the file is another one now."""
    return _exported(hole_file(root, mask_set, picture.name), picture.holes[mask_set], "L") >= 128


def check_promised(root: Path, manifest: Manifest, mask_sets: Sequence[str], report: OnProgress) -> None:
    """Raise UserError unless truths and holes are those whose hashes the data and the mask sets are called by."""
    pictures = manifest.pictures
    total = len(pictures) * (1 + len(mask_sets))
    with ThreadPoolExecutor(4) as pool:

        def each(call: Callable[[Picture], Value], order: Sequence[Picture], before: int) -> Iterator[Value]:
            for start in range(0, len(order), CHUNK):
                yield from pool.map(call, order[start : start + CHUNK])
                report("checking", before + min(start + CHUNK, len(order)), total)

        ids, groups = [one.id for one in pictures], [one.group for one in pictures]
        if digest_of_side(ids, groups, list(each(partial(_digest, root), pictures, 0))) != manifest.data.sha256["test"]:
            raise _altered(root, "truth/ does not hold the test images of the data set")
        in_order = sorted(pictures, key=lambda one: one.id)
        for place, name in enumerate(mask_sets, 1):
            bits, one = hashlib.sha256(), manifest.mask_sets[name]
            for packed in each(partial(_packed, root, name), in_order, place * len(pictures)):
                bits.update(packed)
            if of_files(bits.hexdigest(), one.files.sha256 if one.files else None) != one.sha256:
                raise _altered(root, f"{name}/masks/ does not hold the holes of the mask set")


def _digest(root: Path, picture: Picture) -> str:
    return sha256(np.ascontiguousarray(truth_of(root, picture)).tobytes())


def _packed(root: Path, mask_set: str, picture: Picture) -> bytes:
    return np.packbits(hole_of(root, mask_set, picture)).tobytes()


def _altered(root: Path, what: str) -> UserError:
    return UserError(f"{root} was altered: {what} that {MANIFEST} names. {AGAIN}")


def _exported(path: Path, digest: str, mode: str) -> NDArray[np.uint8]:
    try:
        content = read_regular(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}. {AGAIN}") from error
    if sha256(content) != digest:
        raise UserError(f"{path} has changed since it was exported. {AGAIN}")
    try:
        with open_picture(content) as image:
            return np.asarray(image.convert(mode))
    except Exception as error:  # in a folder from elsewhere the hash may be that of a damaged file
        raise UserError(f"{path} is no picture ({error}). {AGAIN}") from error
