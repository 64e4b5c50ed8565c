"""Methods and variants that a paper.toml names run beside the paper, under its protocol."""

import contextlib
import io
import json
import shutil
import sys

import pytest


@pytest.fixture(scope="session")
def reproduced(toys, tmp_path_factory, cache):
    """The toy paper, reproduced at smoke scale: (folder, what it printed)."""
    from bench.cli.main import main

    out, printed = tmp_path_factory.mktemp("named") / "out", io.StringIO()
    words = ["bench", "reproduce", "toypaper", "--scale", "smoke", "--include", str(toys), "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        patch.setenv("INPAINT_BENCH_CACHE", str(cache))
        patch.setattr(sys, "argv", words)
        main()
    return out, printed.getvalue()


def records(out):
    found = [json.loads(path.read_text()) for path in (out / "runs").glob("*/*/record.json")]
    return {(one["run"]["method"], one["run"]["variant"], one["run"]["seed"]): one for one in found}


FLOORS = {"mean_fill", "harmonic", "biharmonic", "telea", "navier_stokes", "criminisi"}


def test_a_plain_reproduction_runs_the_scales_variants_and_baselines(reproduced):
    out, printed = reproduced
    trained = {key for key in records(out) if key[0] not in FLOORS}
    assert trained == {("toypaper", "default", 0), ("toypaper", "brighter", 0), ("rival", "default", 0)}
    assert "9 of 9 records to create" in printed
    protocols = {json.dumps(one["run"]["protocol"], sort_keys=True) for one in records(out).values()}
    assert len(protocols) == 1
    settings = records(out)["rival", "default", 0]["run"]["settings"]
    assert settings["steps"] == 6  # its own, not the paper's


def test_the_leaderboards_have_them_with_their_budgets(reproduced):
    out, printed = reproduced
    board = (out / "reports" / "toypaper" / "leaderboard.md").read_text().partition("### Health")[0]
    for name, images in (("toypaper (this paper)", 24), ("toypaper (brighter)", 24), ("rival", 36)):
        (row,) = [line for line in board.splitlines() if f" | {name} |" in line]
        assert row.endswith(f"| {images} images |")
    assert "Not run here" not in (out / "reports" / "toypaper" / "claims.md").read_text()
    assert "rival" in printed


def test_a_record_made_under_a_papers_protocol_names_the_command_that_makes_it_again(reproduced, bench, toys, tmp_path):
    out, _ = reproduced
    for method in ("rival", "telea"):
        made = records(out)[method, "default", 0]
        words = made["command"].split()
        assert words[:4] == ["python", "-m", "bench", "evaluate"]
        assert words[words.index("--paper") + 1] == "toypaper"
        if method == "rival":  # the floors can be named without --include, their paper cannot
            assert words.count("--include") == 2
        code, _, error = bench(*words[3:], "--out", tmp_path / "again")
        assert code == 0, error
        assert records(tmp_path / "again")[method, "default", 0] == made
    own = records(out)["toypaper", "default", 0]["command"]
    assert "--paper" not in own


def test_with_baselines_all_that_are_named_run_with_each_seed(reproduced, bench, toys, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(reproduced[0], out)
    words = ("reproduce", "toypaper", "--scale", "smoke", "--include", toys, "--out", out)
    code, _, error = bench(*words, "--with-baselines", "--seed", "0", "--seed", "1")
    assert code == 0, error
    new = records(out).keys() - records(reproduced[0]).keys()
    assert new == {
        ("toypaper", "default", 1),
        ("toypaper", "brighter", 1),
        ("rival", "default", 1),
        ("other_rival", "default", 0),
        ("other_rival", "default", 1),
    }
    board = (out / "reports" / "toypaper" / "leaderboard.md").read_text().partition("### Health")[0]
    assert "| other_rival |" in board


def test_records_of_another_protocol_make_no_chapter(reproduced, bench, toys, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(reproduced[0], out)
    before = (out / "reports" / "toypaper" / "leaderboard.md").read_text()
    code, _, error = bench("evaluate", "rival", "--scale", "smoke", "--include", toys, "--out", out)
    assert code == 0, error
    assert len(list((out / "runs").glob("*/rival-*"))) == 2
    code, _, error = bench("report", "toypaper", "--include", toys, "--out", out)
    assert code == 0, error
    assert (out / "reports" / "toypaper" / "leaderboard.md").read_text() == before


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('baselines = ["rival"]', 'baselines = ["rivla"]', "line 43: scales.smoke.baselines"),
        ('method = "other_rival"', 'method = "rivla"', "line 12: tables.one.rows.rival.method"),
        ('"method:rival"', '"method:rivla"', "line 33: claims.0.worse"),
    ],
)
def test_a_method_that_is_not_there_is_told_before_any_work(bench, toys, tmp_path, old, new, place):
    mine = tmp_path / "toys"
    shutil.copytree(toys, mine)
    toml = mine / "toypaper" / "paper.toml"
    assert toml.read_text().count(old) == 1
    toml.write_text(toml.read_text().replace(old, new))
    words = ("reproduce", "toypaper", "--scale", "smoke", "--include", mine, "--out", tmp_path / "out")
    code, _, error = bench(*words)
    assert code == 2
    assert error == f"error: {toml}, {place}: there is no method 'rivla'. Did you mean 'rival'?\n"
    assert not (tmp_path / "out" / "runs").exists()


def test_claims_are_judged_once_for_page_and_terminal(reproduced, bench, toys, monkeypatch):
    from bench.report import chapters

    calls = []
    judge = chapters.judge

    def counted(paper, key, group, *more):
        calls.append(group)
        return judge(paper, key, group, *more)

    monkeypatch.setattr(chapters, "judge", counted)
    code, _, error = bench("report", "toypaper", "--include", toys, "--out", reproduced[0])
    assert code == 0, error
    assert [len(group) for group in calls] == [9, 0]  # one protocol, then what needs no measurement


def test_only_a_paper_lends_its_protocol(bench, tmp_path):
    code, _, error = bench("evaluate", "telea", "--paper", "harmonic", "--out", tmp_path / "out")
    assert code == 2
    assert error.startswith("error: 'harmonic' is a baseline, not a paper.")
