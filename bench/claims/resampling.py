"""Studentised bootstrap of a mean over groups.

A percentile interval is too narrow where groups are few, and off to one side where their values are skewed; dividing by
each resample's own standard error mends both to second order (Hall, Annals of Statistics 16, 1988).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from bench.util.seeds import seed_of

RESAMPLES = 9999
"""So that the ends of all intervals in use are values that were drawn."""
LEAST_DRAWN, MOST_DRAWN = 12, 2000
"""Outside Student's t is used: fewer groups make resamples that are too much alike, and more say the same as t does."""

Array = NDArray[np.float64]


def misses(sums: Array, counts: Array) -> Array:
    """By how much a mean over groups may miss, (RESAMPLES,), sorted: mean - misses are the values it may have.

    `sums`, `counts` (G,): the total of each group, two at least, and the number of its values.
    """
    mean, groups = sums.sum() / counts.sum(), len(counts)
    residuals = sums - mean * counts
    squares = np.column_stack([residuals**2, residuals * counts, counts**2])
    error = _standard_error(np.zeros(1), counts.sum(), squares.sum(axis=0), groups)
    if not error > 0:
        return np.zeros(RESAMPLES)
    if not LEAST_DRAWN <= groups <= MOST_DRAWN:
        found: Array = error * t.ppf(np.arange(1, RESAMPLES + 1) / (RESAMPLES + 1), groups - 1)
        return found
    drawn = copies(groups) @ np.column_stack([residuals, counts, squares])
    means = drawn[:, 0] / drawn[:, 1]
    errors = _standard_error(means, drawn[:, 1], drawn[:, 2:], groups)
    # A resample without any spread, as of a share close to 0, misses by what it misses.
    return np.sort(np.divide(error * means, errors, out=means.copy(), where=errors > 0))


@lru_cache(maxsize=8)
def copies(groups: int) -> Array:
    """How often each resample draws each group, (RESAMPLES,G): the same for all means over so many groups."""
    rng = np.random.default_rng(seed_of("bootstrap"))
    drawn: Array = rng.multinomial(groups, np.full(groups, 1 / groups), RESAMPLES).astype(np.float64)
    return drawn


def _standard_error(mean: Array, size: Array, squares: Array, groups: int) -> Array:
    """Of a ratio of totals, linearised. `squares` (...,3): the sums of r**2, r * count and count**2."""
    residuals = squares[..., 0] - 2 * mean * squares[..., 1] + mean**2 * squares[..., 2]
    error: Array = np.sqrt(np.maximum(residuals, 0.0) * groups / (groups - 1)) / size
    return error
