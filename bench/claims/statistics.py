"""Means with their intervals, paired differences, how sure a decision is, and how much more would settle a question.

Images that share a group (crops of one photograph) are not independent, so it is groups that are drawn again, never
single images.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import t

from bench.claims.looks import PLAIN, later
from bench.claims.looks import tail as tail_of
from bench.claims.resampling import Array, misses
from bench.metrics.definitions import DEFINITIONS
from bench.metrics.summary import values as measured
from bench.runs.records import Record

MOST_IMAGES = 50_000
"""The most test images that any advice asks for: the size of ImageNet's validation set, the largest in use."""


@dataclass(frozen=True)
class Interval:
    """A mean with its bootstrap interval over groups: 95 %, unless it was asked for `at` another tail."""

    mean: float | None
    """None where no value is finite."""
    low: float | None
    """None, as `high`, where fewer than two groups have a finite value."""
    high: float | None
    n: int
    """Images with a finite value."""
    groups: int
    """Groups of these images."""
    infinite: int = 0
    """Images left out because their value is infinite."""
    misses: Array | None = field(default=None, compare=False, repr=False)
    """By how much the mean may miss, sorted."""

    def at(self, tail: float) -> "Interval":
        """With another one-sided error; without bounds where it is smaller than the resamples can tell."""
        if self.mean is None or self.misses is None:
            return self
        place = math.floor((len(self.misses) + 1) * tail + 1e-9)
        if place < 1:
            return replace(self, low=-math.inf, high=math.inf)
        return replace(self, low=self.mean - float(self.misses[-place]), high=self.mean - float(self.misses[place - 1]))

    def widened(self, half_width: float) -> "Interval":
        """With a further, independent spread: half-widths add as squares."""
        if self.mean is None or self.low is None or self.high is None:
            return self
        low, high = (math.hypot(self.mean - self.low, half_width), math.hypot(self.high - self.mean, half_width))
        return replace(self, low=self.mean - low, high=self.mean + high)

    @property
    def reversed(self) -> "Interval":
        """Of a difference: taken the other way round."""
        mean, low, high = (None if value is None else -value for value in (self.mean, self.high, self.low))
        return replace(self, mean=mean, low=low, high=high, misses=None)

    def reach(self, limit: float) -> float:
        """How far the interval reaches from its mean in the direction of `limit`; 0 where it has no bounds."""
        if self.mean is None or self.low is None or self.high is None:
            return 0.0
        return max(self.mean - self.low if self.mean > limit else self.high - self.mean, 0.0)

    def text(self, digits: int = 2, unit: str = "", signed: bool = False) -> str:
        """`24.31 [24.02, 24.60] dB`."""
        if self.mean is None:
            return "infinite" if self.infinite else "no value"
        words = [number(self.mean, digits, signed)]
        if self.low is not None and self.high is not None:
            words.append(f"[{number(self.low, digits, signed)}, {number(self.high, digits, signed)}]")
        return " ".join([*words, unit]).strip()


@dataclass(frozen=True)
class Series:
    """One value for each image of a mask set, averaged over seeds."""

    values: pd.Series
    """Float64, indexed by image id."""
    groups: pd.Series
    """The group of each image, same index."""
    seeds: int

    def interval(self) -> Interval:
        return mean_interval(self.values, self.groups)

    @property
    def finite(self) -> pd.Index:
        """The images with a finite value."""
        found: pd.Index = self.values[np.isfinite(self.values)].index
        return found

    def mean_over(self, images: pd.Index) -> float | None:
        """The mean over those of `images` that have a finite value; None where none has."""
        shared = self.finite.intersection(images)
        return float(self.values[shared].mean()) if len(shared) else None

    @property
    def rank(self) -> float:
        """The mean for sorting: that of the finite values, infinite where none is finite."""
        finite = self.values[np.isfinite(self.values)]
        return float(finite.mean()) if len(finite) else float(self.values.max())


