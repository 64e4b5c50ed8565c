"""Which contenders of a leaderboard can be told apart, and which ranks each may have.

Every pair is compared as an order is: by its paired difference on the same images, with the spread over training seeds.
They are corrected together (Holm, Scandinavian Journal of Statistics 6, 1979), so the ranges of ranks that follow hold
together, too (Mogstad et al., Review of Economic Studies 91, 2024).

Two are never told apart by fewer than FEWEST_GROUPS groups; where both are trained, not without a known spread over
seeds, nor by trainings on different processors.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import t

from bench.claims.answers import holm
from bench.claims.case import FEWEST_GROUPS
from bench.claims.contenders import Contender, advantage, best, goodness, infinite_pairs
from bench.claims.estimate import Estimate
from bench.claims.looks import PLAIN
from bench.claims.seed_spread import SeedSpread, lead_spread
from bench.claims.statistics import Interval, least_tail
from bench.metrics.definitions import MetricDefinition

LEVEL = 2 * PLAIN
"""How often all comparisons of a leaderboard together may tell apart two that are equal."""
RESOLVED = 0.001
"""The least tail that is read off the resamples; many pairs ask for less, and then Student's t continues it."""


@dataclass(frozen=True)
class Lead:
    """One contender against another."""

    estimate: Estimate
    apart: bool
    """False where no difference, however large, would tell them apart."""

    @property
    def p(self) -> float:
        """Two-sided: how often chance alone makes so clear a difference of two that are equal."""
        return min(1.0, 2 * least_tail(self._shown)) if self.apart else 1.0

    @property
    def ahead(self) -> bool:
        return self.estimate.images.mean is not None and self.estimate.images.mean > 0

    def _shown(self, tail: float) -> bool:
        interval, infinite = _at(self.estimate, tail), self.estimate.infinite
        if interval.low is None or interval.high is None:
            return False
        ahead, behind = interval.low > 0, interval.high < 0
        return (ahead and infinite.lost <= infinite.won) or (behind and infinite.won <= infinite.lost)


@dataclass(frozen=True)
class Ranking:
    """The contenders that have a value, by how they compare on one mask set and metric."""

    p: pd.DataFrame
    """Corrected for all pairs, by name; 1 where a pair cannot be told apart."""
    ranks: dict[str, tuple[int, int]]
    """By name: the best and the worst rank that the comparisons leave open; 1 is the best."""
    processors: tuple[str, ...]
    """Names of those that share no processor with another trained one, and are not told apart from it."""

    @property
    def unbeaten(self) -> set[str]:
        """The names of those of which none is shown to be better."""
        return {name for name, (first, _) in self.ranks.items() if first == 1}


def ranking(field: Sequence[Contender], mask_set: str, definition: MetricDefinition, floors: set[str]) -> Ranking:
    """Of all pairs of `field`, who may also lend a spread over seeds."""
    measured = [one for one in field if goodness(one, mask_set, definition) is not None]
    names = [one.name for one in measured]
    pairs = list(combinations(range(len(measured)), 2))
    leads = [_lead(measured[a], measured[b], mask_set, definition, floors, field) for a, b in pairs]
    p = np.ones((len(names), len(names)))
    better = np.zeros_like(p, dtype=bool)
    for (a, b), one, corrected in zip(pairs, leads, holm([one.p for one in leads]), strict=True):
        p[a, b] = p[b, a] = corrected
        better[a, b], better[b, a] = one.ahead and corrected <= LEVEL, not one.ahead and corrected <= LEVEL
    firsts, lasts = 1 + better.sum(axis=0), len(names) - better.sum(axis=1)
    ranks = {name: (int(first), int(last)) for name, first, last in zip(names, firsts, lasts, strict=True)}
    apart = [(measured[a].name, measured[b].name) for a, b in pairs if _strangers(measured[a], measured[b], floors)]
    return Ranking(pd.DataFrame(p, names, names), ranks, tuple(sorted({name for pair in apart for name in pair})))


def unbeaten(field: Sequence[Contender], mask_set: str, definition: MetricDefinition, floors: set[str]) -> set[str]:
    """The names of the contender with the best mean and of all that cannot be told apart from it alone."""
    first = best(field, mask_set, definition)
    if first is None:
        return set()
    others = [one for one in field if one is not first and goodness(one, mask_set, definition) is not None]
    leads = [_lead(first, one, mask_set, definition, floors, field) for one in others]
    corrected = holm([one.p for one in leads])
    return {first.name, *(one.name for one, p in zip(others, corrected, strict=True) if p > LEVEL)}


def _lead(
    one: Contender,
    other: Contender,
    mask_set: str,
    definition: MetricDefinition,
    floors: set[str],
    field: Sequence[Contender],
) -> Lead:
    ours, theirs = (goodness(side, mask_set, definition) for side in (one, other))
    assert ours is not None and theirs is not None  # noqa: PT018
    spread = lead_spread(one, other, mask_set, definition, floors, field)
    estimate = Estimate(advantage(ours, theirs), spread, infinite_pairs(ours, theirs))
    enough = estimate.images.groups >= FEWEST_GROUPS
    return Lead(estimate, enough and _comparable(one, other, spread, floors))


def _comparable(one: Contender, other: Contender, spread: SeedSpread, floors: set[str]) -> bool:
    both = all(side.method not in floors or side.elsewhere for side in (one, other))
    return not both or (spread.known and not _strangers(one, other, floors))


def _strangers(one: Contender, other: Contender, floors: set[str]) -> bool:
    """Whether both were trained here, and no processor trained both."""
    here = all(side.method not in floors and not side.elsewhere for side in (one, other))
    return here and not set(one.processors) & set(other.processors)


def _at(estimate: Estimate, tail: float) -> Interval:
    if tail >= RESOLVED:
        return estimate.at(tail)
    known = estimate.images.at(RESOLVED)
    if known.mean is None or known.low is None or known.high is None:
        return known
    freedom = known.groups - 1
    further = float(t.isf(tail, freedom) / t.isf(RESOLVED, freedom))
    low, high = (known.mean + further * (end - known.mean) for end in (known.low, known.high))
    return replace(known, low=low, high=high).widened(estimate.seeds.half_width(tail))
