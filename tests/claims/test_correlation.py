import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr

from bench.claims.correlation import _rho, rank_correlation, series_correlation
from bench.claims.statistics import Series

RNG = np.random.default_rng(0)
X = RNG.normal(size=80)
Y = -0.5 * X + RNG.normal(size=80)
ALONE = [f"g{index}" for index in range(80)]


def tied(values):
    return np.round(values * 2) / 2


def test_rho_is_spearmans_with_ties_and_infinities():
    assert rank_correlation(X, Y, ALONE).mean == pytest.approx(spearmanr(X, Y).statistic, abs=1e-12)
    assert rank_correlation(tied(X), tied(Y), ALONE).mean == pytest.approx(spearmanr(tied(X), tied(Y)).statistic)
    endless = np.where(X > 1, np.inf, X)
    assert rank_correlation(endless, Y, ALONE).mean == pytest.approx(spearmanr(endless, Y).statistic)


def test_a_resample_is_ranked_again():
    copies = RNG.multinomial(80, np.full(80, 1 / 80), 7).astype(float)
    found = _rho(tied(X), Y, copies)
    for rho, counts in zip(found, copies.astype(int), strict=True):
        again = spearmanr(np.repeat(tied(X), counts), np.repeat(Y, counts)).statistic
        assert rho == pytest.approx(again, abs=1e-12)


def test_interval_is_that_of_fishers_transformation():
    x = RNG.normal(size=400)
    y = 0.6 * x + RNG.normal(size=400)
    found = rank_correlation(x, y, [f"g{index}" for index in range(400)])
    # A rank correlation's spread is close to that of the correlation of normal scores.
    fisher = pearsonr(pd.Series(x).rank(), pd.Series(y).rank()).confidence_interval(0.95)
    assert (found.n, found.groups) == (400, 400)
    assert found.high - found.low == pytest.approx(fisher.high - fisher.low, rel=0.15)
    assert found.low == pytest.approx(fisher.low, abs=0.02)


def test_crops_of_one_photograph_are_not_independent():
    x, y = np.repeat(X, 5) + 1e-3 * RNG.normal(size=400), np.repeat(Y, 5) + 1e-3 * RNG.normal(size=400)
    by_photograph = rank_correlation(x, y, np.repeat(ALONE, 5))
    by_crop = rank_correlation(x, y, [f"c{index}" for index in range(400)])
    assert by_photograph.groups == 80
    ratio = (by_photograph.high - by_photograph.low) / (by_crop.high - by_crop.low)
    assert ratio == pytest.approx(np.sqrt(5), rel=0.2)


def test_large_sets_are_drawn_in_batches_with_the_same_result(monkeypatch):
    whole = rank_correlation(X, Y, ALONE)
    monkeypatch.setattr("bench.claims.correlation.VALUES_AT_ONCE", 80 * 300)
    batched = rank_correlation(X, Y, ALONE)
    assert batched == whole


def test_what_does_not_vary_has_no_rho():
    found = rank_correlation(np.ones(80), Y, ALONE)
    assert (found.mean, found.low, found.n, found.groups) == (None, None, 80, 80)
    one_group = rank_correlation(X, Y, ["a"] * 80)
    assert one_group.mean == pytest.approx(spearmanr(X, Y).statistic)
    assert one_group.low is None
    with pytest.raises(ValueError, match="NaN"):
        rank_correlation([1.0, np.nan], [1.0, 2.0], ["a", "b"])
    with pytest.raises(ValueError, match="two values and a group"):
        rank_correlation([1.0, 2.0], [1.0], ["a", "b"])


def test_series_meet_on_the_images_that_both_have():
    groups = pd.Series(list("abcd"), index=list("ABCD"))
    x = Series(pd.Series([1.0, 2.0, 3.0, 9.0], index=list("ABCD")), groups, 1)
    y = Series(pd.Series([30.0, 20.0, 10.0], index=list("CBA")), groups[["C", "B", "A"]], 1)
    assert series_correlation(x, y).mean == pytest.approx(1.0)
    assert series_correlation(x, y).n == 3
