"""Method × protocol → per-image scores and predictions. Pictures that another tool made are scored by the same code."""

import io
import math
import os
import shutil
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bench.data import Packed
from bench.masks.sets import mask_set
from bench.methods.base import BrokenResultError, Inpainter, diagnostic_columns, fill
from bench.metrics import Lpips, score
from bench.metrics.scoring import paste, shares
from bench.runs.shown import keep_raw, raw_path
from bench.util.errors import UserError
from bench.util.files import read_named, remove, sha256_of_file, write_named
from bench.util.progress import OnProgress
from bench.util.seeds import seed_of

BATCH = 16
RAW = "raw.npy"
"""All raw pictures, until it is known which are shown."""
PART = 8 * BATCH
"""Images between two files on disk: what a kill can cost. Batches divide it, so that they are cut alike."""
AHEAD = 2
"""Batches that are held at once: one is scored while the next one is filled. With 1 they take turns."""


class Scored(NamedTuple):
    """One batch, on the CPU."""

    truth: Tensor
    """uint8 (N,3,H,W)."""
    hole: Tensor
    """bool (N,1,H,W), True = missing."""
    raw: Tensor
    """uint8 (N,3,H,W): what the method gave, before the known pixels are pasted over it."""
    more: Mapping[str, Sequence[float]] = {}
    """Further columns of the table."""
    truncated: Tensor | None = None
    """As `raw`, but cut off to 8 bits, not rounded; None where only 8 bits are known."""


class MaskSetImages(NamedTuple):
    """What one mask set's table is about."""

    mask_set: str
    ids: Sequence[str]
    groups: Sequence[str]
    batch: Callable[[list[int]], Scored]
    """The images at these places. Must give the same bits whenever it is asked."""
    at_once: int = BATCH
    """How many images are asked for at once; a divisor of PART."""


def evaluate(
    inpainter: Inpainter,
    test: Packed,
    mask_sets: tuple[str, ...],
    seed: int,
    device: torch.device,
    folder: Path,
    report: OnProgress,
    lpips: Lpips | None = None,
) -> pd.DataFrame:
    """Score `test` under every mask set; one row per mask set and image.

    What already lies in `folder` is read, not computed again.
    """
    at_once = images_at_once(inpainter)

    def subject(name: str) -> MaskSetImages:
        def batch(indices: list[int]) -> Scored:
            ids = [test.ids[index] for index in indices]
            image = test.tensor(indices)
            hole = mask_set(name).holes(ids, *image.shape[-2:])
            frozen = hole.numpy().tobytes()
            result = fill(inpainter, image.to(device), hole.to(device), image_seeds(seed, ids), ids).cpu()
            told = diagnostic_columns(inpainter, ids)
            if hole.numpy().tobytes() != frozen:  # `fill` hands out copies: this takes reaching into the caller
                who = type(inpainter).__name__
                raise BrokenResultError(f"{who} changed the holes of mask set {name} that it is scored on.")
            truth = torch.from_numpy(test.pixels[indices])
            return Scored(truth, hole, to_uint8(result), told, truncated(result))

        return MaskSetImages(mask_set(name).name, test.ids, test.groups, batch, at_once)

    tables = [score_mask_set(subject(name), folder, report, lpips) for name in mask_sets]
    return pd.concat(tables, ignore_index=True)


def images_at_once(inpainter: Inpainter) -> int:
    """How many images one `inpaint` is given. Raises UserError for a number that does not divide PART."""
    count, who = inpainter.images_at_once, type(inpainter).__name__
    if count < 1 or PART % count:
        raise UserError(f"{who}.images_at_once = {count} does not divide {PART}; use 16, 32 or 64.")
    return count


def score_mask_set(
    subject: MaskSetImages, folder: Path, report: OnProgress, lpips: Lpips | None = None
) -> pd.DataFrame:
    """One row per image; also in `folder`/predictions <mask set>.npy, the composites, <mask set>.raw.npz, the raw
    pictures of those that a page shows, and <mask set>.csv, the table.

    Every PART images reach the disk, so that a killed run goes on there, with the same bits, and memory stays flat.
    """
    place = folder / "predictions"
    table, parts = place / f"{subject.mask_set}.csv", place / f"{subject.mask_set}.parts"
    content = read_named(table, *_pixels(folder, subject.mask_set))
    if content is None:
        texts = list(_parts(subject, place / f"{subject.mask_set}.npy", parts, report, lpips))
        if len({_heading(text) for text in texts}) > 1:  # LPIPS's weights came or went in between
            shutil.rmtree(parts)
            texts = list(_parts(subject, place / f"{subject.mask_set}.npy", parts, report, lpips))
        text = texts[0] + "".join(text.removeprefix(_heading(text)) for text in texts[1:])
        raw = np.load(parts / RAW, mmap_mode="r", allow_pickle=False)
        keep_raw(folder, subject.mask_set, raw, read_scores(text))
        content = text.encode()
        write_named(table, content, *_pixels(folder, subject.mask_set))  # last: it says that all are complete
    shutil.rmtree(parts, ignore_errors=True)
    return read_scores(content.decode())


def read_scores(text: str) -> pd.DataFrame:
    """A table of scores as `to_csv` writes them."""
    return pd.read_csv(io.StringIO(text), dtype={"mask_set": str, "image": str, "group": str})


