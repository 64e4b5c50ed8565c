import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kept import content
from scipy.stats import binom
from scipy.stats import t as student

from bench.claims.statistics import Interval, images_needed, mean_interval, number, paired_interval, pool
from bench.data.protocol import Protocol
from bench.runs.records import Record, Run
from bench.util.files import sha256

VALUES = st.lists(st.floats(-50, 50, allow_nan=False), min_size=2, max_size=30)


def names(count, each=1):
    return [f"g{index // each:03d}" for index in range(count)]


def test_interval_of_many_images_is_that_of_students_t():
    values = np.random.default_rng(0).normal(20, 3, size=400)
    found = mean_interval(values, names(400))
    half_width = student.ppf(0.975, 399) * values.std(ddof=1) / 20
    assert found.mean == pytest.approx(values.mean(), rel=1e-12)
    assert found.low == pytest.approx(values.mean() - half_width, abs=0.1 * half_width)
    assert found.high == pytest.approx(values.mean() + half_width, abs=0.1 * half_width)
    assert (found.n, found.groups, found.infinite) == (400, 400, 0)


def test_interval_covers_the_true_mean_as_often_as_it_says():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        found = mean_interval(rng.normal(size=60), names(60))
        hits += found.low <= 0 <= found.high
    assert 178 <= hits <= 199  # 95 % of 200, three standard deviations either way


def test_the_interval_of_a_few_skewed_values_misses_on_neither_side_much_more_often_than_it_says():
    # A percentile interval misses a log-normal mean from below in 11 % of such cases, and this one in 6 %.
    rng = np.random.default_rng(1)
    above = below = 0
    for _ in range(400):
        found = mean_interval(rng.lognormal(0, 1, size=30), names(30))
        above, below = above + (found.low > np.exp(0.5)), below + (found.high < np.exp(0.5))
    assert above <= binom.ppf(0.999, 400, 0.025)
    assert below <= binom.ppf(0.999, 400, 0.06)


def test_a_mean_over_groups_of_unequal_size_is_a_ratio_with_its_linearised_error():
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 9, size=3000)
    values = np.concatenate([rng.normal(20 + 0.1 * size, 1, size=1).repeat(size) for size in sizes])
    found = mean_interval(values, np.repeat(names(3000), sizes))
    totals = np.add.reduceat(values, np.r_[0, sizes.cumsum()[:-1]])
    residuals = totals - found.mean * sizes
    error = np.sqrt((residuals**2).sum() * 3000 / 2999) / sizes.sum()
    assert found.high - found.mean == pytest.approx(student.ppf(0.975, 2999) * error, rel=1e-3)


def test_crops_of_one_photograph_are_not_independent():
    photographs = np.random.default_rng(2).normal(size=20)
    crops = np.repeat(photographs, 25)
    by_crop, by_photograph = mean_interval(crops, names(500)), mean_interval(crops, names(500, each=25))
    assert by_photograph.groups == 20
    ratio = (by_photograph.high - by_photograph.low) / (by_crop.high - by_crop.low)
    assert ratio == pytest.approx(5, rel=0.1)  # sqrt(25)


def test_mean_is_over_images_where_groups_differ_in_size():
    found = mean_interval([1.0, 1.0, 1.0, 5.0], ["a", "a", "a", "b"])
    assert found.mean == 2.0
    # the residuals 3 - 2 x 3 and 5 - 2 x 1: sqrt(2 x (3^2 + 3^2)) / 4 with one degree of freedom
    assert found.high - found.mean == pytest.approx(1.5 * student.ppf(0.975, 1), rel=1e-3)


def test_interval_does_not_depend_on_the_order_of_the_images():
    values, groups = [1.0, 2.0, 4.0, 8.0, 16.0], ["a", "b", "b", "c", "d"]
    assert mean_interval(values[::-1], groups[::-1]) == mean_interval(values, groups)


def test_infinite_values_are_counted_and_left_out():
    found = mean_interval([10.0, np.inf, 20.0, -np.inf], ["a", "b", "c", "d"])
    assert (found.mean, found.n, found.groups, found.infinite) == (15.0, 2, 2, 2)
    assert mean_interval([np.inf], ["a"]) == Interval(None, None, None, 0, 0, 1)


def test_one_group_has_a_mean_and_no_interval():
    found = mean_interval([1.0, 3.0], ["a", "a"])
    assert (found.mean, found.low, found.high, found.groups) == (2.0, None, None, 1)


def test_nan_and_misfits_are_refused():
    with pytest.raises(ValueError, match="1 of 2 values are NaN"):
        mean_interval([1.0, np.nan], ["a", "b"])
    with pytest.raises(ValueError, match="one group for each"):
        mean_interval([1.0, 2.0], ["a"])
    with pytest.raises(ValueError, match="pairs are needed"):
        paired_interval([1.0, 2.0], [1.0], ["a", "b"])


