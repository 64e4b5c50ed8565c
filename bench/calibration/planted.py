"""A small invented paper, and records of its methods in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.data.protocol import Protocol
from bench.paper import Paper
from bench.runs.parts import DataManifest, MaskSetManifest
from bench.runs.records import Record, RecordContent, Run

Array = NDArray[np.float64]

KEY = "p"
"""The paper's own method; it has one variant, `other`."""
FLOOR_KEYS = frozenset({"flat", "smooth", "rough"})
MASK_SETS = ("center", "random", "irregular")
STAGE, SCALAR = "gan", "loss"
"""Of the only training curve."""
SAID = {"basis": "stated", "objection": "Another seed.", "answer": "More seeds."}
NOT_SAID = {"holes": "not said", "opponents": "not said", "measure": "not said"}
SCALE = {"summary": "s", "cost": "c"}
NO_LPIPS = "no weights: put alexnet-owt-7be5be79.pth into hub/checkpoints (244,408,911 bytes)"


def spoken(claim: dict[str, Any]) -> dict[str, Any]:
    """The claim with its basis, an objection and its answer, and its sentence's scope."""
    if claim["kind"] == "judgement":
        return claim
    scope = {} if claim["kind"] in ("cell", "arithmetic") else {"scope": NOT_SAID}
    return SAID | scope | claim


def planted_paper(*claims: dict[str, Any], printed: str = "25.0", **changes: Any) -> Paper:
    """A paper with these claims, and with a table that prints one PSNR; `changes` are to that number's protocol."""
    protocol = {"data": "celeba", "split": "official test", "images": 200, "resolution": [256, 256]}
    protocol |= {"mask_set": {"kind": "center", "hole": [128, 128]}, "hole_share": 0.25, "scored": "composite"}
    protocol |= {name: value for name, value in changes.items() if name != "definition"}
    column = {"title": "PSNR", "unit": "dB", "better": "higher", "metric": "psnr"}
    column["definition"] = changes.get("definition", "psnr")
    ours = {"label": "ours", "ours": True, "protocol": "p", "origin": "here", "cells": {"psnr": printed}}
    table = {
        "title": "Table",
        "protocols": {"p": protocol},
        "columns": {"psnr": column, "empty": column},
        "rows": {"ours": ours, "rival": ours | {"ours": False}},
    }
    scales = {"smoke": SCALE, "quick": SCALE, "paper": SCALE | {"protocol": {"data": ["celeba"]}}}
    return Paper.model_validate(
        {
            "paper": {"title": "T", "authors": ["A"], "year": 2020, "summary": "five lines"},
            "tables": {"t": table},
            "claims": [spoken(claim) for claim in claims],
            "ledger": [],
            "scales": scales,
            "variants": {"other": {"summary": "o", "settings": {}}},
        }
    )


def data_manifest(**changes: Any) -> DataManifest:
    values = {
        "name": "faces", "resolution": 64, "split": "in words", "crop": "none", "licences": [], "notes": [],
        "counts": {"train": 50, "test": 9, "set_aside": 1}, "groups": {"train": 50, "test": 9},
        "sha256": {"train": "0", "test": "1"}, "mean_colour": [0.5, 0.5, 0.5], "skipped": [], "repeated": [],
    }  # fmt: skip
    return DataManifest.model_validate(values | changes)


def mask_set_manifest(name: str, sha256: str = "0", side: int = 64, share: float = 0.25) -> MaskSetManifest:
    return MaskSetManifest(
        name=name, version=1, height=side, width=side, count=9, sha256=sha256, hole_share=[0] * 9 + [9],
        mean_share=share,
    )  # fmt: skip


def content(run: Run, **changes: Any) -> RecordContent:
    """Whole, and true to the run but for its data manifest."""
    side = run.protocol.resolution
    values = {
        "key": run.key,
        "run": run,
        "command": f"python -m bench evaluate {run.method}",
        "data": data_manifest(),
        "mask_sets": {name: mask_set_manifest(name, digest, side) for name, digest in run.mask_sets.items()},
        "code": {"commit": "0123456789abcdef", "dirty": True, "diff_sha256": "fedcba98", "method_sha256": run.code},
        "packages": {"python": "3.11.7", "torch": "2.15.0", "numpy": "2.4.0"},
        "hardware": {"device": "cpu", "cpu": "a processor", "cores": 2, "threads": 2, "gpu": None, "system": "Linux",
                     "machine": "x86_64"},
        "lpips": {"version": None, "reason": NO_LPIPS},
        "notes": [],
        "scores_sha256": "0",
        "predictions_sha256": {},
    }  # fmt: skip
    return RecordContent.model_validate(values | changes)


@dataclass(frozen=True)
class PlantedRecord(Record):
    """A record whose scores never were in a file: one table for each mask set, indexed by image."""

    planted: Mapping[str, pd.DataFrame] = field(default_factory=dict, compare=False)

    def mask_set(self, name: str) -> pd.DataFrame:
        return self.planted.get(name, pd.DataFrame())


def planted_record(
    method: str,
    values: Array | Mapping[str, Array],
    seed: int = 0,
    variant: str = "default",
    scale: str = "quick",
    groups: Sequence[int] | None = None,
    curve: Array | None = None,
    **columns: Array,
) -> Record:
    """A record whose PSNR is `values` (N,) on the mask set center, or on several by name.

    `groups` (N,) numbers the group of each image, `curve` is a training scalar, `columns` (N,) are further scores.
    """
    by_set = values if isinstance(values, Mapping) else {"center": values}
    count = len(next(iter(by_set.values())))
    images = image_names(count)
    named = images if groups is None else group_names(tuple(groups))
    tables = {name: pd.DataFrame({"group": named, "psnr": one} | columns, index=images) for name, one in by_set.items()}
    made = PlantedRecord(Path("planted"), _content(method, variant, seed, scale, count), planted=tables)
    if curve is not None:
        rows = {"stage": STAGE, "step": np.arange(len(curve)), "name": SCALAR, "value": curve}
        made.__dict__["scalars"] = pd.DataFrame(rows)
    return made


@cache
def image_names(count: int) -> pd.Index:
    # One object for all records: what is the same need not be compared.
    return pd.Index([f"i{index:04d}" for index in range(count)])


@lru_cache(maxsize=100)
def group_names(groups: tuple[int, ...]) -> pd.Index:
    return pd.Index([f"g{group:04d}" for group in groups])


@lru_cache(maxsize=1000)
def _content(method: str, variant: str, seed: int, scale: str, count: int) -> RecordContent:
    data, size = ("celeba", 256) if scale == "paper" else ("faces", 64)
    protocol = Protocol(data=data, resolution=size, images=500, split=(8, 1, 1), test_images=count, mask_sets=MASK_SETS)
    run = Run(
        method=method, variant=variant, scale=scale, seed=seed, settings={}, protocol=protocol, code="c", data="d",
        mask_sets=dict.fromkeys(MASK_SETS, "1"),
    )  # fmt: skip
    return content(run)
