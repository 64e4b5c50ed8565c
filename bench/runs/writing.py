"""Writing a record: the one way to a record.json, for runs, pretrained weights and pictures from elsewhere."""

import errno
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.metrics import Lpips
from bench.runs import provenance
from bench.runs.meter import now
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
from bench.runs.records import Record, RecordContent, Run, read_record
from bench.util.errors import UserError
from bench.util.files import sealed, sha256_of_file, sha256_of_files, write_json


def write_record(
    folder: Path,
    run: Run,
    command: str,
    data: DataManifest,
    mask_sets: Mapping[str, MaskSetManifest],
    lpips: LpipsFacts,
    *,
    device: str = "cpu",
    training: TrainingFacts | None = None,
    leakage: Leakage | None = None,
    pretrained: PretrainedFacts | None = None,
    external: ExternalFacts | None = None,
    spot_check: SpotCheck | None = None,
    notes: Sequence[str] = (),
) -> Record:
    """Write record.json and return it as it is read back; the folder's tables and predictions are there already."""
    tables = {name: folder / f"{name}.csv" for name in ("scores", "scalars", "heldout", "probes")}
    hashes = {name: sha256_of_file(path) for name, path in tables.items() if path.exists()}
    content = RecordContent(
        key=run.key,
        run=run,
        command=command,
        data=data,
        mask_sets=dict(mask_sets),
        training=training,
        code=CodeFacts(**provenance.code(), method_sha256=run.code),
        packages=provenance.packages(),
        hardware=Hardware(**provenance.hardware(device)),
        lpips=lpips,
        leakage=leakage,
        pretrained=pretrained,
        external=external,
        spot_check=spot_check,
        notes=list(notes),
        scores_sha256=hashes["scores"],
        scalars_sha256=hashes.get("scalars"),
        heldout_sha256=hashes.get("heldout"),
        probes_sha256=hashes.get("probes"),
        predictions_sha256={
            name: sha256_of_files([folder / "predictions" / f"{name}.npy"], folder)
            for name in run.protocol.mask_set_names
        },
    )
    write_json(folder / "record.json", sealed(content.model_dump(mode="json")))
    log_event(folder, "record written", {})
    record = read_record(folder)
    assert record is not None
    return record


def lpips_facts(lpips: Lpips | None) -> LpipsFacts:
    """What the record says of LPIPS: measured with `lpips`, or not, because its weights are missing."""
    if lpips is not None:
        return LpipsFacts(version=LPIPS)
    return LpipsFacts(version=None, reason=Lpips.missing())


def log_event(folder: Path, event: str, facts: Mapping[str, Any]) -> None:
    """One more line in a run's events.jsonl, the only file of a run that holds times: by the clock, and what this
    process has had of a processor."""
    path = folder / "events.jsonl"
    try:
        # No link is followed out of the folder, and no pipe is waited for.
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno not in (errno.EISDIR, errno.ELOOP, errno.ENXIO):
            raise
        raise UserError(f"{path} is no file to write to. Remove it.") from error
    with os.fdopen(handle, "a") as file:
        spent = {"time": round(time.time(), 3), "cpu": round(now().cpu, 3)}
        file.write(json.dumps({**spent, "event": event, **facts}) + "\n")
