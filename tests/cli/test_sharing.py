"""Runs that differ only in what comes after the training share it, and nobody can tell from the records."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from bench.runs import cached_training as shared
from bench.util import files

KEPT = ("record.json", "scores.csv", "scalars.csv", "*.npy", "trained-*.pt", "*.png")


@pytest.fixture
def toy(bench, toys, tmp_path):
    """Call a verb on the toy paper at smoke scale, and expect it to succeed; what it printed."""

    def call(verb, *words, out=tmp_path / "out"):
        code, printed, error = bench(verb, "toypaper", "--scale", "smoke", "--include", toys, "--out", out, *words)
        assert code == 0, error
        return printed

    return call


def folder(out, *marks):
    (found,) = [path for path in (out / "runs").glob("*/toypaper*") if all(mark in path.name for mark in marks)]
    return found


def events(run):
    return [json.loads(line)["event"] for line in (run / "events.jsonl").read_text().splitlines()]


def results(run):
    return {path.relative_to(run): path.read_bytes() for pattern in KEPT for path in run.rglob(pattern)}


def test_a_variant_of_what_comes_after_takes_the_networks_and_ends_with_the_bits_of_its_own_training(toy, tmp_path):
    alone, both = tmp_path / "alone", tmp_path / "both"
    toy("evaluate", "--variant", "brighter", out=alone)
    toy("evaluate", out=both)
    printed = toy("evaluate", "--variant", "brighter", out=both)
    name = folder(both, "toypaper-seed0").name
    assert f"train toypaper (brighter): skipped, reusing the networks of {name}" in printed
    run = folder(both, "+brighter")
    assert events(run) == ["started", "networks taken", "record written"]
    assert "trained" in events(folder(alone, "+brighter"))
    assert results(run) == results(folder(alone, "+brighter"))
    first = folder(both, "toypaper-seed0")
    assert (first / "scores.csv").read_bytes() != (run / "scores.csv").read_bytes()
    assert json.loads((run / "run.json").read_text())["settings"]["brightness"] == 0.1


def test_other_holes_share_and_other_trainings_do_not(toy, tmp_path):
    toy("train")
    toy("train", "--masks", "irregular")
    for words in (["--variant", "faster"], ["--seed", "1"], ["--set", "steps=5"]):
        toy("train", *words)
    taken = [run for run in (tmp_path / "out" / "runs").glob("*/*") if "networks taken" in events(run)]
    assert len(list((tmp_path / "out" / "runs").glob("*/*"))) == 5
    assert len(taken) == 1
    assert json.loads((taken[0] / "run.json").read_text())["protocol"]["mask_sets"] == ["irregular"]


def test_force_trains_that_run_itself(toy, tmp_path):
    toy("evaluate")
    toy("evaluate", "--variant", "brighter", "--force")
    run = folder(tmp_path / "out", "+brighter")
    assert "networks taken" not in events(run)
    before = results(run)
    toy("evaluate", "--variant", "brighter", "--force")
    assert events(run).count("trained") == 2
    assert results(run) == before


def test_a_damaged_twin_is_no_twin(toy, tmp_path):
    toy("train")
    (networks,) = folder(tmp_path / "out", "toypaper-seed0").glob("checkpoints/trained-*.pt")
    content = bytearray(networks.read_bytes())
    content[len(content) // 2] ^= 1
    networks.write_bytes(content)
    toy("train", "--variant", "brighter")
    run = folder(tmp_path / "out", "+brighter")
    assert "networks taken" not in events(run)
    assert next(run.glob("checkpoints/trained-*.pt")).name == networks.name


def test_an_unfinished_training_is_given_up_for_a_finished_one(toy, tmp_path):
    toy("train", "--variant", "brighter", "--minutes", "0")
    run = folder(tmp_path / "out", "+brighter")
    assert list(run.glob("checkpoints/step-*.pt"))
    toy("train")
    toy("train", "--variant", "brighter")
    assert events(run)[-1] == "networks taken"
    assert [path.name.split("-")[0] for path in (run / "checkpoints").iterdir()] == ["trained"]


@pytest.mark.parametrize("part", ["scalars", "second-", "trained-"])
def test_killed_while_it_copies_it_ends_with_the_same_bits(toy, tmp_path, monkeypatch, part):
    toy("evaluate")
    toy("evaluate", "--variant", "brighter")
    run = folder(tmp_path / "out", "+brighter")
    whole, undisturbed = files.whole, results(run)

    class KilledError(Exception):
        pass

    def dies(path):
        if path.name.startswith(part):
            raise KilledError
        return whole(path)

    monkeypatch.setattr(shared, "whole", dies)
    for name in ("record.json", "scores.csv", "scalars.csv"):
        (run / name).unlink()
    for path in [*run.glob("checkpoints/*"), *run.glob("predictions/*"), *run.glob("samples/*")]:
        path.unlink()
    with pytest.raises(KilledError):
        toy("evaluate", "--variant", "brighter")
    assert not list(run.glob("checkpoints/trained-*"))
    monkeypatch.setattr(shared, "whole", whole)
    toy("evaluate", "--variant", "brighter")
    assert results(run) == undisturbed


def test_the_second_of_two_processes_waits_and_says_where_the_first_works(toy, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "WAIT_SECONDS", 0.01)
    toy("evaluate")
    run = folder(tmp_path / "out", "toypaper-seed0")
    (run / "record.json").unlink()
    with (run / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        release = threading.Timer(0.5, lambda: fcntl.flock(file, fcntl.LOCK_UN))
        release.start()
        started = time.monotonic()
        printed = toy("evaluate")
        assert time.monotonic() - started > 0.4
    assert printed.count(f"Waiting: another process is working in {run}") == 1
    assert (run / "record.json").exists()


def test_an_interrupt_ends_the_wait(bench, toys, toy, tmp_path, monkeypatch):
    toy("train")
    run = folder(tmp_path / "out", "toypaper-seed0")

    def interrupted(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.time, "sleep", interrupted)
    with (run / ".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        words = ("--scale", "smoke", "--include", toys, "--out", tmp_path / "out")
        code, _, error = bench("train", "toypaper", *words)
    assert code == 130
    assert error == f"stopped waiting for the other process in {run}. Rerun the command to resume.\n"


@pytest.mark.slow
def test_the_same_training_under_way_elsewhere_is_waited_for(toy, toys, cache, tmp_path, monkeypatch):
    out = tmp_path / "out"
    words = [sys.executable, "-m", "bench", "train", "toypaper", "--scale", "smoke", "--include", toys, "--out", out]
    environment = os.environ | {"INPAINT_BENCH_CACHE": str(cache)}
    other = subprocess.Popen([*map(str, words), "--set", "steps=40"], env=environment, stdout=subprocess.DEVNULL)
    while not any(path.read_text() for path in (out / ".locks").glob("training-*")):
        time.sleep(0.001)
        assert other.poll() is None
    other.send_signal(signal.SIGSTOP)  # in its training
    sleep = time.sleep

    def waits(seconds):
        other.send_signal(signal.SIGCONT)
        sleep(0.01)

    monkeypatch.setattr(files.time, "sleep", waits)
    printed = toy("train", "--variant", "brighter", "--set", "steps=40")
    assert other.wait() == 0
    assert f"Waiting: another process is working in {folder(out, 'toypaper+default')}" in printed
    assert events(folder(out, "toypaper+default"))[-1] == "trained"
    assert events(folder(out, "+brighter")) == ["started", "networks taken"]
