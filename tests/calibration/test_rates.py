"""The short calibration, and rules that are broken on purpose."""

import pytest

from bench.calibration.table import Result
from bench.calibration.trials import chosen, run_trials
from bench.claims.looks import ERROR
from bench.claims.seed_spread import SeedSpread

SHORT = (
    "floor-borrowed-0.3", "floor-three-0.3", "floor-borrowed-minus-0.2", "floor-first-0.3", "pair-same-0.3",
    "pair-disjoint-0.3", "pair-borrowed-0.3", "cell-edge-borrowed-0.3", "cell-edge-three-0.3", "cell-bound-3",
    "cell-wins-0.3", "cell-trace-normal", "images-measured-50", "looks-floor-0.3", "coverage-normal-50",
)  # fmt: skip


def calibrated(names, trials):
    rows = chosen(names)
    return Result(rows, run_trials(rows, trials, 0, processes=0), trials, 0, "calibrate")


@pytest.mark.slow
def test_no_rate_is_over():
    found = calibrated(SHORT, 60)
    assert found.faults == [], found.markdown()


@pytest.mark.slow
def test_one_training_alone_decides_nothing():
    found = calibrated(["floor-alone-0.1", "cell-edge-alone-0.3"], 20)
    assert [set(outcomes) for outcomes in found.outcomes.values()] == [{"inconclusive"}] * 2


@pytest.mark.slow
def test_a_clear_lead_is_found():
    outcomes = run_trials(chosen(["power-3-1"]), 200, 0, processes=0)["power-3-1"]
    assert outcomes["supported"] >= 45


@pytest.mark.slow
def test_a_rule_that_forgets_the_seeds_is_caught(monkeypatch):
    monkeypatch.setattr("bench.claims.order.lead_spread", lambda *asked: SeedSpread())
    assert calibrated(["pair-disjoint-0.3"], 200).faults


@pytest.mark.slow
def test_looks_that_nobody_pays_for_are_caught(monkeypatch):
    monkeypatch.setattr("bench.claims.looks.LOOKS", dict.fromkeys(range(3, 13), ERROR))
    assert calibrated(["looks-trace-every"], 200).faults
