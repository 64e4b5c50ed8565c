"""Wins: on what share of the images one side is better than another."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from bench.claims.answers import answers, settled
from bench.claims.case import Case, required
from bench.claims.contenders import Contender, Training, goodness
from bench.claims.estimate import Estimate, advice
from bench.claims.finding import Decision, Finding, Measured, Verdict
from bench.claims.looks import FEWEST_SEEDS
from bench.claims.seed_spread import SeedSpread
from bench.claims.statistics import Series, mean_interval, of_seeds
from bench.metrics.definitions import MetricDefinition
from bench.metrics.probed import definition_of
from bench.paper import Wins
from bench.paper.arithmetic import and_list


def judge_wins(case: Case, claim: Wins) -> Finding:
    """By mask set: the share of images won, a tie counting half, against the claim's; with its interval over images
    and training seeds."""
    definition = definition_of(claim.metric)
    assert definition is not None
    case.require(claim.better, claim.worse)
    sides = {mask_set: case.pair(claim, mask_set, definition) for mask_set in claim.mask_sets}
    found = {mask_set: _estimate(case, *sides[mask_set], mask_set, definition) for mask_set in sides}
    first = sides[claim.mask_sets[0]]

    def answer(tail: float) -> Verdict:
        return settled(answers(found, None, claim.share, tail).values())

    made = case.decided(claim.sides, first, found.values(), answer, partial(_weigh, claim, found))
    measured = [
        Measured(
            mask_set,
            claim.metric,
            f"{better.name} wins {_text(found[mask_set])} of images against {worse.name}",
            found[mask_set].interval,
        )
        for mask_set, (better, worse) in sides.items()
    ]
    everyone = [one for pair in sides.values() for one in pair]
    return Finding(
        claim, made.verdict, case.where(everyone, found.values()) + made.why, tuple(measured), made.seeds, made.p
    )


def _estimate(case: Case, better: Contender, worse: Contender, mask_set: str, definition: MetricDefinition) -> Estimate:
    """The share won, each image first averaged over the trainings that both sides have."""
    trained = [side for side in (better, worse) if case.trained(side)]
    shared = sorted(set.intersection(*(set(side.by_training) for side in trained))) if trained else []
    alone = {training: [_of(case, side, training) for side in (better, worse)] for training in shared}
    won = [_won(a, b, mask_set, definition) for a, b in alone.values() or [(better, worse)]]
    together = pd.concat([series.values for series in won], axis=1, join="inner").mean(axis=1)
    interval = mean_interval(together, won[0].groups.loc[together.index])
    return Estimate(interval, _spread([float(series.values.mean()) for series in won], trained))


def _of(case: Case, side: Contender, training: Training) -> Contender:
    return side.by_training[training] if case.trained(side) else side


def _won(better: Contender, worse: Contender, mask_set: str, definition: MetricDefinition) -> Series:
    """1 where `better` is ahead, 0 where it is behind, one half for a tie; over the images that both have."""
    good, bad = (required(goodness(one, mask_set, definition), one, mask_set, definition.id) for one in (better, worse))
    both = pd.concat({"a": good.values, "b": bad.values}, axis=1, join="inner")
    score = np.where(both["a"] == both["b"], 0.5, (both["a"] > both["b"]).astype(np.float64))
    return Series(pd.Series(score, index=both.index), good.groups.loc[both.index], 1)


def _spread(shares: Sequence[float], trained: Sequence[Contender]) -> SeedSpread:
    """Over trainings of both sides; unknown with fewer than FEWEST_SEEDS, since a share cannot borrow a spread."""
    if not trained:
        return SeedSpread()
    if len(shares) < FEWEST_SEEDS:
        return SeedSpread(None, float("nan"), len(shares))
    return SeedSpread((of_seeds(shares),), float(np.std(shares, ddof=1)), len(shares))


def _weigh(claim: Wins, found: dict[str, Estimate]) -> Decision:
    limit = f"{100 * claim.share:g} %"
    given = answers(found, None, claim.share, next(iter(found.values())).tail)
    verdict = settled(given.values())
    telling = {Verdict.SUPPORTED: True, Verdict.CONTRADICTED: False}.get(verdict)
    told = [mask_set for mask_set, answer in given.items() if answer is telling]
    if telling is None:
        more = {mask_set: advice(found[mask_set], claim.share) for mask_set in told}
        said = "; ".join(f"{_text(found[mask_set])} on {mask_set}{one.words}" for mask_set, one in more.items())
        why = f"the share of images won straddles {limit}: {said}."
        return Decision(verdict, why, max(one.seeds for one in more.values()))
    listed = and_list([f"{_text(found[mask_set])} on {mask_set}" for mask_set in told])
    side = f"more than {limit}" if telling else f"not more than {limit}"
    return Decision(verdict, f"it wins {listed} of the images: {side}, with the whole interval.")


def _text(share: Estimate) -> str:
    """`62 % [55, 69]`."""
    interval = share.interval
    if interval.mean is None:
        return "no share"
    ends = [f"{100 * end:.0f}" for end in (interval.low, interval.high) if end is not None]
    bounds = f" [{', '.join(ends)}]" if ends else ""
    return f"{100 * interval.mean:.0f} %{bounds}{share.note}"
