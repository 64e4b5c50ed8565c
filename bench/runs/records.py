"""Runs and their records: the folder of a run, its key, and the immutable result in it.

OUT/runs/<data>-<scale>/<method>[+<variant>]-seed<N>-<key>/    (<data>-external/ for pictures from elsewhere,
                                                                <data>-pretrained/ for pretrained weights)
    run.json           what was asked for: settings, protocol, seed, code, data, mask sets
    checkpoints/       the last two states of an unfinished training, and trained.pt
    training.json      the key of the training, by which other runs find the networks that are theirs too
    scalars.csv        training scalars: stage, step, name, value
    heldout.csv        how well held-out training images were filled as the training went on (training/held_out.py)
    samples/           picture grids drawn during training
    tensorboard/       the same scalars for TensorBoard
    predictions/       <mask set>.npy, uint8 (N,3,H,W), in the order of the record's images; <mask set>-<hash>.csv,
                       what becomes a part of scores.csv, with a hash over itself and the pictures; of those that a page
                       shows <mask set>.raw.npz too; of some methods unconditional.npy (bench/runs/shown.py)
    scores.csv         one row per mask set and image
    probes.csv         one row per probed image, where the protocol probes (bench/runs/probes.py)
    record.json        the result (RecordContent); written last; the same bits when made again on the same processor
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
from pydantic import Field, ValidationError

from bench.data.protocol import Protocol
from bench.metrics.probed import PROBED
from bench.runs.parts import (
    LPIPS,
    CodeFacts,
    DataManifest,
    ExternalFacts,
    Hardware,
    Leakage,
    LpipsFacts,
    MaskSetManifest,
    PretrainedFacts,
    SpotCheck,
    TrainingFacts,
)
from bench.runs.shown import pixels_in
from bench.runs.tables import read_table, upgrade_columns
from bench.util.errors import UserError
from bench.util.files import SEAL, read_bytes, read_json, sealed, sha256
from bench.util.part import Part

FORMAT: Literal[2] = 2
"""Raised when a record's layout changes."""
NUMBERS = 5
"""Raised, with a CHANGELOG entry, when a change in bench/ may move a number; part of every run key."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
MADE_AGAIN = "Delete its folder and rerun the command."


class Run(Part):
    """What was asked for. `key` depends on all of it, so that two runs share a folder only if they are the same."""

    method: str
    variant: str = "default"
    scale: str
    seed: int
    settings: dict[str, Any]
    """The method's settings, complete."""
    changes: dict[str, Any] = Field(default_factory=dict)
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
    partial: dict[str, str] = Field(default_factory=dict)
    """By mask set, `n of N`, where only n images came back: such a run stands against no other. Empty for all
    others."""

    @property
    def key(self) -> str:
        return key_of(self.asked())

    def asked(self) -> dict[str, Any]:
        """JSON-able: all that the key depends on."""
        # The scale is only a name for settings and protocol, and a path is only a place: neither changes a number.
        own = {"run": {"origin", "partial", "weights"}, "external": {"weights"}, "pretrained": {"partial"}}[self.origin]
        asked = self.model_dump(mode="json", exclude={"scale", "changes"} | own)
        asked["protocol"] = self.protocol.placeless()
        return asked

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


def key_of(asked: dict[str, Any]) -> str:
    return sha256(json.dumps(asked, sort_keys=True).encode())[:12]