def number(value: float, digits: int, signed: bool = False) -> str:
    """Fixed digits, a true minus sign, and no minus before a zero."""
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def mean_interval(values: ArrayLike, groups: Sequence[str] | pd.Series) -> Interval:
    """Mean of `values` (N,) and its interval; `groups` (N,) names the group of each.

    Infinite values are counted and left out. A NaN is refused with ValueError: it is no measurement.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) != len(groups):
        raise ValueError(f"one group for each value is needed, not {len(groups)} groups for shape {array.shape}")
    if np.isnan(array).any():
        raise ValueError(f"{int(np.isnan(array).sum())} of {len(array)} values are NaN")
    finite = np.isfinite(array)
    array, names = array[finite], np.asarray(groups, dtype=str)[finite]
    infinite = int((~finite).sum())
    if len(array) == 0:
        return Interval(None, None, None, 0, 0, infinite)
    _, place = np.unique(names, return_inverse=True)
    counts = np.bincount(place).astype(np.float64)
    sums = np.bincount(place, weights=array)
    mean = float(sums.sum() / counts.sum())
    if len(counts) < 2:
        return Interval(mean, None, None, len(array), len(counts), infinite)
    found = _misses(sums.tobytes(), counts.tobytes())
    return Interval(mean, mean, mean, len(array), len(counts), infinite, found).at(PLAIN)


def paired_interval(a: ArrayLike, b: ArrayLike, groups: Sequence[str] | pd.Series) -> Interval:
    """The interval of the mean of `a - b`, both (N,), image by image.

    A pair with an infinite side is counted as infinite and left out.
    """
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if left.shape != right.shape:
        raise ValueError(f"pairs are needed, not {left.shape} against {right.shape}")
    outside = np.isinf(left) | np.isinf(right)
    return mean_interval(np.where(outside, np.inf, left - np.where(outside, 0.0, right)), groups)


def t_half_width(parts: Sequence[tuple[float, int]], tail: float = PLAIN) -> float:
    """Half the t interval of a sum of independent means, `tail` on either side; 0 where nothing varies.

    `parts` holds each mean's squared standard error and the degrees of freedom that it was estimated with; those of the
    sum are Welch's and Satterthwaite's.
    """
    total = sum(square for square, _ in parts)
    if total == 0:
        return 0.0
    freedom = total**2 / sum(square**2 / degrees for square, degrees in parts)
    return float(t.isf(tail, freedom)) * math.sqrt(total)


def of_seeds(values: Sequence[float]) -> tuple[float, int]:
    """The mean of one value for each training, two or more, as a part of `t_half_width`."""
    return float(np.var(values, ddof=1)) / len(values), len(values) - 1


def seeds_needed(deviation: float, room: Callable[[float], float], trainings: int) -> int | None:
    """The next look at which half the t interval over trainings is under `room`; None where none is left that would do.

    `deviation` is the standard deviation between trainings, and `room` says, for the look's tail, how much there is.
    """
    for count in later(trainings):
        if t_half_width([(deviation**2 / count, count - 1)], tail_of(count)) < room(tail_of(count)):
            return count
    return None


def least_tail(decides: Callable[[float], bool], resolution: int = 20) -> float:
    """The least one-sided error with which `decides`, which is true from there on; 0.5 where it never is.

    Found by halving, to one part in 2**resolution.
    """
    low, high = 0.0, 0.5
    if not decides(high):
        return high
    for _ in range(resolution):
        middle = (low + high) / 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high


def images_needed(interval: Interval, margin: float, beside: float = 0.0) -> int | None:
    """How many groups it takes until an interval of the present spread leaves `margin` outside.

    The half-width shrinks as 1/sqrt(groups); `beside` is a further half-width, added as a square, that stays.
    Not more than `interval.groups` where the margin is outside already; None where the mean lies on the margin or
    within `beside` of it, or no interval is known.
    """
    if interval.mean is None or interval.low is None or interval.high is None:
        return None
    gap = abs(interval.mean - margin)
    if gap <= beside:
        return None
    room = math.sqrt((gap - beside) * (gap + beside))
    return max(2, math.floor(interval.groups * (interval.reach(margin) / room) ** 2) + 1)


def pool(records: Sequence[Record], mask_set: str, metric: str, error: bool = False) -> Series | None:
    """The values of `metric` on `mask_set`, each image first averaged over the records' seeds.

    `error` takes the distance to the same quantity of the truth instead. None unless every
    record has the metric for every image. An image that is infinite in one seed is infinite.
    """
    columns, groups = [], None
    for record in records:
        frame = record.rows(mask_set, metric)
        values = measured(frame, metric)
        if values is None:
            return None
        columns.append((values - frame[DEFINITIONS[metric].truth]).abs() if error else values)
        groups = frame["group"]
    if groups is None:
        return None
    if len(columns) == 1:
        return Series(columns[0], groups, 1)
    values = pd.concat(columns, axis=1, join="inner").mean(axis=1, skipna=False)
    return Series(values, groups.loc[values.index], len({record.run.seed for record in records}))


@lru_cache(maxsize=2000)
def _misses(sums: bytes, counts: bytes) -> Array:
    """Cached because the verdicts, the tables and the figures ask for the same intervals."""
    return misses(np.frombuffer(sums), np.frombuffer(counts))
