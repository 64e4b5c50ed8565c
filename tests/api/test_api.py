"""The Python API: the functions that the verbs call, quiet, typed, and with results as tables."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import bench as package
from bench import Inpainter, Method, Request, UserError, check_method, evaluate, list_methods, load_paper, reproduce
from bench.claims.statistics import pool
from bench.methods.base import DataFacts
from bench.methods.catalog import ROOT, find


@pytest.fixture
def where(tmp_path, cache):
    return {"scale": "smoke", "data": "faces", "out": tmp_path, "cache": cache}


@pytest.fixture(scope="module")
def paper(tmp_path_factory, cache):
    """A reproduction of the toy paper."""
    from toy import write_toys

    home = tmp_path_factory.mktemp("api")
    include = write_toys(home / "toys")
    return reproduce("toypaper", scale="smoke", include=include, out=home / "out", cache=cache)


def test_importing_the_package_loads_nothing_heavy():
    program = "import sys, bench; print(sorted({'torch', 'pandas', 'pydantic', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_public_name_is_there_and_no_other():
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'evalute'"):
        package.evalute  # noqa: B018


def test_an_evaluation_is_the_record_on_disk_and_its_summary_that_of_leaderboards(where, bench, capsys):
    made = evaluate("mean_fill", seeds=(0, 1), **where)
    assert capsys.readouterr() == ("", "")
    assert [record.run.seed for record in made.records] == [0, 1]
    with pytest.raises(UserError, match="2 records: see `records`"):
        made.record  # noqa: B018
    names = made.records[0].run.protocol.mask_set_names
    assert made.scores.groupby("seed").size().to_list() == [6 * len(names)] * 2
    summary = made.summary(["psnr", "l1_hole", "psnr_pooled"]).set_index(["mask_set", "metric"])
    for mask_set in names:
        for metric in ("psnr", "l1_hole"):
            series = pool(made.records, mask_set, metric)
            interval = series.interval()
            found = summary.loc[mask_set, metric]
            assert (found["mean"], found["low"], found["high"]) == (interval.mean, interval.low, interval.high)
            assert found["n"] == 6
        pooled = summary.loc[mask_set, "psnr_pooled"]
        assert pooled["mean"] < summary.loc[mask_set, "psnr"]["mean"]
        assert np.isnan(pooled["low"])
    before = {path: path.stat().st_mtime_ns for path in where["out"].rglob("*.json")}
    code, out, _ = bench("evaluate", "mean_fill", "--data", "faces", "--scale", "smoke", "--out", where["out"])
    assert code == 0
    assert str(made.records[0].folder / "record.json") in out
    assert {path: path.stat().st_mtime_ns for path in where["out"].rglob("*.json")} == before


def test_an_object_in_memory_is_scored_as_a_method_is_but_leaves_no_record(where, capsys):
    method = find()["mean_fill"].load()
    mine = method(method.settings_class(), DataFacts(64, 1)).inpainter()
    options = {name: value for name, value in where.items() if name != "out"}
    scored = evaluate(mine, **options)
    assert capsys.readouterr() == ("", "")
    assert not list(where["out"].iterdir())
    kept = evaluate("mean_fill", **where)
    names = ["method"]
    pd.testing.assert_frame_equal(scored.scores.drop(columns=names), kept.scores.drop(columns=names), check_exact=True)
    assert set(scored.scores["method"]) == {type(mine).__name__}
    with pytest.raises(UserError, match="none: its method is in memory"):
        scored.record  # noqa: B018
    like_paper = evaluate(mine, paper="fang2021", scale="smoke", cache=where["cache"]).scores
    wanted = evaluate("mean_fill", paper="fang2021", scale="smoke", out=where["out"], cache=where["cache"]).scores
    assert like_paper["psnr"].to_list() == wanted["psnr"].to_list()


def test_what_an_object_cannot_have_is_told(where):
    class Grey(Inpainter):
        def inpaint(self, image, hole, seed):
            return image.masked_fill(hole, 0.5)

    with pytest.raises(UserError, match="out works only for methods found by their key, not for Grey in memory"):
        evaluate(Grey(), **where)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: evaluate("harmnic", scale="smoke"), "no method 'harmnic'. Did you mean 'harmonic'?"),
        (lambda: evaluate("harmonic", scale="smok"), "no scale 'smok'"),
        (lambda: evaluate("harmonic", seed=1), "no option 'seed'. Did you mean 'seeds'?"),
        (lambda: reproduce("harmonic", scale="smoke"), "'harmonic' is a baseline"),
        (lambda: load_paper("harmonic"), "'harmonic' is a baseline"),
        (lambda: load_paper("no/paper.toml"), "no/paper.toml cannot be read"),
        (lambda: check_method("harmnic"), "there is no such file or folder"),
        (lambda: package.score("nothing", predictions="p", name="n"), "nothing"),
        (lambda: package.export("x", data="faces", scale="smoke", images=3), "leave out --scale and --paper"),
    ],
)
def test_bad_input_raises_a_line(call, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as caught:
        call()
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_request_may_stand_for_the_words(where):
    asked = Request.of("mean_fill", **where)
    assert evaluate(asked).record.folder == evaluate("mean_fill", **where).record.folder
    assert evaluate(asked, seeds=5).record.run.seed == 5


def test_methods_and_papers_are_typed():
    keys = {entry.key for entry in list_methods()}
    assert {"fang2021", "harmonic"} <= keys
    assert load_paper("fang2021") == load_paper(ROOT / "papers" / "fang2021" / "paper.toml")


def test_a_reproduction_gives_verdicts_and_leaderboards_as_tables(paper):
    assert [page.name for page in paper.pages] == ["index.html", "leaderboard.md", "claims.md"]
    assert all(page.exists() for page in paper.pages)
    verdicts = paper.verdicts.set_index("claim")
    chapter = paper.report.chapters[0]
    assert verdicts.loc["ahead", "verdict"] == chapter.findings[0].verdict
    assert verdicts.loc["ahead", "data"] == "faces"
    board = paper.leaderboard("center")
    line = next(line for line in chapter.boards[0].lines if line.own)
    assert board.loc[line.name, "psnr"] == line.scores["psnr"].mean
    assert board["psnr"].is_monotonic_decreasing
    rows = paper.leaderboards.set_index(["method", "metric"])
    assert rows.loc[(line.name, "psnr"), "ahead"] == line.leads["psnr"].mean
    row, score = rows.loc[(line.name, "psnr")], line.scores["psnr"]
    assert (row["mean"], row["n"], row["kind"]) == (score.mean, score.n, "this paper")
    assert row["low"] == score.low or (score.low is None and np.isnan(row["low"]))
    with pytest.raises(UserError, match="no leaderboard of mask set 'centre'. Did you mean 'center'?"):
        paper.leaderboard("centre")


class Peeking(Inpainter):
    """Looks under the hole."""

    def inpaint(self, image, hole, seed):
        return image.flip(-1)


class Cheat(Method):
    def inpainter(self):
        return Peeking()


def test_a_class_is_checked_and_what_it_breaks_is_typed():
    found = {failure.check: failure for failure in check_method(Cheat)}
    assert "hidden_truth_has_no_influence" in found
    failure = found["hidden_truth_has_no_influence"]
    assert (failure.method, failure.rule) == ("Cheat", "What lies under the hole does not matter.")
    assert failure.message == "the fill changes when the pixels under the hole change"
    assert check_method("mean_fill") == []


def test_an_export_is_scored(tmp_path, cache):
    folder = package.export(tmp_path / "ex", data="faces", scale="smoke", mask_sets=["center"], cache=cache)
    (tmp_path / "grey").mkdir()
    for path in sorted((folder / "center" / "images").glob("*.png")):
        picture, hole = (np.array(Image.open(folder / "center" / part / path.name)) for part in ("images", "masks"))
        picture[hole > 0] = 128
        Image.fromarray(picture).save(tmp_path / "grey" / path.name)
    made = package.score(folder, predictions=tmp_path / "grey", name="grey", out=tmp_path / "runs")
    assert made.record.run.origin == "external"
    grey = evaluate(Grey128(), data="faces", scale="smoke", mask_sets="center", cache=cache)
    assert made.scores["psnr"].to_list() == grey.scores["psnr"].to_list()


class Grey128(Inpainter):
    def inpaint(self, image, hole, seed):
        return image.masked_fill(hole, 128 / 255)
