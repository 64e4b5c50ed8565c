"""Rank correlation over images, with an interval for images that come in groups."""

import numpy as np
from numpy.typing import ArrayLike

from bench.claims.looks import PLAIN
from bench.claims.resampling import RESAMPLES, Array, copies
from bench.claims.statistics import Interval, Series

VALUES_AT_ONCE = 2_000_000
"""Ranks that a batch of resamples may hold: 16 MB."""


def rank_correlation(x: ArrayLike, y: ArrayLike, groups: ArrayLike) -> Interval:
    """Spearman's rho of `x` and `y`, both (N,), with its 95 % percentile bootstrap interval over `groups` (N,).

    Infinite values have a rank as all others. Where a side does not vary there is no rho: then nothing but the counts
    is told. A resample in which a side does not vary counts as rho = 0. A NaN is refused with ValueError.
    """
    left, right = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if left.shape != right.shape or left.ndim != 1 or len(left) != len(np.asarray(groups)):
        raise ValueError(f"two values and a group for each image are needed, not {left.shape} and {right.shape}")
    if np.isnan(left).any() or np.isnan(right).any():
        raise ValueError("a NaN has no rank")
    names, place = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    if len(left) == 0 or (left == left[0]).all() or (right == right[0]).all():
        return Interval(None, None, None, len(left), len(names))
    whole = float(_rho(left, right, np.ones((1, len(left))))[0])
    if len(names) < 2:
        return Interval(whole, None, None, len(left), len(names))
    drawn, at_once = copies(len(names)), max(1, VALUES_AT_ONCE // len(left))
    batches = (drawn[start : start + at_once, place] for start in range(0, RESAMPLES, at_once))
    found = np.concatenate([_rho(left, right, batch) for batch in batches])
    return Interval(whole, whole, whole, len(left), len(names), misses=np.sort(whole - found)).at(PLAIN)


def series_correlation(x: Series, y: Series) -> Interval:
    """`rank_correlation` over the images that both have."""
    shared = x.values.index.intersection(y.values.index)
    return rank_correlation(x.values[shared], y.values[shared], x.groups[shared])


def series_rho(x: Series, y: Series) -> float | None:
    """Spearman's rho alone, over the images that both have; None where a side does not vary."""
    shared = x.values.index.intersection(y.values.index)
    left, right = (one.values[shared].to_numpy(np.float64) for one in (x, y))
    if len(shared) == 0 or (left == left[0]).all() or (right == right[0]).all():
        return None
    return float(_rho(left, right, np.ones((1, len(left))))[0])


def _rho(x: Array, y: Array, copies: Array) -> Array:
    """Spearman's rho of each resample, (B,): `copies` (B,N) says how often each image was drawn."""
    left, right = (_centred(_ranks(values, copies), copies) for values in (x, y))
    spread = np.sqrt((copies * left**2).sum(axis=1) * (copies * right**2).sum(axis=1))
    product = (copies * left * right).sum(axis=1)
    rho: Array = np.divide(product, spread, out=np.zeros_like(product), where=spread > 0)
    return rho


def _ranks(values: Array, copies: Array) -> Array:
    """The mean rank of each image's copies among all copies, (B,N); equal values share their ranks."""
    known, place = np.unique(values, return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(known)))
    counts = np.add.reduceat(copies[:, order], starts, axis=1)
    ranks: Array = (np.cumsum(counts, axis=1) - (counts - 1) / 2)[:, place]
    return ranks


def _centred(ranks: Array, copies: Array) -> Array:
    mean = (copies * ranks).sum(axis=1, keepdims=True) / copies.sum(axis=1, keepdims=True)
    centred: Array = ranks - mean
    return centred
