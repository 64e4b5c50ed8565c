"""The picture grid: truth, damaged, every method. The rows are chosen by a rule, never by hand."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from bench.claims.contenders import Contender
from bench.claims.statistics import number
from bench.data import Data, load
from bench.masks.sets import mask_set as mask_set_of
from bench.methods.settings import DEFAULT
from bench.metrics.definitions import DEFINITIONS
from bench.metrics.psnr import psnr
from bench.report.chapters import Chapter
from bench.runs import shown
from bench.runs.records import Record
from bench.runs.shown import unconditional_path
from bench.util.errors import UserError

MOST_COLUMNS = 12
"""Methods drawn in a row; more than these nobody compares by eye."""
LARGEST_PNG_SIDE = 128
"""Larger pictures are embedded as JPEG, or the page would weigh tens of megabytes."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    caption: str
    value: str
    kind: str
    """MIME subtype of `content`."""
    content: bytes


@dataclass(frozen=True)
class Row:
    title: str
    """`best`, `median` or `worst`."""
    image: str
    pictures: list[Picture]


@dataclass(frozen=True)
class Grid:
    mask_set: str
    rows: list[Row]


@dataclass(frozen=True)
class Gallery:
    """One chapter's grids, or the reason why there are none."""

    rule: str
    grids: list[Grid]
    missing: str = ""
    samples: list[Picture] = field(default_factory=list)
    """What the paper's own method makes of nothing but chance, where it makes such."""


def gallery(chapter: Chapter, key: str, floors: set[str], cache: Path) -> Gallery:
    """The pictures of one chapter; needs the data set and the predictions, and says so where they are gone."""
    columns = _columns(chapter.field, key, floors)
    if not columns:
        return Gallery("", [], "No pictures: every run here is unranked.")
    rule = f"Best, median and worst test image of each mask set, chosen by the PSNR of {columns[0].name}."
    left_out = len(chapter.field) - len(columns)
    rule += f" {left_out} more runs are not shown." if left_out else ""
    try:
        data = load(chapter.run.protocol, cache)
        if data.fingerprint != chapter.run.data:
            raise UserError(f"the data set {data.name} is no longer the one that was scored")
        grids = [_grid(spec, columns, data, key) for spec in chapter.run.protocol.mask_sets]
        samples = _samples(columns[0], key)
    except (UserError, OSError) as error:
        return Gallery(rule, [], f"No pictures: {error}")
    return Gallery(rule, grids, samples=samples)


def _samples(contender: Contender, key: str) -> list[Picture]:
    """The unconditional pictures of the paper's method; none where it is not shown, or makes none."""
    path = unconditional_path(contender.records[0].folder)
    if not _own(contender, key) or not path.exists():
        return []
    found = shown.pixels_in(path)
    return [_picture(f"sample {number}", "", one.transpose(1, 2, 0)) for number, one in enumerate(found, start=1)]


def _own(contender: Contender, key: str) -> bool:
    return contender.method == key and contender.variant == DEFAULT and not contender.elsewhere


def _columns(field: Sequence[Contender], key: str, floors: set[str]) -> list[Contender]:
    """The paper's method first, then other methods, floors and the paper's variants."""

    def place(contender: Contender) -> int:
        if contender.method == key and not contender.elsewhere:
            return 0 if contender.variant == DEFAULT else 3
        return 2 if contender.method in floors else 1

    return sorted(field, key=place)[:MOST_COLUMNS]


def chosen(record: Record, mask_set: str) -> list[tuple[str, int, str]]:
    """Title, place in the mask set and id of the `best`, `median` and `worst` image by PSNR; ties go by id."""
    frame = record.mask_set(mask_set).reset_index()
    return [(title, place, str(frame["image"][place])) for title, place in shown.chosen(frame).items()]


def _grid(spec: str, columns: list[Contender], data: Data, key: str) -> Grid:
    rows, mask_set = [], mask_set_of(spec)
    name = mask_set.name
    for title, place, image in chosen(columns[0].records[0], name):
        truth: Pixels = np.asarray(data.test.pixels[data.test.ids.index(image)]).transpose(1, 2, 0)
        hole = mask_set.hole(image, *truth.shape[:2])[..., None]
        damaged = np.where(hole, _checks(*truth.shape[:2]), truth)
        pictures = [_picture("truth", "", truth), _picture("damaged", "", damaged)]
        for contender in columns:
            record = contender.records[0]
            filled, scored = _filled(record, name, place, truth, hole), record.mask_set(name)["psnr"].iloc[place]
            pictures.append(_picture(contender.name, _decibels(float(scored)), np.where(hole, filled, truth)))
            if _own(contender, key):
                pictures += _raw(contender, name, place, hole, filled)
        rows.append(Row(title, image, pictures))
    return Grid(name, rows)


def _filled(record: Record, mask_set: str, place: int, truth: Pixels, hole: NDArray[np.bool_]) -> Pixels:
    """What was filled in. Raises UserError where it does not have the PSNR that its row in the scores has."""
    found = record.predictions(mask_set)
    if found.shape[1:] == truth.transpose(2, 0, 1).shape and found.dtype == np.uint8 and place < len(found):
        filled: Pixels = np.asarray(found[place]).transpose(1, 2, 0)
        pair = (torch.from_numpy(one.transpose(2, 0, 1)[None].copy()) for one in (truth, np.where(hole, filled, truth)))
        scored = float(record.mask_set(mask_set)["psnr"].iloc[place])
        if np.isclose(float(psnr(*pair)[0]), scored, rtol=1e-9, equal_nan=True):
            return filled
    raise UserError(
        f"{record.folder}: the predictions of {mask_set} are not those that were scored; --force recreates them"
    )


def _raw(contender: Contender, mask_set: str, place: int, hole: NDArray[np.bool_], filled: Pixels) -> list[Picture]:
    """The raw picture beside its composite, where it was kept and is the one that the composite was made of."""
    record = contender.records[0]
    found = shown.read_raw(record.folder, mask_set, place)
    if found is None or found.shape != filled.transpose(2, 0, 1).shape:
        return []
    raw = found.transpose(1, 2, 0)
    if not (np.where(hole, raw, filled) == filled).all():
        return []
    scores = record.mask_set(mask_set)
    value = _decibels(float(scores["psnr_raw"].iloc[place])) if "psnr_raw" in scores else ""
    return [_picture(f"{contender.name}, raw", value, raw)]


def _decibels(psnr: float) -> str:
    return "exact" if np.isinf(psnr) else f"{number(psnr, DEFINITIONS['psnr'].digits)} dB"


def _checks(height: int, width: int) -> Pixels:
    """The hole as it is drawn: the pale squares that stand for transparency."""
    side = max(2, min(height, width) // 16)
    down, across = np.indices((height, width)) // side
    grey = np.where((down + across) % 2, 216, 240).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _picture(caption: str, value: str, pixels: Pixels) -> Picture:
    file = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(pixels))
    if max(image.size) > LARGEST_PNG_SIDE:
        image.save(file, "JPEG", quality=90)
        return Picture(caption, value, "jpeg", file.getvalue())
    image.save(file, "PNG", optimize=True)
    return Picture(caption, value, "png", file.getvalue())
