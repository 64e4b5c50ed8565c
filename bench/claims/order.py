"""Orders: one side ahead of another by more than a margin, on the same images."""

from bench.claims.case import Case, more, required
from bench.claims.contenders import advantage, goodness, seed_half_width
from bench.claims.finding import Finding, Measured, Verdict
from bench.claims.statistics import Interval, images_needed
from bench.metrics.definitions import Convention
from bench.metrics.probed import definition
from bench.paper import Order
from bench.paper.arithmetic import and_list
from bench.paper.claims import BEST_FLOOR


def judge_order(case: Case, claim: Order) -> Finding:
    """By suite: the paired difference, widened by what the training seeds alone can move, against the margin."""
    convention = definition(claim.metric)
    assert convention is not None
    case.require(claim.better, claim.worse)
    gains: dict[str, Interval] = {}
    measured, seeds, both_trained = [], [], True
    for suite in claim.suites:
        better, worse = (
            case.best_floor(suite, convention) if side == BEST_FLOOR else case.side(side) for side in claim.sides
        )
        good, bad = (required(goodness(one, suite, convention), one, suite, claim.metric) for one in (better, worse))
        gains[suite] = advantage(good, bad).widened(seed_half_width(better, worse, suite, convention))
        trained = [one.seeds for one in (better, worse) if case.trained(one)]
        seeds += trained or [1]
        both_trained = len(trained) == 2
        text = _gain_text(gains[suite], convention)
        measured.append(Measured(suite, claim.metric, f"{better.name} ahead of {worse.name} by {text}"))
    verdict, why = _weigh(case, claim, gains, convention)
    if both_trained:
        verdict, why = case.enough_seeds(claim.sides, min(seeds), verdict, why)
    return Finding(claim, verdict, case.where(min(seeds)) + why, tuple(measured))


def _weigh(case: Case, claim: Order, gains: dict[str, Interval], convention: Convention) -> tuple[Verdict, str]:
    """By suite: above +margin supports, below -margin contradicts, anything else is undecided."""
    if (why := case.no_evidence(gains.values())) is not None:
        return Verdict.INCONCLUSIVE, why
    margin, words = claim.margin, f"the margin of {claim.margin:g} {convention.unit}".rstrip()
    reverse = [suite for suite, gain in gains.items() if gain.high is not None and gain.high < -margin]
    if reverse:
        text = _gain_text(gains[reverse[0]], convention)
        why = f"on {and_list(reverse)} it is the other way round by more than {words} ({reverse[0]}: {text})."
        return Verdict.CONTRADICTED, why
    undecided = [suite for suite, gain in gains.items() if gain.low is None or gain.low <= margin]
    if not undecided:
        return Verdict.SUPPORTED, f"the difference exceeds {words} on {and_list(list(gains))}."
    reasons: dict[str, list[str]] = {}
    for suite in undecided:
        reasons.setdefault(_undecided(gains[suite], margin, words), []).append(suite)
    return Verdict.INCONCLUSIVE, "; ".join(f"on {and_list(suites)} {why}" for why, suites in reasons.items()) + "."


def _undecided(gain: Interval, margin: float, words: str) -> str:
    """Why a suite decides nothing, and how many images would."""
    assert gain.mean is not None
    if abs(gain.mean) > margin:
        needed = images_needed(gain, margin if gain.mean > 0 else -margin)
        return f"the interval reaches into {words}; {more(needed, gain, 'would settle it')}"
    if gain.high is not None and gain.high < margin:
        return f"the difference is shown to be smaller than {words}, so more images would not support the claim"
    needed = images_needed(gain, margin)
    return f"the mean difference is within {words}; {more(needed, gain, 'would show that it is no larger')}"


def _gain_text(gain: Interval, convention: Convention) -> str:
    # A margin may be finer than the digits of a table.
    return gain.text(convention.digits + 1, convention.unit, signed=True)
