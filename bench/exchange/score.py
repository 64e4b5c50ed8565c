"""`score`: an ordinary record from pictures that another tool made."""

import json
import re
import shlex
import shutil
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from bench.exchange.known import compare, in_words, summary
from bench.exchange.layout import Manifest, read_manifest
from bench.exchange.mistaken import Read, check_none_mistaken
from bench.exchange.promised import check_promised, hole_of, truth_of
from bench.exchange.returned import LOSSY, Returned, ReturnedSet, check_complete, collect, read_returned
from bench.masks.names import mask_set_name
from bench.metrics import Lpips
from bench.runs.evaluation import MaskSetImages, Scored, score_mask_set, to_csv
from bench.runs.parts import ExternalFacts, KnownPixels
from bench.runs.records import Record, Run, read_record
from bench.runs.writing import log_event, lpips_facts, write_record
from bench.util.errors import UserError, nearest
from bench.util.files import check_writable, locked, sha256, write_json, write_text
from bench.util.progress import Progress

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,59}")
NOTE = "external: scored from pictures; how they were made is not known here"


@dataclass(frozen=True)
class Scoring:
    """What a user asked for on the command line."""

    root: Path
    """The exported folder."""
    predictions: Path
    name: str
    out: Path
    mask_sets: Sequence[str] = ()
    """Only these; all that were exported if empty."""
    partial: bool = False
    weights: Path | None = None
    force: bool = False

    def make(self, progress: Progress, taken: Sequence[str] = ()) -> Record:
        """The record, computed only as far as it is not there. `taken` are names that methods of ours bear.

        Raises UserError for whatever a user can fix in name, export or pictures, before any scoring where it can.
        """
        _check_name(self.name, taken)
        manifest = read_manifest(self.root)
        mask_sets = self._mask_sets(manifest)
        check_writable(self.out)
        with progress.task("pictures") as report:
            batches = [
                collect(manifest, mask_set, self.predictions, len(mask_sets) == 1, report) for mask_set in mask_sets
            ]
        for batch in batches:
            check_complete(batch, len(manifest.pictures), self.partial)
        run = _run(self.name, manifest, batches)
        folder = run.folder(self.out)
        with locked(folder, progress.say):
            if self.force:
                shutil.rmtree(folder / "predictions", ignore_errors=True)
                (folder / "record.json").unlink(missing_ok=True)
            if (record := read_record(folder)) is None:
                record = self._score(run, folder, manifest, batches, progress)
        return record

    def _mask_sets(self, manifest: Manifest) -> list[str]:
        known = list(manifest.protocol.mask_set_names)
        for name in self.mask_sets:
            if name not in known:
                raise UserError(f"{self.root} was not exported with the mask set '{name}'.{nearest(name, known)}")
        return [name for name in known if not self.mask_sets or name in self.mask_sets]

    def _score(
        self, run: Run, folder: Path, manifest: Manifest, batches: Sequence[ReturnedSet], progress: Progress
    ) -> Record:
        with progress.task("export") as report:
            check_promised(self.root, manifest, [batch.mask_set for batch in batches], report)
        if not (folder / "run.json").exists():  # which says that these very files have been looked at
            with progress.task("pictures") as report:
                for batch in batches:
                    check_none_mistaken(batch, _reader(self.root, batch), partial(truth_of, self.root), report)
        write_json(folder / "run.json", run.model_dump(mode="json"))
        log_event(folder, "started", {"key": run.key})
        lpips = Lpips.open(self.weights)
        with progress.task(f"score {self.name}") as report, ThreadPoolExecutor(4) as pool:
            subjects = [_subject(self.root, batch, pool) for batch in batches]
            tables = [score_mask_set(subject, folder, report, lpips) for subject in subjects]
        scores = pd.concat(tables, ignore_index=True)
        write_text(folder / "scores.csv", to_csv(scores))
        known = summary(scores)
        forms = Counter(file.form for batch in batches for file in batch.files)
        extra = [f"{batch.mask_set}/{name}" for batch in batches for name in batch.extra]
        return write_record(
            folder,
            run,
            self._replay(run),
            manifest.data,
            {batch.mask_set: manifest.mask_sets[batch.mask_set] for batch in batches},
            lpips_facts(lpips),
            external=ExternalFacts(forms=dict(forms), extra=extra, known=KnownPixels(**known)),
            notes=[NOTE, *_notes(run, forms, extra), in_words(known)],
        )

    def _replay(self, run: Run) -> str:
        words = ["score", str(self.root), "--predictions", str(self.predictions), "--name", self.name]
        for name in self.mask_sets:
            words += ["--masks", name]
        return shlex.join(["python", "-m", "bench", *words, *(["--partial"] if run.partial else [])])