@settings(deadline=None, max_examples=25)
@given(VALUES)
def test_interval_holds_the_mean_and_narrows_with_the_error_allowed(values):
    found = mean_interval(values, names(len(values)))
    slack = 1e-9
    ends = [found.at(tail) for tail in (0.005, 0.025, 0.2)]
    assert [one.low for one in ends] == sorted(one.low for one in ends)
    assert [one.high for one in ends] == sorted((one.high for one in ends), reverse=True)
    assert found.low <= found.mean + slack
    assert found.mean - slack <= found.high


@settings(deadline=None, max_examples=25)
@given(VALUES, st.floats(-10, 10))
def test_a_constant_lead_is_found_whatever_the_images(values, lead):
    better = [value + lead for value in values]
    found = paired_interval(better, values, names(len(values)))
    assert found.mean == pytest.approx(lead, abs=1e-9)
    assert found.high - found.low == pytest.approx(0, abs=1e-9)


def test_pairs_with_an_infinite_side_are_left_out():
    found = paired_interval([np.inf, np.inf, 3.0, 5.0], [np.inf, 1.0, 2.0, 2.0], names(4))
    assert (found.mean, found.n, found.infinite) == (2.0, 2, 2)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-50, 50), min_size=4, max_size=40), st.integers(-500, 500))
def test_more_groups_are_needed_exactly_while_the_margin_is_inside(tenths, part):
    # Coarse numbers: a margin that is outside by less than rounding has no right answer.
    values, margin = [value / 10 for value in tenths], part / 97
    found = mean_interval(values, names(len(values)))
    needed = images_needed(found, margin)
    if found.mean == margin:
        assert needed is None
    elif found.low <= margin <= found.high:
        assert needed > found.groups
    else:
        assert needed <= found.groups


def test_the_number_needed_is_enough():
    rng = np.random.default_rng(3)
    found = mean_interval(rng.normal(0.3, 2, size=100), names(100))
    needed = images_needed(found, 0.0)
    assert needed > 100
    half_width = (found.mean - found.low) * np.sqrt(100 / needed)
    assert found.mean - half_width > 0
    assert found.mean - half_width < 0.01


def test_number_needed_is_unknown_without_an_interval():
    assert images_needed(Interval(1.0, None, None, 3, 1), 0.0) is None
    assert images_needed(Interval(1.0, 0.0, 2.0, 30, 30), 1.0) is None


def test_text():
    assert Interval(24.314, 24.02, 24.6, 9, 9).text(2, "dB") == "24.31 [24.02, 24.60] dB"
    assert Interval(-0.004, -0.1, 0.1, 9, 9).text(2, signed=True) == "0.00 [−0.10, +0.10]"
    assert Interval(1.0, None, None, 1, 1).text(1) == "1.0"
    assert Interval(None, None, None, 0, 0, 3).text() == "infinite"
    assert number(-1.25, 1) == "−1.2"


def record(folder, seed, **columns):
    count = len(next(iter(columns.values())))
    frame = pd.DataFrame(
        {"mask_set": "center", "image": [f"i{i}" for i in range(count)], "group": names(count)} | columns
    )
    folder.mkdir()
    text = frame.to_csv(index=False)
    (folder / "scores.csv").write_text(text)
    protocol = Protocol(data="d", resolution=64, images=9, split=(1, 1, 1), test_images=9, mask_sets=("center",))
    run = Run(method="m", scale="quick", seed=seed, settings={}, protocol=protocol, code="", data="", mask_sets={})
    return Record(folder, content(run, scores_sha256=sha256(text.encode())))


def test_pool_averages_each_image_over_the_seeds(tmp_path):
    one = record(tmp_path / "0", 0, psnr=[10.0, 20.0, 30.0])
    two = record(tmp_path / "1", 1, psnr=[12.0, 20.0, np.inf])
    series = pool([one, two], "center", "psnr")
    assert series.values.to_dict() == {"i0": 11.0, "i1": 20.0, "i2": np.inf}
    assert (series.seeds, series.interval().infinite) == (2, 1)


def test_pool_takes_the_distance_to_the_truth_before_the_average(tmp_path):
    one = record(tmp_path / "0", 0, tv=[10.0], tv_truth=[12.0])
    two = record(tmp_path / "1", 1, tv=[14.0], tv_truth=[12.0])
    assert pool([one, two], "center", "tv", error=True).values.to_list() == [2.0]
    assert pool([one, two], "center", "tv").values.to_list() == [12.0]


def test_a_raw_result_has_the_truth_of_its_composite(tmp_path):
    one = record(tmp_path / "0", 0, tv=[12.0], tv_raw=[9.0], tv_truth=[12.0])
    assert pool([one], "center", "tv_raw", error=True).values.to_list() == [3.0]


def test_pool_has_nothing_where_a_record_lacks_the_metric(tmp_path):
    one = record(tmp_path / "0", 0, psnr=[1.0, 2.0], lpips=[0.5, np.nan])
    two = record(tmp_path / "1", 1, psnr=[1.0, 2.0])
    assert pool([one], "center", "lpips") is None
    assert pool([one, two], "center", "ssim") is None
    assert pool([one], "irregular", "psnr") is None
    assert pool([], "center", "psnr") is None
