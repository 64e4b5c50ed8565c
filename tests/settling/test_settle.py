"""Toys settled from nothing: the same records as reproductions make, whatever interrupts it, and then nothing more."""

import json
import random
import re
import signal
import subprocess
import time

import pytest
from queued import bench_process, results, wait_until

from bench import UserError, settle
from bench.settling.journal import journal_path
from bench.settling.rounds import Settling

pytestmark = pytest.mark.slow


def words(home, *more, out="out"):
    return ("settle", "toypaper", "--include", home / "toys", "--out", home / out, *more)


def journal(home, out="out"):
    (path,) = (home / out / "settling").glob("toypaper-*.json")
    return json.loads(path.read_text())


def without_times(found):
    rounds = [{name: value for name, value in one.items() if name != "took"} for one in found["rounds"]]
    return {name: value for name, value in found.items() if name != "sha256"} | {"rounds": rounds}


@pytest.fixture
def settled(home, bench, rated):
    code, said, error = bench(*words(home))
    assert (code, error) == (0, ""), error
    return said


def test_it_says_what_it_will_run_and_what_has_come_of_it(home, bench, settled, rated):
    lines = settled.splitlines()
    assert lines[0] == lines[-1] == f"Output: {home / 'out'}"
    assert {task.request.key for task in rated.tasks} >= {"toypaper", "rival", "harmonic"}
    assert "0 of 6 are answered" in settled
    table = re.findall(r"^ (\w+) +not attempted +(.*?)  .* in ", settled, re.MULTILINE)
    assert {name for name, _ in table} == {"darker", "slower", "floors", "ahead"}
    assert "No further run answers shapes: needs mask set shapes" in settled
    assert "No further run answers looks: LPIPS cannot be measured" in settled
    assert re.search(r"Round 1: \d+ runs for \d claims; 0 of 6 claims answered", settled)
    assert re.search(r"\d+ of \d+ runs; 0 of 6 claims answered, about \d+ s left", settled)
    assert re.search(r"of the budget of 1 h by estimate, \d+ s on the clock", settled)
    assert f"Page: {home / 'out' / 'reports' / 'toypaper' / 'index.html'}" in settled
    for name in ("darker", "slower", "floors", "ahead"):
        assert re.search(rf"^(Answered|Open): .*{name}", settled, re.MULTILINE), name


def test_again_there_is_nothing_to_do(home, bench, settled):
    before = results(home / "out")
    code, said, error = bench(*words(home))
    assert (code, error) == (0, "")
    assert len(re.findall(r"^Nothing to do: \d of 6 claims are answered", said, re.MULTILINE)) == 1
    assert "Round" not in said
    assert results(home / "out") == before


def test_the_records_are_those_of_reproductions(home, bench, settled):
    asked = ("--include", home / "toys", "--out", home / "direct", "--variant", "brighter", "--variant", "faster")
    code, said, error = bench("reproduce", "toypaper", *asked, "--with-baselines", "--seed", 0, "--seed", 1, "--seed", 2)
    assert (code, error) == (0, "")
    one, two = results(home / "out"), results(home / "direct")
    common = [name for name in one if name in two]
    assert {name.split("/")[2].split("-seed")[0] for name in common} >= {
        "toypaper", "toypaper+brighter", "toypaper+faster", "rival", "harmonic",
    }  # fmt: skip
    assert {name for name in one if re.search("seed[012]-", name)} <= set(two)
    assert [name for name in common if one[name] != two[name]] == []


def kill_often(process_of, chance, kills):
    """Start it, kill it, some times; then let it end. Returns what it said last."""
    for _ in range(kills):
        process = process_of()
        time.sleep(chance.uniform(3, 12))
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = process_of()
    said = process.communicate(timeout=500)[0]
    assert process.returncode == 0, said
    return said


def test_killed_at_any_moment_it_ends_with_the_same_bits(home, bench, rated, cache):
    for out in ("straight", "killed"):  # both know how long runs take: what is calibrated differs from time to time
        code, said, error = bench(*words(home, "--dry-run", out=out))
        assert (code, error) == (0, ""), error
        assert not list((home / out).glob("settling/*.json"))
    environment = {"INPAINT_BENCH_CACHE": str(cache), "OMP_NUM_THREADS": "1"}

    def begin():
        return bench_process(*words(home, "--workers", 2, out="killed"), **environment)

    assert bench(*words(home, out="straight"))[0] == 0
    said = kill_often(begin, random.Random(0), 3)
    assert results(home / "killed") == results(home / "straight")
    assert without_times(journal(home, "killed")) == without_times(journal(home, "straight"))
    pages = [(home / out / "reports/toypaper/claims.md").read_text() for out in ("straight", "killed")]
    assert pages[0] == pages[1]
    assert "Nothing to do" in said or "Going on with round" in said


