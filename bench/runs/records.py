"""Runs and their records: the folder of a run, its key, and the immutable result in it.

OUT/runs/<data>-<scale>/<method>[+<variant>]-seed<N>-<key>/    (<data>-external/ for pictures from elsewhere,
                                                                <data>-pretrained/ for pretrained weights)
    run.json           what was asked for: settings, protocol, seed, code, data, mask sets
    checkpoints/       the last two states of an unfinished training, and trained.pt
    training.json      the key of the training, by which other runs find the networks that are theirs too
    scalars.csv        training scalars: stage, step, name, value
    samples/           picture grids drawn during training
    tensorboard/       the same scalars for TensorBoard
    predictions/       <mask set>.npy, uint8 (N,3,H,W), in the order of the record's images
    scores.csv         one row per mask set and image
    probes.csv         one row per probed image, where the protocol probes (bench/runs/probes.py)
    record.json        the result; written last; the same bits when made again on the same processor
    events.jsonl       when what happened (the only file of a run that holds times)
"""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from bench.metrics.probed import PROBED
from bench.protocol import Protocol
from bench.util.errors import UserError
from bench.util.files import read_json, sha256

FORMAT = 1
"""Raised when a record's layout changes."""
NUMBERS = 2
"""Raised, with a CHANGELOG entry, when a change in bench/ may move a number; part of every run key."""


class Run(BaseModel):
    """What was asked for. `key` depends on all of it, so that two runs share a folder only if they are the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    variant: str = "default"
    scale: str
    seed: int
    settings: dict[str, Any]
    """The method's settings, complete."""
    changes: dict[str, Any] = {}
    """What `--set` changed among them."""
    protocol: Protocol
    code: str
    """SHA-256 of the method's source files."""
    data: str
    """Fingerprint of the data manifest."""
    mask_sets: dict[str, str]
    """Fingerprint of each mask set over the test images."""
    numbers: int = NUMBERS
    origin: Literal["run", "external", "pretrained"] = "run"
    """`external`: pictures that another tool made. `code` is then a hash over them, `method` the name they got.
    `pretrained`: networks that somebody else trained; nothing was trained here."""
    weights: str = ""
    """SHA-256 of the file that pretrained weights are from. Empty for all others."""
    partial: dict[str, str] = {}
    """By mask set, `n of N`, where only n images came back: such a run stands against no other. Empty for all
    others."""

    @property
    def key(self) -> str:
        # The scale is only a name for settings and protocol, and a path is only a place: neither changes a number.
        own = {"run": {"origin", "partial", "weights"}, "external": {"weights"}, "pretrained": {"partial"}}[self.origin]
        asked = self.model_dump(mode="json", exclude={"scale", "changes"} | own)
        asked["protocol"] = self.protocol.placeless()
        return sha256(json.dumps(asked, sort_keys=True).encode())[:12]

    @property
    def name(self) -> str:
        # What --set changed is part of the variant: shortened for the file system, since the key tells runs apart.
        plain = re.sub(r"[^\w.,=-]+", "", self.variant)[:60]
        variant = "" if self.variant == "default" else f"+{plain}"
        method = self.method.replace(":", "-")  # as in torchscript:FILE
        return f"{method}{variant}-seed{self.seed}-{self.key}"

    def folder(self, out: Path) -> Path:
        kind = self.scale if self.origin == "run" else self.origin
        return out / "runs" / f"{self.protocol.data_name}-{kind}" / self.name


@dataclass(frozen=True)
class Record:
    """The immutable result of a run: measured values, and all that is needed to measure them again."""

    folder: Path
    run: Run
    content: dict[str, Any]
    """record.json as it stands: `run`, `key`, `data` (manifest), `mask_sets`, `training`, `code`, `packages`,
    `hardware`, `notes`, and the SHA-256 of scores.csv, of each predictions file, and of probes.csv and scalars.csv
    if any."""

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Per-image scores: `mask_set`, `image`, `group`, `hole_share`, then one column for each metric definition."""
        return self._table("scores")

    @cached_property
    def probes(self) -> pd.DataFrame | None:
        """What the probes measured: `mask_set`, `image`, `group`, then one column for each of their metrics.

        None where nothing was probed.
        """
        return self._table("probes") if "probes_sha256" in self.content else None

    @cached_property
    def scalars(self) -> pd.DataFrame | None:
        """The training's curves: `stage`, `step`, `name`, `value`. None where nothing was trained, or none was kept."""
        return self._table("scalars") if "scalars_sha256" in self.content else None

    @property
    def unranked(self) -> str:
        """Why it stands against no other; empty where it does, as where it is from before there were spot checks."""
        if self.run.partial:
            return "only some images came back"
        return str(self.content.get("spot_check", {}).get("why", ""))

    def mask_set(self, name: str) -> pd.DataFrame:
        """The scores of one mask set, indexed by image."""
        return _of_mask_set(self.scores, name)

    def rows(self, mask_set: str, metric: str) -> pd.DataFrame:
        """The rows of one mask set, indexed by image, of the table that `metric` is in; no row where it was not
        made."""
        if metric not in PROBED:
            return self.mask_set(mask_set)
        return _of_mask_set(self.scores.iloc[:0] if self.probes is None else self.probes, mask_set)

    def predictions(self, mask_set: str) -> NDArray[Any]:
        """uint8 (N,3,H,W), memory-mapped, in the order of `mask_set(name)`."""
        import numpy as np

        path = self.folder / "predictions" / f"{mask_set}.npy"
        if not path.exists():
            raise UserError(f"{path} is gone; the pictures can be made again with --force.")
        pixels: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return pixels

    def _table(self, name: str) -> pd.DataFrame:
        path = self.folder / f"{name}.csv"
        if not path.exists() or sha256(path.read_bytes()) != self.content[f"{name}_sha256"]:
            raise UserError(f"{path} is not the file that its record.json was written for. Run again with --force.")
        return pd.read_csv(path, dtype=dict.fromkeys(("mask_set", "image", "group", "stage", "name"), str))


def _of_mask_set(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[table["mask_set"] == name].set_index("image")


def read_record(folder: Path) -> Record | None:
    """The record in a run's folder, or None where the run is not finished."""
    if not (folder / "record.json").exists():
        return None
    content = read_json(folder / "record.json")
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise UserError(f"{folder / 'record.json'} has format {found}, this version reads {FORMAT}. Delete its folder.")
    try:
        return Record(folder, Run.model_validate(content["run"]), content)
    except (KeyError, TypeError, ValidationError) as error:
        raise UserError(f"{folder / 'record.json'} is no whole record. Delete its folder and run again.") from error


def find_records(out: Path) -> list[Record]:
    """All finished runs under `out`, sorted by folder name."""
    folders = sorted(path.parent for path in (out / "runs").glob("*/*/record.json"))
    return [record for folder in folders if (record := read_record(folder)) is not None]
