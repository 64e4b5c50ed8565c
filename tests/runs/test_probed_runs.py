"""A run whose protocol probes: what its folder and its record hold, and what the verdicts read."""

import io
import json

import pandas as pd
from invented import protocol
from rich.console import Console

from bench.claims.statistics import pool
from bench.data import load
from bench.methods.catalog import find
from bench.metrics.probed import PROBES
from bench.runs.experiment import plan
from bench.runs.request import Request
from bench.training.device import open_fabric
from bench.util.files import sha256, write_named
from bench.util.progress import Progress

QUIET = Progress(Console(file=io.StringIO()))


def planned(key, out, cache, **changes):
    asked = protocol(mask_sets=("random",)).model_copy(update=changes)
    request = Request(key=key, scale="smoke", out=out, cache=cache)
    return plan(find()[key], request, 0, asked, load(asked, cache), open_fabric("cpu"))


def test_probes_are_part_of_the_record(tmp_path, cache):
    run = planned("mean_fill", tmp_path, cache, probes=("repeat", "perturb"), probe_images=5)
    record = run.make(QUIET)
    text = (record.folder / "probes.csv").read_bytes()
    names = [metric.id for probe in ("repeat", "perturb") for metric in PROBES[probe]]
    assert record.content.probes_sha256 == sha256(text)
    assert record.probes.columns.to_list() == ["mask_set", "image", "group", *names]
    assert record.probes["image"].to_list() == load(run.run.protocol, cache).test.ids[:5]
    series = pool([record], "center", "amplify_noise")  # although `center` is not among the mask sets that are scored
    assert len(series.values) == 5
    assert (series.values > 0).all()
    assert pool([record], "center", "repeat_l1").interval().mean == 0
    assert record.content.scalars_sha256 is None
    assert run.make(QUIET, force=True).content == record.content
    assert (record.folder / "probes.csv").read_bytes() == text


def test_a_run_killed_before_its_record_reads_what_was_probed(tmp_path, cache):
    run = planned("mean_fill", tmp_path, cache, probes=("repeat", "perturb"))
    run.make(QUIET)
    parts = sorted((run.folder / "predictions").glob("probe-*"))
    names = [path.stem.rpartition("-")[0] for path in parts]
    assert names == ["probe-perturb-00000000", "probe-repeat-00000000"]
    marked = pd.read_csv(parts[1]).assign(repeat_l1=42.0)
    write_named(parts[1].with_name(f"{names[1]}.csv"), marked.to_csv(index=False).encode())
    (run.folder / "record.json").unlink()
    assert (run.make(QUIET).probes["repeat_l1"] == 42.0).all()
    assert (run.make(QUIET, force=True).probes["repeat_l1"] == 0.0).all()


def test_a_run_without_probes_has_neither_file_nor_hash(tmp_path, cache):
    record = planned("mean_fill", tmp_path, cache).make(QUIET)
    assert not (record.folder / "probes.csv").exists()
    assert record.probes is None
    assert json.loads((record.folder / "record.json").read_text())["probes_sha256"] is None
