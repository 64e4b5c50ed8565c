import math

import numpy as np
import pytest
from docket import FLOORS, IMAGES, recorder
from kept import altered
from scipy.stats import t as student
from scipy.stats import ttest_ind

from bench.claims.contenders import contenders
from bench.claims.seed_spread import lead_spread
from bench.metrics.definitions import DEFINITIONS

PSNR = DEFINITIONS["psnr"]
OURS, THEIRS = (0.4, -0.1, 0.3), (0.2, 0.9, -0.7)


@pytest.fixture
def make(tmp_path):
    return recorder(tmp_path)


def runs(make, method, shifts, variant="default", first=0):
    return [make(method, IMAGES + shift, variant, seed=first + place) for place, shift in enumerate(shifts)]


def on(record, cpu):
    return altered(record, hardware=record.content.hardware.model_copy(update={"cpu": cpu, "gpu": None}))


def spread(records, better, worse, lend=True):
    field = {one.name: one for one in contenders(records)}
    return lead_spread(field[better], field[worse], "center", PSNR, FLOORS, list(field.values()) if lend else ())


def half_width(values):
    return student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values))


def test_a_floor_has_no_spread_on_whichever_side(make):
    records = [*runs(make, "p", OURS), make("flat", IMAGES), make("smooth", IMAGES)]
    for sides in (("p", "flat"), ("flat", "p")):
        found = spread(records, *sides)
        assert found.half_width() == pytest.approx(half_width(OURS))
        assert found.deviation == pytest.approx(np.std(OURS, ddof=1))
        assert found.trainings == 3
    assert spread(records, "flat", "smooth").half_width() == 0.0


def test_the_same_seeds_are_paired(make):
    found = spread(runs(make, "p", OURS) + runs(make, "rival", THEIRS), "p", "rival")
    assert found.half_width() == pytest.approx(half_width(np.subtract(OURS, THEIRS)))


@pytest.mark.parametrize("first", [3, 1])
def test_other_seeds_add_their_variances_as_welch_does(make, first):
    records = runs(make, "p", OURS) + runs(make, "rival", (*THEIRS, 0.1), first=first)
    welch = ttest_ind(OURS, (*THEIRS, 0.1), equal_var=False).confidence_interval()
    assert spread(records, "p", "rival").half_width() == pytest.approx((welch.high - welch.low) / 2)


def test_too_few_seeds_borrow_from_the_nearest(make):
    one, floor = make("p", IMAGES, "small"), make("flat", IMAGES)
    far, near = runs(make, "rival", THEIRS), runs(make, "p", OURS, "other")
    found = spread([one, floor, *far, *near], "p (small)", "flat")
    assert found.half_width() == pytest.approx(student.ppf(0.975, 2) * np.std(OURS, ddof=1))
    assert [lender.name for lender in found.lenders] == ["p (other)"]
    assert found.trainings == 1
    assert [lender.name for lender in spread([one, floor, *far], "p (small)", "flat").lenders] == ["rival"]


def test_two_runs_of_a_borrower_are_averaged(make):
    records = [*runs(make, "p", OURS), *runs(make, "p", (0.0, 9.0), "small"), make("flat", IMAGES)]
    expected = student.ppf(0.975, 2) * np.std(OURS, ddof=1) / math.sqrt(2)
    assert spread(records, "p (small)", "flat").half_width() == pytest.approx(expected)


def test_nobody_lends_who_has_too_few_or_trains_nothing(make):
    records = [make("p", IMAGES), *runs(make, "rival", (0.0, 0.3)), *runs(make, "flat", THEIRS)]
    found = spread(records, "p", "flat")
    assert (found.known, found.parts, found.lenders) == (False, None, ())
    assert not spread(records + runs(make, "p", OURS, "other"), "p", "flat", lend=False).known


def test_two_sides_on_one_estimate_count_its_degrees_of_freedom_once(make):
    records = [make("p", IMAGES), make("p", IMAGES, "small"), *runs(make, "rival", OURS)]
    expected = student.ppf(0.975, 2) * np.std(OURS, ddof=1)
    assert spread(records, "p", "p (small)").half_width() == pytest.approx(expected * math.sqrt(2))
    assert spread(records, "p", "rival").half_width() == pytest.approx(expected * math.sqrt(1 + 1 / 3))


def test_another_processor_is_another_training(make):
    shifts = {"A": 0.4, "B": -0.1, "C": 0.3}
    records = [on(make("p", IMAGES + shift), cpu) for cpu, shift in shifts.items()]
    for place, record in enumerate(records):  # one folder holds one run of a key
        record.__dict__["scores"] = make("p", IMAGES + list(shifts.values())[place]).scores
    found = spread([*records, make("flat", IMAGES)], "p", "flat")
    assert found.trainings == 3
    assert found.half_width() == pytest.approx(half_width(OURS))


def test_infinite_images_are_left_out_of_every_seed(make):
    exact = IMAGES.copy()
    exact[:50] = np.inf
    records = [make("p", exact + 0.4), make("p", IMAGES - 0.1, seed=1), make("p", IMAGES + 0.3, seed=2)]
    assert spread([*records, make("flat", IMAGES)], "p", "flat").half_width() == pytest.approx(half_width(OURS))
