"""Several runs at a time: in which order they start, and that they give what one after the other gives."""

import signal
import subprocess
import threading
from pathlib import Path

import pytest
from invented import protocol
from queued import bench_process, results, wait_until
from toy import write_toys

from bench.data import load
from bench.methods.catalog import find
from bench.runs import rates
from bench.runs.experiment import plan
from bench.runs.meter import Spent, Tally
from bench.runs.request import Request
from bench.runs.side_by_side import Planned, Queue, at_once, longest_first
from bench.runs.side_by_side import planned as planned_of
from bench.training.device import open_fabric


def planned(home, name, *keys, steps=10):
    (home / name / "checkpoints").mkdir(parents=True)
    return Planned(None, home / name, keys, steps)


def test_a_run_waits_until_another_has_made_what_both_need(tmp_path):
    first, second = planned(tmp_path, "a", "stage", "whole a"), planned(tmp_path, "b", "stage", "whole b")
    other = planned(tmp_path, "c", "another stage", "whole c")
    queue = Queue([first, second, other])
    assert queue.take() is first
    assert queue.take() is other
    (first.folder / "checkpoints" / "stage-00-abc.pt").touch()
    assert queue.take() is second
    assert queue.take() is None


def test_a_run_that_waits_starts_when_the_other_ends_without_having_made_it(tmp_path):
    first, second = planned(tmp_path, "a", "whole"), planned(tmp_path, "b", "whole")
    queue = Queue([first, second])
    assert queue.take() is first
    found = []
    waiting = threading.Thread(target=lambda: found.append(queue.take()))
    waiting.start()
    waiting.join(0.2)
    assert not found
    queue.done(first)
    waiting.join(10)
    assert found == [second]


def test_the_last_thing_in_common_is_waited_for(tmp_path):
    first = planned(tmp_path, "a", "one", "two", "whole a")
    second = planned(tmp_path, "b", "one", "two", "whole b")
    queue = Queue([first, second])
    queue.take()
    (first.folder / "checkpoints" / "stage-00-abc.pt").touch()
    assert not queue._ready(second)
    (first.folder / "checkpoints" / "stage-01-abc.pt").touch()
    assert queue._ready(second)


def test_the_longest_known_run_starts_first_after_what_nothing_is_known_of():
    def one(name, seconds, steps=0):
        return Planned(None, Path(name), steps=steps, seconds=seconds)

    todo = [one("short", 2.0, 900), one("new floor", None), one("long floor", 70.0), one("new training", None, 300)]
    names = [planned.folder.name for planned in longest_first([*todo, one("long training", 71.0, 900)])]
    assert names == ["new training", "new floor", "long training", "long floor", "short"]


def test_a_run_is_known_by_the_rates_that_its_kind_left(tmp_path, cache):
    asked = protocol(mask_sets=("center", "random"))
    request = Request(key="mean_fill", out=tmp_path, cache=cache)
    run = plan(find()["mean_fill"], request, 0, asked, load(asked, cache), open_fabric("cpu"))
    assert planned_of(run, None).seconds is None
    name = rates.name_of("mean_fill", "quick", run.run.settings, 64)
    rates.put(tmp_path, name, "score", {"center": Tally(10, Spent(5.0, 5.0)), "random": Tally(10, Spent(10.0, 10.0))})
    assert planned_of(run, None).seconds == pytest.approx((0.5 + 1.0) * len(run.data.test.ids))


def test_processes_are_started_where_there_is_enough_to_train(monkeypatch):
    monkeypatch.setattr("bench.runs.side_by_side.cores", lambda: 4)
    assert at_once(3, 30, 0) == 1
    assert at_once(3, 600, 0) == 3
    assert at_once(9, 600, 0) == 4
    assert at_once(3, 30, 2) == 2
    assert at_once(1, 600, 8) == 1
    assert at_once(0, 0, 0) == 1


@pytest.fixture
def home(tmp_path):
    write_toys(tmp_path / "toys")
    return tmp_path


def reproduce(home, out, workers, *more):
    words = ("reproduce", "toypaper", "--include", home / "toys", "--scale", "smoke", "--workers", workers, *more)
    return bench_process(*words, "--seed", 0, "--seed", 1, "--out", home / out, OMP_NUM_THREADS="1")


@pytest.mark.slow
def test_two_at_a_time_give_the_bits_of_one_after_the_other(home):
    one, two = reproduce(home, "one", 1), reproduce(home, "two", 2)
    for process in (one, two):
        text = process.communicate(timeout=500)[0]
        assert process.returncode == 0, text
    assert "2 runs at a time" in text
    assert len(results(home / "one")) > 20
    assert results(home / "one") == results(home / "two")
    pages = [sorted((home / out / "reports").rglob("*.md")) for out in ("one", "two")]
    for path, other in zip(*pages, strict=True):
        assert path.read_text().replace(str(home / "one"), "") == other.read_text().replace(str(home / "two"), "")


def children(pid):
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in listed.stdout.split()]


def family(pid):
    return [one for child in children(pid) for one in (child, *family(child))]


def alive(pid):
    return Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split(")")[-1].split()[0]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_the_first_process_ends_all_and_the_same_command_goes_on(home, number):
    slow = ("--set", "steps=300", "--set", "rival.steps=300")
    process = reproduce(home, "out", 2, *slow)
    wait_until(lambda: list((home / "out").rglob("samples/*.png")))
    others = family(process.pid)
    assert len(others) >= 2
    process.send_signal(number)
    text = process.communicate(timeout=300)[0]
    if number != signal.SIGKILL:
        assert process.returncode == 130, text
        assert "Traceback" not in text
    wait_until(lambda: not any(alive(pid) for pid in others), seconds=120)
    again = reproduce(home, "out", 2, *slow)
    text = again.communicate(timeout=500)[0]
    assert again.returncode == 0, text


@pytest.mark.slow
def test_what_one_run_refuses_ends_the_command_with_its_line(home):
    (home / "toys" / "rival.py").write_text(
        (home / "toys" / "rival.py").read_text().replace("loss = ((", "loss = float('nan') * ((")
    )
    process = reproduce(home, "out", 2)
    text = process.communicate(timeout=300)[0]
    assert process.returncode == 2, text
    assert "error: Training stopped: loss is nan at step 0 of stage 'first'" in text
    assert "Traceback" not in text