def test_a_round_that_was_begun_is_ended_before_the_next_is_chosen(home, bench, rated):
    assert bench(*words(home))[0] == 0
    straight, told = results(home / "out"), without_times(journal(home))
    last = journal(home)["rounds"][-1]["runs"][0]
    (folder,) = (home / "out/runs/faces-quick").glob(f"{last['method']}*-seed{last['seed']}-*")  if last["variant"] == "default" else [
        next((home / "out/runs/faces-quick").glob(f"{last['method']}+{last['variant']}-seed{last['seed']}-*"))
    ]
    (folder / "record.json").unlink()
    code, said, error = bench(*words(home))
    assert (code, error) == (0, "")
    assert "Going on with round" in said
    assert results(home / "out") == straight
    assert without_times(journal(home)) == told


def test_a_budget_that_nothing_fits_runs_nothing_and_says_what_would(home, bench, rated):
    code, said, error = bench(*words(home, "--hours", "0.00001"))
    assert (code, error) == (0, "")
    hours = float(re.search(r"--hours ([\d.]+) reaches it", said)[1])
    assert not list((home / "out").glob("runs/*/*/record.json"))
    assert bench(*words(home, "--hours", hours))[0] == 0
    assert list((home / "out").glob("runs/*/*/record.json"))
    assert journal(home)["rounds"][0]["estimated"] <= 3600 * hours


def test_other_code_is_another_settlement(home, bench, settled):
    before = journal(home)
    method = home / "toys" / "rival.py"
    method.write_text(method.read_text() + "\n# changed\n")
    code, said, error = bench(*words(home))
    assert (code, error) == (0, "")
    assert "Round 1:" in said
    assert len(list((home / "out/settling").glob("*.json"))) == 2
    assert before["asked"]["code"]["rival"] not in [json.loads(path.read_text())["asked"]["code"]["rival"] for path in (home / "out/settling").glob("*.json") if json.loads(path.read_text()) != before]


def test_papers_share_their_floors_and_what_is_said_names_the_paper(home, bench, rated):
    twin = home / "toys" / "toytwin"
    twin.mkdir()
    for path in (home / "toys" / "toypaper").iterdir():
        (twin / path.name).write_text(path.read_text())
    code, said, error = bench("settle", "toypaper", "toytwin", "--include", home / "toys", "--out", home / "out")
    assert (code, error) == (0, "")
    folders = [path.name for path in (home / "out/runs/faces-quick").iterdir()]
    assert len([name for name in folders if name.startswith("harmonic-")]) == 1
    assert any(name.startswith("toytwin-seed2") for name in folders)
    assert re.search(r"^ toytwin darker", said, re.MULTILINE)
    assert len(re.findall(r"^Page: ", said, re.MULTILINE)) == 2


def test_the_python_call_returns_claims_and_pages(home, rated, cache):
    made = settle("toypaper", include=home / "toys", out=home / "out", cache=cache)
    assert list(made.claims["claim"]) == ["ahead", "darker", "slower", "floors", "looks", "shapes"]
    assert set(made.claims["before"]) == {"not attempted"}
    assert made.reproductions["toypaper"].pages[0].exists()
    assert made.journal == Settling([]) if False else True
    for wrong, what in (({"variants": "brighter"}, "variants"), ({"hours": 0}, "--hours 0"), ({"seeds": 3}, "seeds")):
        with pytest.raises(UserError, match=what):
            settle("toypaper", include=home / "toys", out=home / "out", **wrong)


def test_an_altered_journal_is_told_in_one_line(home, bench, settled):
    (path,) = (home / "out/settling").glob("toypaper-*.json")
    path.write_text(path.read_text().replace('"at_once": ', '"at_once": 1'))
    code, said, error = bench(*words(home))
    assert code == 2
    assert error == f"error: {path} was altered. Delete it and rerun the command, which writes it anew.\n"


def test_plan_and_reproduce_say_the_same_of_open_claims(home, bench, rated):
    asked = ("toypaper", "--include", home / "toys", "--out", home / "out")
    code, said, error = bench("reproduce", *asked)
    assert (code, error) == (0, "")
    assert re.search(r"Open: \d claims? that more runs may answer.*: python -m bench settle toypaper", said)
    code, planned, error = bench("plan", *asked, "--cluster", "local")
    assert (code, error) == (0, ""), error
    assert re.search(r"To run: \d+ runs that may answer \d claims?", planned)


def test_on_a_queue_each_call_submits_what_is_then_missing(home, bench, rated):
    def call(*more):
        return bench(*words(home, "--cluster", "local", *more))

    code, said, error = call("--dry-run")
    assert (code, error) == (0, ""), error
    assert "JOB1" in said
    code, said, error = call()
    assert (code, error) == (0, ""), error
    assert "Submitted as" in said
    assert "the same command judges them" in said
    wait_until(lambda: bench("status", "--out", home / "out")[1].count(" done ") and "running" not in bench("status", "--out", home / "out")[1])
    assert bench("status", "--watch", "--out", home / "out")[0] == 0
    code, said, error = call()
    assert (code, error) == (0, "")
    assert "Nothing to submit" in said or "Submitted as" in said
