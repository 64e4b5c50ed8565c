"""What a plan says that runs will take, against what they then took, in processor time: no other work changes that."""

import re
from pathlib import Path

import pytest
import torch
from rich.console import Console

from bench.cluster import calibrate as calibration
from bench.cluster.calibrate import calibrate
from bench.cluster.campaign import campaign, make_plan
from bench.cluster.estimate import Estimate
from bench.cluster.profile import Placement
from bench.data import load
from bench.data.protocol import ProtocolOverrides, protocols
from bench.metrics import score
from bench.runs import rates
from bench.runs.meter import Spent, Tally
from bench.runs.request import Request

METHOD = Path(__file__).parent / "burner.py"
LIGHT, HEAVY, IMAGE = 0.01, 0.05, 0.02
"""The burner's seconds of a step and an image."""
SETS = ("center", "random", "irregular")


@pytest.fixture(autouse=True)
def _one_thread():
    """Threads that wait for each other burn processor time, the more the busier the machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True, scope="module")
def _compiled():
    """Scores are summed by kernels that the first one of a machine compiles."""
    picture = torch.zeros(1, 3, 64, 64, dtype=torch.uint8)
    score(picture, picture, torch.ones(1, 1, 64, 64, dtype=torch.bool), picture, truncated=picture)


@pytest.fixture
def faces(cache):
    load(protocols("smoke", ProtocolOverrides())[0], cache)
    return cache


@pytest.fixture
def asked(faces, tmp_path):
    """A campaign of the burner under `tmp_path`/out."""

    def make(**more):
        request = {"scale": "smoke", "include": METHOD, "out": tmp_path / "out", "cache": faces, "seeds": (0,)} | more
        return campaign([Request.of("burner", **request)], Placement(), direct=True)

    return make


def planned(asked):
    return make_plan(asked, Console(quiet=True))


def known(plan, **kinds):
    """Rates of every run in a plan: kind -> name -> seconds."""
    for one in plan.runs_to_do:
        for kind, each in kinds.items():
            tallies = {name: Tally(1, Spent(seconds, seconds)) for name, seconds in each.items()}
            rates.put(plan.campaign.out, one.task.rate_name, kind, tallies)


def recorded(plan):
    (task,) = {one.task.rate_name for one in plan.tasks if one.task.kind == "run"}
    return rates.find(plan.campaign.out, task)


TRAIN = {"light": 1.0, "heavy": 10.0}
SCORE = {"center": 1.0, "random": 2.0, "irregular": 3.0}


def test_stages_mask_sets_spot_check_and_the_rest_are_summed_up(asked):
    plan = planned(asked())
    assert Estimate(plan).of(plan.runs_to_do[0]) is None
    known(plan, train=TRAIN, score=SCORE, rest={"run": 7.0})
    cost = Estimate(plan).of(plan.runs_to_do[0])
    assert cost.training == Spent(20 * 1.0 + 10 * 10.0, 120.0)
    assert cost.scoring.cpu == pytest.approx(6 * (1.0 + 2.0 + 3.0) + 6 * 2.0 + 7.0)  # six images filled again


def test_a_training_that_runs_share_counts_once(asked):
    """A variant by a setting that no training depends on, and the same with another seed."""
    requests = [asked(seeds=(0, 1)).request, asked(seeds=(0, 1), changes={"image": 0.5}).request]
    plan = planned(campaign(requests, Placement(), direct=True))
    assert len(plan.runs_to_do) == 4
    known(plan, train=TRAIN, score=SCORE)
    estimate = Estimate(plan)
    trained = [estimate.of(one).training.cpu for one in plan.runs_to_do]
    assert sorted(trained) == [0.0, 0.0, 120.0, 120.0]
    assert estimate.seconds()["training"] == 240.0


def test_a_stage_that_runs_share_counts_once_where_one_command_makes_them(asked):
    requests = [asked().request, asked(changes={"heavy": 0.06}).request]
    for direct, training in ((True, [120.0, 100.0]), (False, [120.0, 120.0])):
        plan = planned(campaign(requests, Placement(), direct=direct))
        known(plan, train=TRAIN, score=SCORE)
        assert [Estimate(plan).of(one).training.cpu for one in plan.runs_to_do] == training


def test_probes_count_as_so_many_fills_until_they_have_been_made(asked, monkeypatch):
    monkeypatch.setattr(
        "bench.runs.worklist.scale_protocols",
        lambda *_: protocols("smoke", ProtocolOverrides(probes=["repeat", "best_of"], probe_images=4)),
    )
    plan = planned(asked())
    known(plan, train=TRAIN, score=dict.fromkeys(SETS, 1.0))
    assert Estimate(plan).of(plan.runs_to_do[0]).scoring.cpu == 6 * 3 + 6 + 4 * (4 + 10)
    known(plan, probe={"repeat": 2.0, "best_of": 5.0})
    assert Estimate(plan).of(plan.runs_to_do[0]).scoring.cpu == 6 * 3 + 6 + 4 * (2 + 5)


def test_packing_counts_where_nobody_has_packed(asked, tmp_path):
    plan = planned(asked(cache=tmp_path / "empty"))
    (pack,) = [one for one in plan.to_do if one.task.kind == "data"]
    assert pack.images == {"image": 46}  # of 48 images two are for validation
    known(plan, train=TRAIN, score=SCORE)
    assert Estimate(plan).seconds()["packing"] == 0
    rates.put(plan.campaign.out, pack.task.rate_name, "pack", {"image": Tally(1, Spent(0.5, 0.5))})
    assert Estimate(plan).seconds()["packing"] == 23.0


def test_each_process_has_to_load_its_libraries(asked):
    plan = planned(asked(seeds=(0, 1)))
    rates.put(plan.campaign.out, rates.START, "start", {"process": Tally(1, Spent(3.0, 3.0))})
    assert Estimate(plan).seconds()["starting processes"] == 6.0
    queued = planned(campaign(plan.campaign.requests, Placement(workers=1)))
    # A training, an evaluation and its spot check for each of two runs.
    assert Estimate(queued).seconds()["starting processes"] == 18.0


def test_a_run_leaves_its_rates_and_the_plan_what_is_left_of_it(asked, bench, tmp_path):
    """Stopped after a step, resumed, scored: rates are those of the work; then nothing is left."""
    words = ["burner", "--include", METHOD, "--scale", "smoke", "--out", tmp_path / "out"]
    assert bench("train", *words, "--minutes", 0)[0] == 0
    plan = planned(asked())
    assert plan.runs_to_do[0].steps == {"light": 19, "heavy": 10}
    assert bench("train", *words)[0] == 0
    plan = planned(asked())
    assert plan.runs_to_do[0].steps == {}
    paces = recorded(plan).recorded["train"]
    assert paces["heavy"].count == 10
    assert LIGHT <= paces["light"].cpu < LIGHT + 0.05
    assert HEAVY <= paces["heavy"].cpu < HEAVY + 0.05
    assert bench("evaluate", *words)[0] == 0
    plan = planned(asked())
    assert not plan.runs_to_do
    scored = recorded(plan).recorded["score"]
    assert set(scored) == set(SETS)
    assert all(IMAGE <= pace.cpu < IMAGE + 0.1 for pace in scored.values())
    before = {path: path.read_bytes() for path in (tmp_path / "out" / "rates").iterdir()}
    # A run that takes these networks and one that finds its record add nothing.
    assert bench("evaluate", *words)[0] == 0
    assert {path: path.read_bytes() for path in (tmp_path / "out" / "rates").iterdir()} == before


def test_a_twin_s_networks_are_no_steps(asked, bench, tmp_path):
    words = ["burner", "--include", METHOD, "--scale", "smoke", "--out", tmp_path / "out"]
    assert bench("train", *words, "--set", "steps=2")[0] == 0
    before = len(list((tmp_path / "out" / "rates").iterdir()))
    assert bench("train", *words, "--set", "steps=2", "--set", "image=0.001")[0] == 0
    assert len(list((tmp_path / "out" / "rates").iterdir())) == before


@pytest.mark.slow
def test_what_is_calibrated_is_what_the_run_takes(asked, bench, tmp_path):
    """Both within half of each other, in processor time, whatever else this machine does."""
    plan = planned(asked())
    made = calibrate([one.task for one in Estimate(plan).unknown()], plan.campaign.out)
    assert made.trouble == {}
    estimate = Estimate(plan).of(plan.runs_to_do[0])
    assert Estimate(plan).unknown() == []
    assert str(recorded(plan)).startswith("calibrated on CPU")
    words = ["burner", "--include", METHOD, "--scale", "smoke", "--out", tmp_path / "out"]
    assert bench("evaluate", *words)[0] == 0
    real = recorded(plan)
    training = sum(pace.cpu * pace.count for pace in real.recorded["train"].values())
    scoring = sum(pace.cpu * pace.count for pace in real.recorded["score"].values())
    assert estimate.training.cpu == pytest.approx(training, rel=0.5)
    assert 20 * LIGHT + 10 * HEAVY <= estimate.training.cpu < 2.0
    spot_check = 6 * IMAGE
    assert estimate.scoring.cpu - spot_check == pytest.approx(scoring, rel=0.5)


def answer(monkeypatch, wall, cpu):
    """A calibration that took so long, in place of the other process."""
    lines = ['["CPU", {"start": {"process": [1, 2.0, 2.0]}}]']
    kinds = '{"train": {"light": [20, %f, %f], "heavy": [10, %f, %f]}, "score": {"center": [6, %f, %f]}}'
    lines.append(f'["CPU", {kinds % ((wall, cpu) * 3)}]')
    monkeypatch.setattr(calibration, "_lines", lambda tasks: (lines[: 1 + len(tasks)], ""))


@pytest.mark.parametrize(("wall", "busy"), [(10.0, False), (500.0, True)])
def test_a_busy_machine_is_told_and_moves_no_estimate(faces, bench, tmp_path, monkeypatch, wall, busy):
    answer(monkeypatch, wall, cpu=10.0)
    words = ("burner", "--include", METHOD, "--scale", "smoke", "--cluster", "local", "--out", tmp_path)
    code, out, err = bench("plan", *words, "--workers", 1)
    assert code == 0, err
    assert ("This machine is busy" in out) == busy
    assert ("the calibration got 2 % of one processor" in out) == busy
    assert ("calibrated on CPU (it was busy)" in out) == busy
    # 10 s for each stage; 3 mask sets of 10 s and as much again for the spot check's third; 3 starts of 2 s.
    found = re.search(r"Estimate: [\d.]+ CPU-hours \((\d+) s\) for 1 runs", out)
    assert int(found[1]) == 10 + 10 + 3 * 10 + 10 + 3 * 2


def test_a_method_that_ends_the_calibration_is_named_and_the_others_are_measured(asked, monkeypatch):
    replies = iter([(['["CPU", {"start": {"process": [1, 2.0, 2.0]}}]'], "Killed"), ([], "no torch here")])
    monkeypatch.setattr(calibration, "_lines", lambda tasks: next(replies))
    tasks = [one.task for one in planned(asked(seeds=(0,))).runs_to_do]
    made = calibrate([*tasks, *tasks], tasks[0].request.out)
    assert set(made.trouble.values()) == {"no torch here"}
    assert made.share == 1.0
