from collections import Counter

import pytest
from scipy.stats import beta, binom

from bench.calibration.rows import ABOVE, BELOW, CONTRADICTED, COVERED, NO_DIFFERENCE, SUPPORTED
from bench.calibration.table import Rate, Result
from bench.calibration.trials import chosen


def result(**outcomes):
    rows = chosen([name.replace("_", "-") for name in outcomes])
    found = {name.replace("_", "-"): Counter(one) for name, one in outcomes.items()}
    return Result(rows, found, 1000, 0, "python -m bench calibrate")


@pytest.mark.parametrize("trials", [100, 1000])
def test_a_rate_is_over_where_chance_would_hardly_show_it(trials):
    most = int(binom.ppf(0.999, trials, 0.05))
    assert not Rate(most, trials).over(0.05)
    assert Rate(most + 1, trials).over(0.05)


def test_a_rate_is_told_with_its_interval():
    low, high = beta.ppf(0.025, 30, 971), beta.ppf(0.975, 31, 970)
    assert str(Rate(30, 1000)) == f"3.0 [{100 * low:.1f}, {100 * high:.1f}]"
    assert str(Rate(0, 10)) == "0.0 [0.0, 30.8]"


def test_each_false_verdict_has_its_own_5_percent():
    found = result(floor_first={})
    row = found.rows[0]
    for counts, words in [
        ({SUPPORTED: 30, CONTRADICTED: 30}, "holds"),
        ({SUPPORTED: 45, CONTRADICTED: 60}, "not over"),
        ({SUPPORTED: 90, CONTRADICTED: 10, NO_DIFFERENCE: 80}, "**supported and no difference over**"),
    ]:
        told = Result([row], {row.name: Counter(counts | {"inconclusive": 1000 - sum(counts.values())})}, 1000, 0, "c")
        assert told.judge(row) == words
        assert told.faults == ([row] if "over**" in words else [])


def test_what_is_right_is_no_fault():
    found = result(floor_three_equal={})
    row = found.rows[0]
    told = Result([row], {row.name: Counter({NO_DIFFERENCE: 1000})}, 1000, 0, "c")
    assert told.judge(row) == "holds"
    assert "| – | 0 | holds |" in told.markdown()


def test_coverage_may_be_93_to_97_percent():
    (row,) = chosen(["coverage-normal-50"])
    for covered, words in [(950, "holds"), (925, "not clearly outside"), (880, "**too low**"), (995, "**too high**")]:
        outcomes = {row.name: Counter({COVERED: covered, BELOW: 1000 - covered, ABOVE: 0})}
        assert Result([row], outcomes, 1000, 0, "c").judge(row) == words


def test_a_broken_assumption_is_shown_and_no_fault():
    (row,) = chosen(["beyond-lender-half"])
    told = Result([row], {row.name: Counter({SUPPORTED: 500, "inconclusive": 500})}, 1000, 0, "c")
    assert told.judge(row) == "supported over; the rule assumes lenders that are alike"
    assert not told.faults


def test_the_page_has_every_row_and_the_power_curves():
    rows = chosen([])
    told = Result(rows, {row.name: Counter({SUPPORTED: 3, "inconclusive": 7}) for row in rows}, 10, 0, "c").markdown()
    for row in rows:
        assert row.kind == "power" or f"(`{row.name}`)" in told
    assert told.count("| 30 | 30 | 30 | 30 | 30 | 30 | 30 | 30 |") == 4