def to_csv(table: pd.DataFrame) -> str:
    """17 significant digits, so that reading gives back the very numbers."""
    return table.to_csv(index=False, float_format="%.17g", lineterminator="\n")


def image_seeds(seed: int, ids: list[str]) -> Tensor:
    """int64 (N,), one per image: a function of the run's seed and the image's id."""
    return torch.tensor([seed_of(seed, "inpaint", image) for image in ids], dtype=torch.int64)


def to_uint8(image: Tensor) -> Tensor:
    """[0,1] to 0…255, rounded half to even: what a reader of the saved picture would measure."""
    return (image * 255).round().to(torch.uint8)


def truncated(image: Tensor) -> Tensor:
    """[0,1] to 0…255, the fraction cut off: what tools save that do not round."""
    return (image * 255).to(torch.uint8)


def _parts(subject: MaskSetImages, pixels: Path, parts: Path, report: OnProgress, lpips: Lpips | None) -> Iterator[str]:
    """The table in pieces, each with its heading; a piece whose file is there is not computed again."""
    for path in (pixels, parts / RAW):
        if not path.is_file() or path.is_symlink():
            remove(path)
            remove(parts)
    total = len(subject.ids)
    for start in range(0, total, PART):
        stop = min(start + PART, total)
        part = parts / f"{start:08d}-{stop:08d}.csv"
        text = read_named(part, _rows(pixels, start, stop, total), _rows(parts / RAW, start, stop, total))
        if text is None:
            frames = []
            for first, (frame, composite, raw) in _scored(subject, range(start, stop), lpips):
                _put(pixels, composite, first, total)
                _put(parts / RAW, raw, first, total)
                frames.append(frame)
                report(subject.mask_set, first + len(frame), total)
            _sync(pixels)
            _sync(parts / RAW)
            text = to_csv(pd.concat(frames, ignore_index=True)).encode()  # only after its pixels are safe
            write_named(part, text, _rows(pixels, start, stop, total), _rows(parts / RAW, start, stop, total))
        yield text.decode()


def _pixels(folder: Path, mask_set: str) -> list[bytes]:
    """The hashes of a mask set's pictures; of what is not there none."""
    found = (folder / "predictions" / f"{mask_set}.npy", raw_path(folder, mask_set))
    return [sha256_of_file(path).encode() for path in found if path.is_file()]


def _rows(path: Path, start: int, stop: int, total: int) -> bytes:
    """The pixels of these rows of a file that `_put` writes; nothing where it is not one of so many rows."""
    try:
        with path.open("rb") as file:
            np.lib.format.read_magic(file)
            shape, _, kind = np.lib.format.read_array_header_1_0(file)
            size, head = math.prod(shape[1:]), file.tell()
            if shape[0] != total or kind != np.uint8 or path.stat().st_size > head + total * size:
                return b""
            file.seek(head + start * size)
            return file.read((stop - start) * size)
    except Exception:  # whatever a damaged header makes NumPy raise
        return b""


def _heading(text: str) -> str:
    return text.partition("\n")[0] + "\n"


Numbers = tuple[pd.DataFrame, np.ndarray, np.ndarray]
"""The rows of some images, their composites and their raw pictures."""


def _scored(subject: MaskSetImages, places: range, lpips: Lpips | None) -> Iterator[tuple[int, Numbers]]:
    """Batch by batch, in order, with the place of its first image. A batch is scored while the next ones are filled.

    Filling stays on the caller's thread: what a method or torch keeps for each thread is as it would be without this.
    """
    waiting: deque[tuple[int, Future[Numbers]]] = deque()
    with ThreadPoolExecutor(1) as scorer:
        for first in places[:: subject.at_once]:
            indices = list(range(first, min(first + subject.at_once, places.stop)))
            waiting.append((first, scorer.submit(_score, subject, indices, subject.batch(indices), lpips)))
            if len(waiting) >= AHEAD:
                place, numbers = waiting.popleft()
                yield place, numbers.result()
        for place, numbers in waiting:
            yield place, numbers.result()


def _score(subject: MaskSetImages, indices: list[int], batch: Scored, lpips: Lpips | None) -> Numbers:
    truth, hole, raw, more, truncated = batch
    composite = paste(raw, truth, hole)
    scores = score(truth, composite, hole, raw, lpips, truncated)
    columns = {
        "mask_set": subject.mask_set,
        "image": [subject.ids[index] for index in indices],
        "group": [subject.groups[index] for index in indices],
        "hole_share": shares(hole).tolist(),
    }
    frame = pd.DataFrame(columns | {key: value.tolist() for key, value in scores.items()} | dict(more))
    return frame, composite.numpy(), raw.numpy()


def _put(path: Path, pixels: np.ndarray, first: int, total: int) -> None:
    """Write `pixels` from row `first` of the (total, 3, H, W) array in `path`, an .npy file that is made if absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("r+b" if path.exists() else "w+b") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (total, *pixels.shape[1:])}
        np.lib.format.write_array_header_1_0(file, header)
        head = file.tell()
        file.seek(head + first * pixels[0].size)
        file.write(np.ascontiguousarray(pixels).tobytes())
        end = head + total * pixels[0].size
        if file.seek(0, os.SEEK_END) > end:  # what was there is not from here
            file.truncate(end)


def _sync(path: Path) -> None:
    with path.open("r+b") as file:
        os.fsync(file.fileno())