class RecordContent(Part):
    """record.json: the immutable result of a run, and all that is needed to measure it again.

    The same bits when made again on the same processor; so there is no time and no path in it.
    """

    format: Literal[2] = FORMAT
    key: str
    """The run's; recomputed and compared when the record is read."""
    run: Run
    command: str
    """Makes this record again."""
    data: DataManifest
    mask_sets: dict[str, MaskSetManifest]
    training: TrainingFacts | None = None
    """None where nothing was trained here."""
    code: CodeFacts
    packages: dict[str, str]
    """Installed version of each package that can move a number."""
    hardware: Hardware
    lpips: LpipsFacts
    leakage: Leakage | None = None
    """None where it is not known what the pictures or weights were made from."""
    pretrained: PretrainedFacts | None = None
    external: ExternalFacts | None = None
    spot_check: SpotCheck | None = None
    """None where no image was filled again."""
    notes: list[str]
    """What a reader must know."""
    scores_sha256: str
    scalars_sha256: str | None = None
    """None where nothing was trained, or no curve was kept."""
    heldout_sha256: str | None = None
    """None where nothing was trained, where the training data are too few to hold any out, and in older records."""
    probes_sha256: str | None = None
    """None where nothing was probed."""
    predictions_sha256: dict[str, str]
    """By mask set."""
    sha256: str | None = None
    """Over all the rest of this document; compared when the record is read. None in older records."""


@dataclass(frozen=True)
class Record:
    """A finished run: its folder, its record.json, and its tables, each read when it is first asked for."""

    folder: Path
    content: RecordContent
    written_as: int = FORMAT
    """The format that the files in the folder have."""

    @property
    def run(self) -> Run:
        return self.content.run

    @cached_property
    def scores(self) -> pd.DataFrame:
        """Per-image scores: `mask_set`, `image`, `group`, `hole_share`, then one column for each metric definition."""
        return self._table("scores", self.content.scores_sha256)

    @cached_property
    def probes(self) -> pd.DataFrame | None:
        """What the probes measured: `mask_set`, `image`, `group`, then one column for each of their metrics.

        None where nothing was probed.
        """
        known = self.content.probes_sha256
        return self._table("probes", known) if known is not None else None

    @cached_property
    def scalars(self) -> pd.DataFrame | None:
        """The training's curves: `stage`, `step`, `name`, `value`. None where nothing was trained, or none was kept."""
        known = self.content.scalars_sha256
        return self._table("scalars", known) if known is not None else None

    @cached_property
    def heldout(self) -> pd.DataFrame | None:
        """How well held-out training images were filled: `stage`, `step`, `image`, `group`, `psnr_hole`,
        `psnr_mean_fill` (dB). None where that was not measured."""
        known = self.content.heldout_sha256
        return self._table("heldout", known) if known is not None else None

    @property
    def unranked(self) -> str:
        """Why it stands against no other; empty where it does, as where it is from before there were spot checks."""
        if self.run.partial:
            return "only some images came back"
        return self.content.spot_check.why if self.content.spot_check else ""

    def mask_set(self, name: str) -> pd.DataFrame:
        """The scores of one mask set, indexed by image."""
        if name not in self._by_mask_set:
            self._by_mask_set[name] = _of_mask_set(self.scores, name)
        return self._by_mask_set[name]

    @cached_property
    def _by_mask_set(self) -> dict[str, pd.DataFrame]:
        """Asked for by every board and verdict."""
        return {}

    def rows(self, mask_set: str, metric: str) -> pd.DataFrame:
        """The rows of one mask set, indexed by image, of the table that `metric` is in; no row where it was not
        made."""
        if metric not in PROBED:
            return self.mask_set(mask_set)
        return _of_mask_set(self.scores.iloc[:0] if self.probes is None else self.probes, mask_set)

    def predictions(self, mask_set: str) -> NDArray[Any]:
        """uint8 (N,3,H,W), memory-mapped, in the order of `mask_set(name)`."""
        path = self.folder / "predictions" / f"{mask_set}.npy"
        if not path.exists():
            raise UserError(f"{path} is missing; --force recreates the pictures.")
        return pixels_in(path)

    def _table(self, name: str, known: str) -> pd.DataFrame:
        path = self.folder / f"{name}.csv"
        content = read_bytes(path) if path.exists() else b""
        if sha256(content) != known:
            raise UserError(f"{path} is not the file that its record.json was written for. Rerun with --force.")
        table = read_table(path, content)
        return upgrade_columns(table) if self.written_as == 1 else table


