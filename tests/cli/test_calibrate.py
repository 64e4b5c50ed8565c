from collections import Counter

import pytest


@pytest.fixture
def outcome(monkeypatch):
    """What comes out of every trial."""

    def set_to(verdict):
        def run_trials(rows, trials, seed, hear):
            return {row.name: Counter({verdict: row.trials(trials)}) for row in rows}

        monkeypatch.setattr("bench.calibration.trials.run_trials", run_trials)

    return set_to


def test_a_table_is_written_and_says_by_what(bench, outcome, tmp_path):
    outcome("inconclusive")
    code, out, _ = bench("calibrate", "--rows", "floor-three", "--trials", 200, "--seed", 5, "--out", tmp_path / "a.md")
    assert code == 0
    assert "None of 12 rows is over by more than chance explains." in out
    told = (tmp_path / "a.md").read_text()
    assert f"`python -m bench calibrate --rows floor-three --trials 200 --seed 5 --out {tmp_path}/a.md`" in told
    assert told.count("| holds |") == 12


def test_a_rate_that_is_over_ends_with_1(bench, outcome):
    outcome("supported")
    code, out, error = bench("calibrate", "--rows", "floor-three-0.3")
    assert code == 1
    assert "1 of 1 rows are over by more than chance explains: floor-three-0.3." in out
    assert "| 100.0 [96.4, 100.0] | 0.0 [0.0, 3.6] | 0.0 [0.0, 3.6] | 0 | **supported over** |" in out
    assert not error


def test_an_unknown_row_is_refused(bench):
    code, _, error = bench("calibrate", "--rows", "flor")
    assert (code, error) == (2, "error: --rows flor: no row's name begins so. Did you mean 'floor'?\n")


def test_it_runs(bench):
    code, out, _ = bench("calibrate", "--rows", "coverage-normal-20", "--trials", 3)
    assert code == 0
    assert "## Coverage of the 95 % interval of a mean" in out
