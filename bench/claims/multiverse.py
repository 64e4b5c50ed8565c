"""A claim in every universe: each metric definition, mask set, part of the images and seed that the records hold.

Which of these a verdict rests on was written down before any run; others would have been as reasonable. So all of them
are tried on the same records (Steegen et al. 2016, "Increasing Transparency Through a Multiverse Analysis"; Simonsohn
et al. 2020, "Specification curve analysis"). It says how much a verdict hangs on its choices, and never changes it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.claims.case import FEWEST_GROUPS, Case
from bench.claims.contenders import Contender, contenders
from bench.claims.finding import NoContestError
from bench.metrics.definitions import DEFINITIONS
from bench.metrics.probed import definition_of
from bench.metrics.summary import values as measured
from bench.paper import Order, Paper, Wins
from bench.paper.claims import BEST_FLOOR
from bench.runs.records import Record
from bench.util.seeds import seed_of

Array = NDArray[Any]

CHOICES = ("metric", "mask_set", "subset", "seed")
COLUMNS = [*CHOICES, "effect", "n", "holds"]
WHOLE, ALL = "all images", "all seeds"
SAME = 1e-3
"""Definitions whose effects differ nowhere by more count as one: L1 in grey levels is L1, and no second witness."""
LEAST_RANGE = 0.01
"""Holes that differ by less of the image's area are not sorted by size."""
_TRUTHS = {one.truth for one in DEFINITIONS.values()}
METRICS = tuple(one.id for one in DEFINITIONS.values() if one.better != "neither" and one.id not in _TRUTHS)
"""The definitions that can rank two sides."""


@dataclass(frozen=True)
class Multiverse:
    """One claim, and every way to ask it of one protocol's records."""

    claim: Order | Wins
    universes: pd.DataFrame
    """A row for each: `metric`, `mask_set`, `subset`, `seed` (`all seeds`, or `seed 1`), `effect`, `n` and `holds`.

    `effect` is the mean of the paired differences of `n` images in units of their standard deviation, positive where
    the claim's better side leads; of `wins`, that of the share of images won beyond the claim's."""

    @property
    def share(self) -> float:
        """In which share of the universes the claim holds."""
        return float(self.universes["holds"].mean())

    @cached_property
    def shares(self) -> "dict[str, pd.Series[float]]":
        """By kind of choice: for each choice, in which share of its universes the claim holds."""
        grouped = {kind: self.universes.groupby(kind, sort=False)["holds"].mean() for kind in CHOICES}
        return {kind: shares.astype(np.float64) for kind, shares in grouped.items()}

    @property
    def flips(self) -> "dict[str, pd.Series[float]]":
        """Of `shares`: the choices that alone turn what most universes say, the surest first."""
        found = {}
        for kind, shares in self.shares.items():
            turned = shares[shares < 0.5] if self.share > 0.5 else shares[shares > 0.5]
            if len(turned) and self.share != 0.5:
                found[kind] = turned.sort_values(ascending=self.share > 0.5, kind="stable")
        return found


def multiverses(paper: Paper, key: str, records: Sequence[Record], floors: set[str]) -> list[Multiverse]:
    """Of the paper's orders and wins whose sides one protocol's `records` hold; none of a smoke run.

    `key` is the paper's own method, `floors` are the keys of the floors. A part of the images with fewer than
    FEWEST_GROUPS independent groups makes no universe.
    """
    if not records or records[0].run.scale == "smoke":
        return []
    case = Case(paper, key, contenders(records), floors)
    known = _Known(case)
    found = []
    for claim in paper.claims:
        if isinstance(claim, Order | Wins):
            universes = _universes(known, claim)
            if len(universes) > 1:
                found.append(Multiverse(claim, universes))
    return found


@dataclass(frozen=True)
class _Side:
    """One side of a claim: a contender, or the best of several, by mask set and metric."""

    several: tuple[Contender, ...]
    trained: bool

    @property
    def seeds(self) -> set[int]:
        return {record.run.seed for one in self.several for record in one.records}