def _of_mask_set(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table[table["mask_set"] == name].set_index("image")


def read_record(folder: Path) -> Record | None:
    """The record in a run's folder, or None where the run is not finished. Reads format 1 too.

    Raises UserError for a record of another format, for one that is not whole, and for one that was altered.
    """
    path = folder / "record.json"
    if not path.exists():
        return None
    found = read_json(path)
    version = found.get("format") if isinstance(found, dict) else None
    if version not in (1, FORMAT):
        raise UserError(f"{path} has format {version!r:.40}, this version reads {FORMAT}. Delete its folder.")
    if found.get(SEAL) is not None and found != sealed(found):
        raise UserError(f"{path} was altered since it was written. {MADE_AGAIN}")
    try:
        content = RecordContent.model_validate(upgrade(path, found) if version == 1 else found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"{path} is not a complete record ({where}: {first['msg']}). {MADE_AGAIN}") from error
    except (AttributeError, KeyError, TypeError) as error:
        raise UserError(f"{path} is not a complete record of format 1 ({error}). {MADE_AGAIN}") from error
    _check_unaltered(path, content)
    return Record(folder, content, version)


def _check_unaltered(path: Path, content: RecordContent) -> None:
    """What the run's key stands for must be what the record holds."""
    run = content.run
    if content.key != run.key:
        raise _altered_key(path, content.key, run.key)
    if content.data.fingerprint != run.data:
        raise UserError(f"{path} was altered: its data manifest is not the one in its run. {MADE_AGAIN}")
    for name in (run.protocol.data_name, *content.mask_sets):  # of folders and files
        if NAME.fullmatch(name) is None:
            raise UserError(f"{path} was altered: '{name}' is not the name of data or of a mask set. {MADE_AGAIN}")
    if {name: one.sha256 for name, one in content.mask_sets.items()} != run.mask_sets:
        raise UserError(f"{path} was altered: its mask sets are not those of its run. {MADE_AGAIN}")


def _altered_key(path: Path, found: str, wanted: str) -> UserError:
    return UserError(f"{path} was altered: its key is {found}, that of its run {wanted}. {MADE_AGAIN}")


def find_records(out: Path) -> list[Record]:
    """All finished runs under `out`, sorted by folder name."""
    folders = sorted(path.parent for path in (out / "runs").glob("*/*/record.json"))
    return [record for folder in folders if (record := read_record(folder)) is not None]


# ---------------------------------------------------------------------------------------------- records of format 1


_NEW = {"suites": "mask_sets", "reference": "pretrained"}
_OLD = {new: old for old, new in _NEW.items()}


def upgrade(path: Path, old: dict[str, Any]) -> dict[str, Any]:
    """A record.json of format 1 with the names of format 2, its key too.

    Raises UserError where its key is not that of its run, and KeyError, TypeError or AttributeError where parts are
    missing.
    """
    run = _renamed(old["run"]) | {"protocol": _renamed(old["run"]["protocol"])}
    run["origin"] = _NEW.get(run["origin"], run["origin"])
    asked = Run.model_validate(run).asked()
    before = {_OLD.get(key, key): value for key, value in asked.items()}
    before["protocol"] = {_OLD.get(key, key): value for key, value in asked["protocol"].items()}
    before |= {"origin": old["run"]["origin"]} if "origin" in asked else {}
    if key_of(before) != old["key"]:
        raise _altered_key(path, old["key"], key_of(before))
    new = _renamed(old) | {"format": FORMAT, "run": run, "key": key_of(asked)}
    new |= {name: old.get(name) or None for name in ("training", "leakage")}
    measured = old["lpips"] == LPIPS
    new["lpips"] = {"version": LPIPS} if measured else {"version": None, "reason": old["lpips"]}
    new["command"] = old["command"].replace(" --suite ", " --masks ")
    if "external" in old:
        new["external"] = {name: one for name, one in old["external"].items() if name != "partial"}
    return new


def _renamed(part: dict[str, Any]) -> dict[str, Any]:
    return {_NEW.get(key, key): value for key, value in part.items()}
