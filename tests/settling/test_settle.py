"""Toys settled from nothing: the same records as reproductions make, whatever interrupts it, and then nothing more."""

import contextlib
import io
import json
import random
import re
import shutil
import signal
import sys
import time

import pytest
from queued import bench_process, results

from bench import UserError, settle
from bench.cli.main import main

pytestmark = pytest.mark.slow


def words(home, *more, out="out", toys=None):
    return ("settle", "toypaper", "--include", toys or home / "toys", "--out", home / out, "--workers", 2, *more)


def journal(home, out="out"):
    (path,) = (home / out / "settling").glob("toypaper-*.json")
    return json.loads(path.read_text())


def without_times(found):
    rounds = [{name: value for name, value in one.items() if name != "took"} for one in found["rounds"]]
    return {name: value for name, value in found.items() if name != "sha256"} | {"rounds": rounds}


def call(*asked):
    """What a command prints, which succeeds."""
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(sys, "argv", ["bench", *map(str, asked)])
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise AssertionError(said.getvalue()) from end
    return said.getvalue()


@pytest.fixture(scope="module")
def straight(tmp_path_factory, paper_of_toys, rated, cache):
    """A folder in which nothing has disturbed a settlement, and what that printed. `begun` is as before its first
    run."""
    home = tmp_path_factory.mktemp("straight")
    paper_of_toys(home / "toys")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INPAINT_BENCH_CACHE", str(cache))
        call(*words(home, "--dry-run"))
        assert not list(home.glob("out/settling/*.json"))
        assert not list(home.glob("out/runs/*/*/record.json"))
        shutil.copytree(home / "out", home / "begun")
        said = call(*words(home))
    return home, said


@pytest.fixture
def home(straight, tmp_path):
    """A copy of it."""
    return shutil.copytree(straight[0], tmp_path / "home")


def test_it_says_what_it_will_run_and_what_has_come_of_it(straight):
    home, said = straight
    lines = said.splitlines()
    assert lines[0] == lines[-1] == f"Output: {home / 'out'}"
    assert "0 of 6 are answered" in said
    table = re.findall(r"^ ([\w-]+) +not attempted +(\S.*?)  .* in ", said, re.MULTILINE)
    assert {name for name, _ in table} == {"darker", "slower", "floors", "ahead"}
    assert "No further run answers shapes: needs mask set shapes" in said
    assert "No further run answers looks: lpips needs pictures of at least" in said
    assert re.search(r"Round 1: \d+ runs for \d claims; 0 of 6 claims answered", said)
    assert re.search(r"\d+ of \d+ runs; 0 of 6 claims answered, about \d+ s left", said)
    assert re.search(r"of the budget of 1 h by estimate, .* on the clock", said)
    assert f"Page: {home / 'out' / 'reports' / 'toypaper' / 'index.html'}" in said
    for name in ("darker", "slower", "floors", "ahead"):
        assert re.search(rf"^(Answered|Open): .*{name}", said, re.MULTILINE), name


def test_every_contender_of_an_open_claim_has_three_seeds_and_floors_one(straight):
    folders = [path.parent.name for path in straight[0].glob("out/runs/*/*/record.json")]
    for name in ("toypaper", "toypaper+brighter", "toypaper+faster", "rival"):
        assert {f"{name}-seed{seed}" for seed in range(3)} <= {folder.rpartition("-")[0] for folder in folders}
    assert [folder for folder in folders if folder.startswith("harmonic-seed0")]
    assert not [folder for folder in folders if folder.startswith(("harmonic-seed1", "other_rival"))]


def test_again_there_is_nothing_to_do(home, bench):
    before = results(home / "out")
    code, said, error = bench(*words(home))
    assert (code, error) == (0, "")
    assert len(re.findall(r"^Nothing to do: \d of 6 claims are answered", said, re.MULTILINE)) == 1
    assert "Round" not in said
    assert "Open" not in said
    assert results(home / "out") == before


def test_killed_at_any_moment_it_ends_with_the_same_bits(home, straight, cache):
    shutil.rmtree(home / "out")
    shutil.copytree(home / "begun", home / "out")  # how long runs take, as the undisturbed one knew it
    environment, chance = {"INPAINT_BENCH_CACHE": str(cache), "OMP_NUM_THREADS": "1"}, random.Random(0)
    for kill in range(4):
        # Records name the folder of the toys in their command.
        process = bench_process(*words(home, toys=straight[0] / "toys"), **environment)
        if kill < 3:
            began, records = time.monotonic(), len(list(home.glob("out/runs/*/*/record.json")))
            while process.poll() is None and time.monotonic() - began < 120:
                if len(list(home.glob("out/runs/*/*/record.json"))) > records + kill:
                    break
                time.sleep(0.05)
            time.sleep(chance.uniform(0, 1))
            process.send_signal(signal.SIGKILL)
        said = process.communicate(timeout=900)[0]
    assert process.returncode == 0, said
    assert results(home / "out") == results(straight[0] / "out")
    assert without_times(journal(home)) == without_times(journal(straight[0]))
    pages = [(one / "out/reports/toypaper/claims.md").read_text() for one in (home, straight[0])]
    assert pages[0].replace(str(home), "") == pages[1].replace(str(straight[0]), "")