class _Known:
    """The records' values as arrays, each worked out once for all claims."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.floors = tuple(one for one in case.field if not case.trained(one) and not one.elsewhere)
        self.images = cache(self._images)
        self.parts = cache(self._parts)
        self._of = cache(self._values)
        self._mean = cache(self._mean_of)

    def side(self, name: str) -> _Side:
        """Raises NoContestError where it was not run."""
        if name == BEST_FLOOR:
            return _Side(self.floors, False)
        self.case.require(name)
        one = self.case.side(name)
        return _Side((one,), self.case.trained(one))

    def goodness(self, side: _Side, mask_set: str, metrics: tuple[str, ...], seed: int | None) -> Array:
        """(images, metrics), more is better; NaN where not measured. Of one seed, or averaged over all."""
        places = [self.case.field.index(one) for one in side.several]
        means = np.stack([self._mean(place, mask_set, metrics, seed if side.trained else None) for place in places])
        ranks = np.nan_to_num([_finite_means(one) for one in means], nan=-np.inf, posinf=np.inf, neginf=-np.inf)
        chosen: Array = np.take_along_axis(means, ranks.argmax(axis=0)[None, None, :], axis=0)[0]
        return chosen

    def _mean_of(self, place: int, mask_set: str, metrics: tuple[str, ...], seed: int | None) -> Array:
        records = self.case.field[place].records
        wanted = [at for at, record in enumerate(records) if seed is None or record.run.seed == seed]
        mean: Array = np.mean([self._of(place, at, mask_set, metrics) for at in wanted], axis=0)
        return mean

    def _values(self, place: int, at: int, mask_set: str, metrics: tuple[str, ...]) -> Array:
        frame = self.case.field[place].records[at].rows(mask_set, metrics[0])
        found = {metric: _turned(frame, metric) for metric in metrics}
        known = {metric: column for metric, column in found.items() if column is not None}
        table = pd.DataFrame(known, index=frame.index, columns=list(metrics), dtype=np.float64)
        return table.reindex(self.images(mask_set).index).to_numpy()

    def _images(self, mask_set: str) -> pd.DataFrame:
        """`group` and `hole_share` of the mask set's images, those of a group together."""
        frame = self.case.field[0].records[0].mask_set(mask_set)
        return frame[["group", "hole_share"]].sort_values("group", kind="stable")

    def _parts(self, mask_set: str) -> dict[str, Array]:
        """Boolean (images,), by name: the whole, and parts that any reader could have asked for.

        A group is never split by chance.
        """
        images = self.images(mask_set)
        first = np.array([seed_of("half", group) % 2 == 0 for group in images["group"]])
        parts = {WHOLE: np.ones(len(images), dtype=bool), "random half A": first, "random half B": ~first}
        share = images["hole_share"].to_numpy(np.float64)
        low, high = np.quantile(share, (1 / 3, 2 / 3))
        if high - low > LEAST_RANGE:
            parts |= {"small holes": share <= low, "medium holes": (share > low) & (share <= high)}
            parts["large holes"] = share > high
        places = [self.case.field.index(one) for one in self.floors]
        if places:
            ease = np.mean([self._mean(place, mask_set, ("psnr_hole",), None)[:, 0] for place in places], axis=0)
            easy = ease > np.median(ease)
            parts |= {"easy for floors": easy, "hard for floors": ~easy}
        return parts


def _turned(frame: pd.DataFrame, metric: str) -> "pd.Series[float] | None":
    definition, column = definition_of(metric), measured(frame, metric)
    if definition is None or definition.better == "neither" or column is None:
        return None
    if definition.better == "truth":
        return -(column - frame[definition.truth]).abs()
    return column if definition.better == "higher" else -column


class _Gains(NamedTuple):
    """Of one claim on one mask set and seed; each (images, metrics)."""

    values: Array
    """The better side's lead; 0 where it is not finite."""
    finite: Array
    """Boolean."""
    outweigh: Array
    """+1 where an infinite value wins for the better side, -1 where it loses, else 0."""


def _universes(known: _Known, claim: Order | Wins) -> pd.DataFrame:
    try:
        better, worse = (known.side(side) for side in claim.sides)
    except NoContestError:
        return pd.DataFrame()
    if not better.several or not worse.several:
        return pd.DataFrame()
    metrics = METRICS if claim.metric in METRICS else (claim.metric,)
    mask_sets = known.case.field[0].records[0].run.protocol.mask_set_names
    parts = [part for name in mask_sets for part in _of_mask_set(known, claim, (better, worse), name, metrics)]
    table = pd.concat(parts, ignore_index=True)
    return _distinct(table[table["effect"].notna()], claim.metric)


