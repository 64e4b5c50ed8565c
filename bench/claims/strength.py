"""How clear a verdict on two sides is: what a front page puts first. It orders findings and decides nothing."""

import math

from bench.claims.case import Case
from bench.claims.finding import Finding, Measured, Verdict
from bench.claims.health import examined
from bench.claims.statistics import Interval
from bench.paper import Order, Wins
from bench.paper.claims import BEST_FLOOR

YARDSTICK = "method:mean_fill"
"""Whoever is well beats it (bench/claims/health.py), so that doing so is no finding."""


def clearance(finding: Finding) -> tuple[float, Measured] | None:
    """By how many of its own widths the judged interval clears its limit, and the measurement that says so.

    Where every mask set must agree, that of the one that says least; where one suffices to contradict, that of the one
    that says most. None for what is not decided, or has not two sides.
    """
    claim = finding.claim
    if not finding.decisive or not isinstance(claim, Order | Wins):
        return None
    found = [
        (room / width if width else math.inf, one)
        for one in finding.measured
        if one.interval is not None and (room := _room(claim, finding.verdict, one.interval)) is not None
        for width in (_width(one.interval),)
    ]
    choose = max if finding.verdict == Verdict.CONTRADICTED else min
    return choose(found, key=lambda pair: pair[0], default=None)


def among_the_well(case: Case, finding: Finding) -> bool:
    """Whether a trained method is one of two sides, both known to be well and neither the yardstick of that."""
    claim = finding.claim
    if not isinstance(claim, Order | Wins) or YARDSTICK in claim.sides:
        return False
    sides = [case.side(side) for side in claim.sides if side != BEST_FLOOR]
    return any(case.trained(one) for one in sides) and all(examined(one).well is True for one in sides)


def _room(claim: Order | Wins, verdict: Verdict, interval: Interval) -> float | None:
    """From the interval's near end to the limit that it clears; negative where it does not."""
    if interval.low is None or interval.high is None:
        return None
    if isinstance(claim, Wins):
        return interval.low - claim.share if verdict == Verdict.SUPPORTED else claim.share - interval.high
    if verdict == Verdict.NO_DIFFERENCE:
        return min(interval.low + claim.margin, claim.margin - interval.high)
    return interval.low - claim.margin if verdict == Verdict.SUPPORTED else -claim.margin - interval.high


def _width(interval: Interval) -> float:
    assert interval.low is not None and interval.high is not None  # noqa: PT018
    return interval.high - interval.low