def _check_name(name: str, taken: Sequence[str]) -> None:
    if NAME.fullmatch(name) is None:
        raise UserError(
            f"--name '{name}': use up to 60 letters, digits, dots, hyphens, + and _, starting with a letter."
        )
    if name in taken:
        raise UserError(f"--name {name}: a method here has this name already. Choose another, such as {name}-mine.")


def _run(name: str, manifest: Manifest, batches: Sequence[ReturnedSet]) -> Run:
    hashes = [[batch.mask_set, file.picture.id, file.sha256] for batch in batches for file in batch.files]
    total = len(manifest.pictures)
    scored = {batch.mask_set for batch in batches}
    specs = tuple(spec for spec in manifest.protocol.mask_sets if mask_set_name(spec) in scored)
    return Run(
        method=name,
        scale=manifest.scale,
        seed=0,
        settings={},
        protocol=manifest.protocol.model_copy(update={"mask_sets": specs}),
        code=sha256(json.dumps(hashes).encode()),
        data=manifest.fingerprint,
        mask_sets={batch.mask_set: manifest.mask_sets[batch.mask_set].sha256 for batch in batches},
        origin="external",
        partial={batch.mask_set: f"{len(batch.files)} of {total}" for batch in batches if batch.missing},
    )


def _notes(run: Run, forms: Counter[str], extra: Sequence[str]) -> list[str]:
    notes = [f"Scored in part, so not ranked: {count} images of {mask_set}." for mask_set, count in run.partial.items()]
    for form, count in sorted(forms.items()):
        if any(word in form for word in LOSSY):
            notes.append(f"{count} pictures are {form}, which may change every pixel; PNG does not.")
        elif "gray" in form:
            notes.append(f"{count} pictures are {form}: treated as equal red, green and blue.")
        elif "16-bit" in form:
            notes.append(f"{count} pictures are {form}: rounded to 8 bits.")
        elif "alpha" in form:
            notes.append(f"{count} pictures are {form}, opaque everywhere: alpha dropped.")
    if extra:
        notes.append(f"{len(extra)} files match no picture of the export and were ignored, the first {extra[0]}.")
    return notes


def _subject(root: Path, batch: ReturnedSet, pool: ThreadPoolExecutor) -> MaskSetImages:
    """The mask set's images, read as they are asked for."""

    read = _reader(root, batch)

    def scored(indices: list[int]) -> Scored:
        truths, holes, raws = zip(*pool.map(read, [batch.files[index] for index in indices]), strict=True)
        truth, hole, raw = (torch.from_numpy(np.stack(part)) for part in (truths, holes, raws))
        return Scored(truth, hole, raw, compare(truth, raw, hole))

    ids = [file.picture.id for file in batch.files]
    return MaskSetImages(batch.mask_set, ids, [file.picture.group for file in batch.files], scored)


def _reader(root: Path, batch: ReturnedSet) -> Read:
    """Truth, hole and what came back of a file of this mask set."""

    def read(file: Returned) -> tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.uint8]]:
        hole = hole_of(root, batch.mask_set, file.picture)
        return truth_of(root, file.picture), hole[None], read_returned(file).transpose(2, 0, 1)

    return read
