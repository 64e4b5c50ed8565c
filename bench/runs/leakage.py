"""The leakage audit: test images that are also training images, and test holes that were also training holes.

Training holes of a drawn family come from another stream than a mask set's, yet some may be equal, and with a family of
a single hole all are: they are counted, and cap nothing. A mask *file* that was trained on and is tested on does cap.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from bench.data import Data
from bench.data.near_duplicates import CORRELATION, HAMMING, near_duplicates
from bench.masks.folder import MaskFolder, digest
from bench.masks.sets import FileMaskSet, mask_set
from bench.methods.base import Stage
from bench.runs.parts import Leakage
from bench.training.feed import training_hole
from bench.util.errors import UserError
from bench.util.files import read_sealed, sealed, write_json

VERSION = 2
"""Raised when the audit changes, so that kept results are not used again."""
MOST_SHARED = 0.01
"""A verdict is capped where more than this share of the test images is also in train."""
MOST_TRAINING_HOLES = 20_000
"""How many training holes of each stage are compared with the mask sets."""
EXAMPLES = 5


def audit(data: Data, stages: Sequence[Stage], seed: int, specs: Sequence[str]) -> Leakage:
    """What a record keeps under `leakage`, the same bits for the same run.

    `exact` and `near` count test images, none of them twice; `holes_shared` counts, by mask set, the holes equal to one
    of the first `training_holes` of each stage; `mask_files_shared` those whose file was among the training masks.
    """
    return Leakage.model_validate(images(data) | holes(data, stages, seed, specs))


def images(data: Data) -> dict[str, Any]:
    """Exact and near duplicates between the two sides, kept beside the packed data once they are known."""
    place = Path(filename) if (filename := getattr(data.train.pixels, "filename", None)) else None
    kept = place.with_name("leakage.json") if place else None
    asked = {"version": VERSION, "fingerprint": data.fingerprint}
    if kept is not None and kept.exists():
        try:
            found = read_sealed(kept)
        except UserError:
            found = {}
        if found.get("asked") == asked:
            return dict(found["images"])
    result = _images(data)
    if kept is not None:
        with suppress(OSError):  # A cache that cannot be written costs time, nothing else.
            write_json(kept, sealed({"asked": asked, "images": result}))
    return result


def holes(data: Data, stages: Sequence[Stage], seed: int, specs: Sequence[str]) -> dict[str, Any]:
    """Holes that the mask sets share with the training."""
    height, width = data.test.pixels.shape[-2:]
    trained: set[bytes] = set()
    files: set[str] = set()
    count = 0
    for stage in stages:
        if isinstance(stage.holes, MaskFolder):
            files |= {digest(mask.path) for mask in stage.holes.masks}
        drawn = min(MOST_TRAINING_HOLES, stage.steps * stage.batch_size)
        trained |= {_mark(training_hole(stage, seed, place, *data.train.pixels.shape[-2:])) for place in range(drawn)}
        count += drawn
    shared, shared_files = {}, {}
    for found in (mask_set(spec) for spec in specs) if stages else ():
        shared[found.name] = sum(_mark(found.hole(name, height, width)) in trained for name in data.test.ids)
        if isinstance(found, FileMaskSet) and files:
            shared_files[found.name] = sum(digest(found.mask(name).path) in files for name in data.test.ids)
    return {"training_holes": count, "holes_shared": shared, "mask_files_shared": shared_files}


def cap(leakage: Leakage | None) -> str | None:
    """Why no measurement of this record is evidence, in one sentence; None where the audit found nothing such."""
    if leakage is None:
        return None
    total, overlap = leakage.test_images, leakage.exact + leakage.near
    if overlap > MOST_SHARED * total:
        return (
            f"{overlap} of {total} test images are also training images ({leakage.exact} exact, {leakage.near}"
            f" near); more than {100 * MOST_SHARED:.0f} % cap every verdict."
        )
    for name, count in leakage.mask_files_shared.items():
        if count:
            return f"{count} of the {total} holes of {name} are from mask files that the method was trained on."
    return None


def in_words(leakage: Leakage | None) -> str:
    """What the audit found of images, for a page; empty where there was none."""
    if leakage is None:
        return ""
    text = f"Of {leakage.test_images} test images {leakage.exact} are also in train, and {leakage.near} nearly."
    for one in leakage.examples:
        text += f" {one.test} is {'nearly ' if one.kind == 'near' else ''}{one.train}."
    return text


def holes_in_words(leakage: Leakage | None) -> str:
    """What the audit found of holes; empty where nothing was trained."""
    if leakage is None or not leakage.training_holes:
        return ""
    counts = ", ".join(f"{count} of {name}" for name, count in leakage.holes_shared.items())
    of_each, trained = leakage.test_images, leakage.training_holes
    return f"Of {of_each} holes of each mask set, equal to one of {trained} of training: {counts}."


def notes(leakage: Leakage) -> list[str]:
    """What a reader of the record must know; empty where the audit found nothing."""
    why = cap(leakage)
    overlap = leakage.exact + leakage.near
    few = [f"{overlap} of {leakage.test_images} test images are also training images."] if overlap else []
    return [f"Leakage: {text}" for text in ([why] if why else few)]


def _images(data: Data) -> dict[str, Any]:
    seen: dict[bytes, str] = {}
    for name, pixels in zip(data.train.ids, data.train.pixels, strict=True):
        seen.setdefault(_sha(pixels), name)
    exact = {
        name: seen[key]
        for name, pixels in zip(data.test.ids, data.test.pixels, strict=True)
        if (key := _sha(pixels)) in seen
    }
    close = near_duplicates(data.train.pixels, data.test.pixels)
    near = {
        data.test.ids[test]: data.train.ids[train] for test, train in close.items() if data.test.ids[test] not in exact
    }
    examples = [{"test": test, "train": train, "kind": "exact"} for test, train in sorted(exact.items())]
    examples += [{"test": test, "train": train, "kind": "near"} for test, train in sorted(near.items())]
    return {
        "test_images": len(data.test),
        "train_images": len(data.train),
        "exact": len(exact),
        "near": len(near),
        "near_rule": {"hamming_at_most": HAMMING, "correlation_at_least": CORRELATION},
        "examples": examples[:EXAMPLES],
    }


def _sha(pixels: Any) -> bytes:
    return hashlib.sha256(pixels.tobytes()).digest()


def _mark(hole: Any) -> bytes:
    return hashlib.sha256(np.packbits(hole).tobytes()).digest()
