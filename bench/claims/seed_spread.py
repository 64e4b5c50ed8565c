"""How far the choice of training seeds alone moves a mean, or the difference of two: one rule for every kind of claim.

- A floor trains nothing: it has no spread.
- A trained side counts by its own trainings where there are FEWEST_SEEDS or more. With fewer it borrows the standard
  deviation, and its degrees of freedom, from the nearest contender of the same protocol that has enough: from itself
  where only the other side has too few, from the same method in another variant, from another trained method. Where
  nobody can lend, the spread is unknown.
- Two sides trained with the very same seeds are paired seed by seed; otherwise their variances add, with the degrees
  of freedom of Welch and Satterthwaite (Welch, Biometrika 34, 1947).
- The same seed on another processor ends with other weights, so it counts as another training.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.claims.contenders import Contender, Training, goodness
from bench.claims.looks import FEWEST_SEEDS, PLAIN
from bench.claims.statistics import of_seeds, t_half_width
from bench.methods.settings import DEFAULT
from bench.metrics.definitions import MetricDefinition

Measure = Callable[[Contender], float | None]
"""The quantity that a claim is about, of some trainings of a method; None where it has no value."""


@dataclass(frozen=True)
class SeedSpread:
    """What the seeds add to an interval over images."""

    parts: tuple[tuple[float, int], ...] | None = ()
    """Of `t_half_width`: None where the spread is unknown, none where nothing is trained."""
    deviation: float = 0.0
    """Standard deviation of the quantity when each trained side is trained once."""
    trainings: int = 0
    """Of the trained side that has the fewest; 0 where nothing is trained."""
    lenders: tuple[Contender, ...] = ()
    """Whose spread was borrowed."""

    @property
    def known(self) -> bool:
        return self.parts is not None

    def half_width(self, tail: float = PLAIN) -> float:
        """Half the t interval over trainings, `tail` on either side; 0 where nothing is trained or known."""
        return t_half_width(self.parts or (), tail)


def seed_spread(
    sides: Sequence[Contender], measure: Measure, floors: set[str], field: Sequence[Contender] = ()
) -> SeedSpread:
    """The spread of `measure` of one side, or of its difference between two; `field` are those who may lend."""
    trained = [one for one in sides if one.method not in floors or one.elsewhere]
    if not trained:
        return SeedSpread()
    own = [_by_training(one, measure) for one in trained]
    fewest = min(len(values) for values in own)
    if len(own) == 2 and own[0].keys() == own[1].keys() and fewest >= FEWEST_SEEDS:
        gains = [value - own[1][training] for training, value in own[0].items()]
        return SeedSpread((of_seeds(gains),), float(np.std(gains, ddof=1)), fewest)
    return _unpaired(trained, own, measure, floors, field)


def lead_spread(
    better: Contender,
    worse: Contender,
    mask_set: str,
    definition: MetricDefinition,
    floors: set[str],
    field: Sequence[Contender] = (),
) -> SeedSpread:
    """The spread of the mean difference of two goodnesses, over the images where both are finite."""
    shared: pd.Index | None = None
    for side in (better, worse):
        series = goodness(side, mask_set, definition)
        if series is not None:
            shared = series.finite if shared is None else shared.intersection(series.finite)

    def measure(alone: Contender) -> float | None:
        series = goodness(alone, mask_set, definition)
        return None if series is None or shared is None else series.mean_over(shared)

    return seed_spread((better, worse), measure, floors, field)


def _unpaired(
    trained: Sequence[Contender],
    own: Sequence[Mapping[Training, float]],
    measure: Measure,
    floors: set[str],
    field: Sequence[Contender],
) -> SeedSpread:
    fewest = min(len(values) for values in own)
    variances: dict[str, tuple[float, int]] = {}
    shares: dict[str, float] = {}
    lenders: dict[str, Contender] = {}
    total = 0.0
    for one, values in zip(trained, own, strict=True):
        source = one if len(values) >= FEWEST_SEEDS else _lender(one, measure, floors, field)
        if source is None or not values:
            return SeedSpread(None, math.nan, fewest)
        if source is not one:
            lenders[source.name] = source
        known = list((values if source is one else _by_training(source, measure)).values())
        variances[source.name] = float(np.var(known, ddof=1)), len(known) - 1
        # Sides that rest on one estimate of a variance are not independent: its degrees of freedom count once.
        shares[source.name] = shares.get(source.name, 0.0) + 1 / len(values)
        total += variances[source.name][0]
    parts = tuple((variance * shares[name], freedom) for name, (variance, freedom) in variances.items())
    return SeedSpread(parts, math.sqrt(total), fewest, tuple(lenders.values()))


def _lender(one: Contender, measure: Measure, floors: set[str], field: Sequence[Contender]) -> Contender | None:
    """Chosen by name and by number of trainings, never by the spread itself."""
    others = [other for other in field if other.method not in floors and not other.elsewhere]
    able = [other for other in others if len(_by_training(other, measure)) >= FEWEST_SEEDS]

    def distance(other: Contender) -> tuple[bool, bool, bool, int, str]:
        return (
            other.name != one.name,
            other.method != one.method,
            other.variant != DEFAULT,
            -len(other.by_training),
            other.name,
        )

    return min(able, key=distance, default=None)


def _by_training(one: Contender, measure: Measure) -> dict[Training, float]:
    found = {training: measure(alone) for training, alone in one.by_training.items()}
    return {training: value for training, value in found.items() if value is not None}