def _of_mask_set(
    known: _Known, claim: Order | Wins, sides: tuple[_Side, _Side], mask_set: str, metrics: tuple[str, ...]
) -> Iterator[pd.DataFrame]:
    subsets, groups = known.parts(mask_set), known.images(mask_set)["group"].to_numpy()
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    trained = [side.seeds for side in sides if side.trained]
    shared = sorted(set.intersection(*trained)) if trained else []

    def gains(seed: int | None) -> _Gains:
        better, worse = (known.goodness(one, mask_set, metrics, seed) for one in sides)
        return _won(claim.share, better, worse) if isinstance(claim, Wins) else _led(better, worse)

    by_seed = {f"seed {seed}": gains(seed) for seed in shared}
    together = gains(None)
    if isinstance(claim, Wins) and by_seed:  # as in its verdict: an image is won by a training, not by the mean of all
        together = together._replace(values=np.mean([one.values for one in by_seed.values()], axis=0))
    for seed, one in {ALL: together, **(by_seed if len(by_seed) > 1 else {})}.items():
        table = _outcomes(claim, one, np.stack(list(subsets.values())), starts, metrics)
        names = pd.MultiIndex.from_product([subsets, metrics], names=["subset", "metric"])
        table.index = names
        yield table.reset_index().assign(mask_set=mask_set, seed=seed)[COLUMNS]


def _led(better: Array, worse: Array) -> _Gains:
    finite = np.isfinite(better) & np.isfinite(worse)
    lead = np.subtract(better, worse, out=np.zeros_like(better), where=finite)
    infinite = np.isinf(better) | np.isinf(worse)
    return _Gains(lead, finite, np.where(infinite, (better > worse) * 1.0 - (better < worse), 0.0))


def _won(share: float, better: Array, worse: Array) -> _Gains:
    measured = ~(np.isnan(better) | np.isnan(worse))
    score = np.where(better == worse, 0.5, better > worse) - share
    return _Gains(np.where(measured, score, 0.0), measured, np.zeros_like(score))


def _outcomes(
    claim: Order | Wins, gains: _Gains, parts: Array, starts: Array, metrics: tuple[str, ...]
) -> pd.DataFrame:
    """`effect`, `n` and `holds`, by part (`parts` is (parts, images)), then metric; no effect where there are too few
    groups, which begin at `starts`."""
    weights = parts.astype(np.float64)
    n = weights @ gains.finite
    groups = np.stack([np.logical_or.reduceat(gains.finite & part[:, None], starts).sum(axis=0) for part in parts])
    with np.errstate(divide="ignore", invalid="ignore"):
        # Around a point near the mean, lest the squares cancel.
        around = gains.values.sum(axis=0) / gains.finite.sum(axis=0)
        apart = np.where(gains.finite, gains.values - around, 0.0)
        shift = weights @ apart / n
        variance = np.maximum(weights @ apart**2 - n * shift**2, 0.0) / (n - 1)
        mean = around + shift
        effect = np.where(mean == 0, 0.0, mean / np.sqrt(variance))
    effect[groups < FEWEST_GROUPS] = np.nan
    margin = np.array([getattr(claim, "margin", 0.0) if metric == claim.metric else 0.0 for metric in metrics])
    holds = (mean > margin) & (weights @ gains.outweigh >= 0)
    columns = {"effect": effect, "n": n.astype(np.int64), "holds": holds}
    return pd.DataFrame({name: column.ravel() for name, column in columns.items()})


def _distinct(table: pd.DataFrame, claimed: str) -> pd.DataFrame:
    """Without the definitions that say everywhere what the `claimed` one says, or another before them."""
    metrics = sorted(table["metric"].unique(), key=lambda metric: bool(metric != claimed))
    if not metrics:
        return table
    wide = table.set_index([*CHOICES])["effect"].unstack("metric")[metrics]
    effects = np.nan_to_num(wide.to_numpy().T, posinf=np.finfo(float).max, neginf=-np.finfo(float).max)
    missing = wide.isna().to_numpy().T
    kept: list[int] = []
    for place in range(len(metrics)):
        alike = [
            (missing[one] == missing[place]).all() and np.abs(effects[one] - effects[place]).max() <= SAME
            for one in kept
        ]
        kept += [] if any(alike) else [place]
    names = [metrics[place] for place in kept]
    return table[table["metric"].isin(names)].reset_index(drop=True)


def _finite_means(values: Array) -> Array:
    """(metrics,) of (images, metrics): as `Series.rank`."""
    finite = np.isfinite(values)
    sums = np.where(finite, values, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        means: Array = np.where(finite.any(axis=0), sums / finite.sum(axis=0), values.max(axis=0))
    return means