def test_a_round_that_was_begun_is_ended_before_the_next_is_chosen(home, straight, bench):
    before, told = results(home / "out"), without_times(journal(home))
    (record,) = home.glob("out/runs/faces-quick/toypaper+faster-seed2-*/record.json")
    record.unlink()
    code, said, error = bench(*words(home, toys=straight[0] / "toys"))
    assert (code, error) == (0, "")
    assert "Going on with round" in said
    assert results(home / "out") == before
    assert without_times(journal(home)) == told


def test_the_records_are_those_of_a_reproduction_which_names_what_is_open(home, straight, bench):
    asked = ("--include", straight[0] / "toys", "--out", home / "direct", "--variant", "brighter")
    code, said, error = bench("reproduce", "toypaper", *asked, "--with-baselines", "--seed", 0, "--seed", 1)
    assert (code, error) == (0, "")
    assert re.search(r"More runs may answer \d claims?, about .*: python -m bench settle toypaper .* --hours", said)
    one, two = results(home / "out"), results(home / "direct")
    common = [name for name in one if name in two]
    names = {name.split("/")[2].rpartition("-")[0] for name in common}
    assert names >= {"toypaper-seed0", "toypaper+brighter-seed1", "rival-seed1", "harmonic-seed0"}
    assert [name for name in common if one[name] != two[name]] == []


def test_a_budget_that_nothing_fits_runs_nothing_and_says_what_would(home, bench):
    asked = words(home, "--hours", "0.00001", out="begun")
    code, said, error = bench(*asked)
    assert (code, error) == (0, "")
    assert re.search(r"^Nothing to do: .*; the next takes .*: --hours [\d.]+ reaches it\.", said, re.MULTILINE)
    assert not list(home.glob("begun/runs/*/*/record.json"))


def test_other_code_is_another_settlement(home, bench):
    (home / "toys" / "rival.py").write_text((home / "toys" / "rival.py").read_text() + "\n# changed\n")
    code, said, error = bench(*words(home, "--dry-run"))
    assert (code, error) == (0, "")
    assert re.search(r"^ ahead +not attempted +rival, seeds 0 to 2  .* in", said, re.MULTILINE)


def test_papers_share_their_floors_and_what_is_said_names_the_paper(home, bench):
    shutil.copytree(home / "toys" / "toypaper", home / "toys" / "toytwin")
    code, said, error = bench(
        "settle", "toypaper", "toytwin", "--include", home / "toys", "--out", home / "out", "--dry-run"
    )
    assert (code, error) == (0, "")
    assert re.search(r"^ toytwin darker +not attempted +", said, re.MULTILINE)
    assert "No further run answers toypaper shapes and toytwin shapes: needs mask set shapes" in said
    assert "floors" not in "".join(re.findall(r"^ toytwin \S+ +not attempted (.*)", said, re.MULTILINE))


def test_the_python_call_returns_claims_and_pages(home, cache):
    asked = {"include": home / "toys", "out": home / "out", "cache": cache}
    made = settle("toypaper", **asked)
    assert list(made.claims["claim"]) == ["ahead", "darker", "slower", "floors", "looks", "shapes"]
    assert set(made.claims["before"]) == {"not attempted"}
    assert (made.claims["verdict"] != "not attempted").sum() == 4
    assert made.reproductions["toypaper"].pages[0].exists()
    for wrong, what in (({"variants": "brighter"}, "variants"), ({"hours": 0}, "--hours 0"), ({"seeds": 3}, "seeds")):
        with pytest.raises(UserError, match=what):
            settle("toypaper", **asked, **wrong)


def test_an_altered_journal_is_told_in_one_line(home, bench):
    (path,) = (home / "out/settling").glob("toypaper-*.json")
    path.write_text(path.read_text().replace('"at_once": ', '"at_once": 1'))
    code, _, error = bench(*words(home))
    assert code == 2
    assert error == f"error: {path} was altered. Delete it and rerun the command, which writes it anew.\n"


def test_plan_shows_the_table_of_settle(home, bench):
    code, said, error = bench(
        "plan", "toypaper", "--include", home / "toys", "--out", home / "begun", "--cluster", "local"
    )
    assert (code, error) == (0, ""), error
    assert re.search(r"^ darker +not attempted +\S", said, re.MULTILINE)
    assert re.search(r"To run: \d+ runs that may answer 4 claims", said)


def test_on_a_queue_each_call_submits_what_is_then_missing(home, bench):
    for record in home.glob("out/runs/faces-quick/toypaper+faster-seed*/record.json"):
        record.unlink()
    code, said, error = bench(*words(home, "--cluster", "local"))
    assert (code, error) == (0, ""), error
    assert "toypaper+faster-faces-quick-seed2-" in said
    assert "the same command judges them" in said
    assert bench("status", "--watch", "--out", home / "out")[0] == 0
    code, said, error = bench(*words(home, "--cluster", "local"))
    assert (code, error) == (0, "")
    assert re.search(r"Nothing to submit: \d of 6 claims are answered", said)
