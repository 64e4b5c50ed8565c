"""The whole path on each device: train, resume, evaluate, spot check, record; in bfloat16; by two processes."""

import csv
import json

import pytest
from cards import DEVICES, PAIRS, close
from queued import bench_process

WORDS = ("fang2021", "--scale", "smoke", "--data", "faces", "--masks", "center")
"""Two stages, a penalty on a gradient, attention."""


@pytest.fixture(scope="module", params=DEVICES)
def device(request):
    return request.param


@pytest.fixture
def run(bench, tmp_path):
    """Call a verb on fang2021 with its folder's name first; the run's folder, and what was printed."""

    def call(name, verb, *words):
        code, printed, error = bench(verb, *WORDS, *words, "--out", tmp_path / name)
        assert code == 0, error
        (found,) = {path.parent for path in (tmp_path / name).rglob("run.json")}
        return found, printed

    return call


def record(folder):
    return json.loads((folder / "record.json").read_text())


def events(folder):
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def losses(folder):
    """Value by stage, step and name."""
    with (folder / "scalars.csv").open() as file:
        return {tuple(row[:3]): float(row[3]) for row in list(csv.reader(file))[1:]}


def psnr(folder):
    with (folder / "scores.csv").open() as file:
        return [float(row["psnr"]) for row in csv.DictReader(file)]


def test_a_training_stopped_after_every_step_gives_the_record_of_a_straight_one(device, run):
    straight, _ = run("straight", "evaluate", "--device", device)
    for _ in range(2):
        pieces, _ = run("pieces", "train", "--device", device, "--minutes", 0)
        assert not (pieces / "record.json").exists()
    pieces, _ = run("pieces", "evaluate", "--device", device)
    assert [(one["stage"], one["step"]) for one in events(pieces) if one["event"] == "resumed"] == [(0, 1), (0, 2)]
    assert losses(pieces).keys() == losses(straight).keys()
    first = next(iter(losses(straight)))
    assert close(device, losses(pieces)[first], losses(straight)[first], 1e-4)
    assert close(device, psnr(pieces), psnr(straight), 0.02)
    for one in (straight, pieces):
        found = record(one)
        assert found["hardware"]["device"] == device
        assert bool(found["hardware"]["gpu"]) == (device == "cuda")
        assert found["spot_check"]["images"] > 0
        assert found["spot_check"]["different"] == 0
        assert len(psnr(one)) == found["mask_sets"]["center"]["count"]
        assert min(psnr(one)) > 5
    assert record(pieces)["run"]["settings"] == record(straight)["run"]["settings"]


def test_bfloat16_trains_scores_and_moves_numbers_a_little(device, run):
    plain, _ = run("plain", "evaluate", "--device", device)
    half, _ = run("half", "evaluate", "--device", device, "--set", "precision=bf16")
    assert plain.name != half.name
    assert record(half)["run"]["settings"]["precision"] == "bf16"
    first = next(iter(losses(plain)))
    assert losses(half)[first] != losses(plain)[first]
    assert losses(half)[first] == pytest.approx(losses(plain)[first], rel=0.02)
    assert record(half)["spot_check"]["different"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("device", PAIRS, scope="function")
def test_two_processes_train_on_a_device_each_as_one_does(device, run, cache, tmp_path):
    words = ("train", *WORDS, "--device", device, "--seed", 3, "--processes", 2, "--out", tmp_path / "both")
    both = bench_process(*words, INPAINT_BENCH_CACHE=str(cache), OMP_NUM_THREADS="1")
    alone, _ = run("alone", "train", "--device", device, "--seed", 3)
    said = both.communicate(timeout=240)[0]
    assert both.returncode == 0, said
    both, _ = run("both", "evaluate", "--device", device, "--seed", 3)
    assert losses(both) == pytest.approx(losses(alone), rel=1e-3, abs=1e-4)
    assert [one["event"] for one in events(both)].count("trained") == 1
    assert record(both)["training"]["processes"] == [2]
    assert record(both)["spot_check"]["different"] == 0
