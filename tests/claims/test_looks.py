"""Looking several times, at several mask sets, for several claims: each is paid for."""

import numpy as np
import pytest
from docket import FLOORS, IMAGES, NOISE, paper, thrice
from scipy.stats import t as student

from bench.claims import Verdict, judge
from bench.claims.contenders import contenders
from bench.claims.looks import ERROR, LOOKS, UNTRAINED, later, look, p_value, tail
from bench.claims.statistics import least_tail


def order(**changes):
    said = {"id": "o", "section": "1", "statement": "better", "kind": "order", "better": "variant:default"}
    return said | {"worse": "best floor", "metric": "psnr", "mask_sets": ["center"], "margin": 0.1} | changes


def finding(records, **changes):
    (found,) = judge(paper(order(**changes)), "p", records, FLOORS)
    return found


def seeds(make, shifts, method="p", variant="default", first=0):
    return [make(method, IMAGES + shift, variant, seed=first + place) for place, shift in enumerate(shifts)]


def test_the_looks_together_spend_the_error():
    assert sum(LOOKS.values()) == pytest.approx(ERROR)
    assert [look(count) for count in (0, 1, 2, 3, 4, 7, 8, 40)] == [0, 1, 1, 3, 3, 5, 8, 12]
    assert (tail(0), tail(4), tail(5)) == (UNTRAINED, LOOKS[3], LOOKS[5])
    assert (later(0), later(4), later(12)) == ([3, 5, 8, 12], [5, 8, 12], [])


def test_a_p_value_is_at_most_the_error_where_its_look_decides():
    for count in (0, 1, 3, 12):
        assert p_value(tail(count), count) == pytest.approx(ERROR)
        assert p_value(1.01 * tail(count), count) > ERROR


def test_the_least_tail_that_decides_is_found():
    assert least_tail(lambda tail: tail >= 0.0123) == pytest.approx(0.0123, abs=1e-6)
    assert least_tail(lambda tail: False) == 0.5


def test_trainings_between_two_looks_wait_for_the_next(make):
    floor = make("flat", IMAGES)
    three = finding([*seeds(make, (1.0, 1.1, 0.9)), floor])
    four = finding([*seeds(make, (1.0, 1.1, 0.9, -8.0)), floor])
    assert (four.verdict, four.measured, four.p) == (three.verdict, three.measured, three.p)
    five = finding([*seeds(make, (1.0, 1.1, 0.9, -8.0, 1.0)), floor])
    assert five.verdict == Verdict.INCONCLUSIVE
    assert "5 seeds" in five.why


def test_two_sides_are_compared_with_as_many_trainings_each(make):
    ours, theirs = seeds(make, (1.0, 1.1, 0.9, 1.0, 1.0)), seeds(make, (0.0, 0.1, -0.1), variant="other", first=2)
    found = finding([*ours, *theirs], worse="variant:other")
    # those that both have come first: seeds 2, 3 and 4 of both, which pair
    gains = np.subtract((0.9, 1.0, 1.0), (0.0, 0.1, -0.1))
    half_width = student.isf(LOOKS[3], 2) * gains.std(ddof=1) / np.sqrt(3)
    assert f"[{gains.mean() - half_width:.3f}, {gains.mean() + half_width:.3f}]" in found.measured[0].text


def test_one_seed_against_three_borrows_the_spread_of_the_three(make):
    records = [*seeds(make, (1.0, 1.1, 0.9)), make("p", IMAGES, "other")]
    found = finding(records, worse="variant:other")
    assert "1 seed; seed spread borrowed from p (3 seeds): " in found.why


def test_the_first_trainings_are_by_seed(make):
    (one,) = contenders(seeds(make, (0.0, 1.0, 2.0, 3.0)))
    assert [record.run.seed for record in one.first(2).records] == [0, 1]
    assert [record.run.seed for record in one.first(2, {(3, one.processors[0])}).records] == [0, 3]
    assert one.first(9) is one


def test_each_of_several_mask_sets_may_contradict_with_its_share_of_the_error_only(make):
    step = 0.2
    shifts = [-1.0 + step * place for place in (-1, 0, 1)]
    half = {parts: student.isf(LOOKS[3] / parts, 2) * step / np.sqrt(3) for parts in (1, 2)}
    middle = -0.1 - (half[1] + half[2]) / 2  # beyond the margin at the whole error, not at half of it
    records = [make("p", IMAGES + middle + 1 + shift, seed=seed) for seed, shift in enumerate(shifts)]
    records.append(make("flat", IMAGES))
    assert finding(records).verdict == Verdict.CONTRADICTED
    both = finding(records, mask_sets=["center", "random"])
    assert both.verdict == Verdict.INCONCLUSIVE
    assert "not clearly enough for one of 2 mask sets" in both.why
    assert both.seeds == 5


def test_what_is_decided_has_a_p_value_and_what_is_weighed_alone_has_one(make):
    claims = [order(), order(id="two", margin=0.999), {**order(id="lone"), "worse": "variant:other"}]
    records = [*thrice(make, IMAGES + 1 + 0.1 * NOISE), make("flat", IMAGES)]
    decided, open_, unrun = judge(paper(*claims), "p", records, FLOORS)
    assert decided.verdict == Verdict.SUPPORTED
    assert 0 < decided.p <= ERROR
    assert (open_.verdict, open_.p) == (Verdict.INCONCLUSIVE, 1.0)
    assert (unrun.p, unrun.p_together, unrun.seeds) == (None, None, 3)
    # Holm: the smallest of two counts twice
    assert decided.p_together == pytest.approx(2 * decided.p)
    assert open_.p_together == 1.0


def test_the_p_value_is_that_of_students_t_where_seeds_are_all_that_varies(make):
    values = (0.7, 0.8, 0.72)
    found = finding([*seeds(make, values), make("flat", IMAGES)])
    least = student.sf((np.mean(values) - 0.1) / (np.std(values, ddof=1) / np.sqrt(3)), 2)
    assert found.p == pytest.approx(least * ERROR / LOOKS[3], rel=1e-3)
