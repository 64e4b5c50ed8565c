"""Orders: one side ahead of another by more than a margin, on the same images."""

from bench.arithmetic import and_list
from bench.claims.case import Case, required, settled
from bench.claims.estimate import Advice, Estimate, advice
from bench.claims.finding import Finding, Measured, Verdict
from bench.contenders import Contender, InfinitePairs, advantage, goodness, infinite_pairs
from bench.metrics.conventions import Convention
from bench.metrics.probed import definition
from bench.seed_spread import lead_spread
from bench.spec import Order
from bench.spec.claims import BEST_FLOOR
from bench.statistics import Interval


def judge_order(case: Case, claim: Order) -> Finding:
    """By suite: the paired difference, widened by what the training seeds alone can move, against the margin.

    A pair with an infinite side is left out of the mean: it is a win for the better side, or a tie where both are
    infinite. A mean never decides against the side that wins more of these pairs, since each outweighs all others.
    """
    convention = definition(claim.metric)
    assert convention is not None
    case.require(claim.better, claim.worse)
    found: dict[str, Estimate] = {}
    sides: dict[str, tuple[Contender, Contender]] = {}
    for suite in claim.suites:
        better, worse = (
            case.best_floor(suite, convention) if side == BEST_FLOOR else case.side(side) for side in claim.sides
        )
        sides[suite] = better, worse
        found[suite] = _estimate(case, better, worse, suite, convention)
    all_sides = [one for pair in sides.values() for one in pair]
    why = case.no_evidence(gain.images for gain in found.values())
    if why is None:
        verdict, why = case.concluded(claim.sides, found.values(), *_weigh(claim, found, convention))
        verdict, why = case.one_processor(claim, *sides[claim.suites[0]], verdict, why)
    else:
        verdict = Verdict.INCONCLUSIVE
    why += "".join(_infinite_text(suite, found[suite].infinite, *sides[suite]) for suite in found)
    measured = [Measured(suite, claim.metric, _gain_said(found[suite], *sides[suite], convention)) for suite in found]
    return Finding(claim, verdict, case.where(all_sides, found.values()) + why, tuple(measured))


def _estimate(case: Case, better: Contender, worse: Contender, suite: str, convention: Convention) -> Estimate:
    good, bad = (required(goodness(one, suite, convention), one, suite, convention.id) for one in (better, worse))
    spread = lead_spread(better, worse, suite, convention, case.floors, case.field)
    return Estimate(advantage(good, bad), spread, infinite_pairs(good, bad))


def _weigh(claim: Order, gains: dict[str, Estimate], convention: Convention) -> tuple[Verdict, str, int]:
    """By suite: above +margin supports, below -margin contradicts, anything else is undecided."""
    margin, words = claim.margin, f"the margin of {claim.margin:g} {convention.unit}".rstrip()
    answers = {suite: _answer(gain, margin) for suite, gain in gains.items()}
    verdict = settled(answers.values())
    if verdict == Verdict.CONTRADICTED:
        reverse = [suite for suite, answer in answers.items() if answer is False]
        text = _gain_text(gains[reverse[0]].interval, convention)
        why = f"on {and_list(reverse)} it is the other way round by more than {words} ({reverse[0]}: {text})."
        return verdict, why, 0
    if verdict == Verdict.SUPPORTED:
        return verdict, f"the difference exceeds {words} on {and_list(list(gains))}.", 0
    undecided = {suite: _undecided(gains[suite], margin, words) for suite, yes in answers.items() if yes is None}
    reasons: dict[str, list[str]] = {}
    for suite, one in undecided.items():
        reasons.setdefault(one.words, []).append(suite)
    why = "; ".join(f"on {and_list(suites)} {reason}" for reason, suites in reasons.items()) + "."
    return verdict, why, max(one.seeds for one in undecided.values())


def _answer(gain: Estimate, margin: float) -> bool | None:
    interval, infinite = gain.interval, gain.infinite
    if interval.low is None or interval.high is None:
        return None
    if interval.low > margin:
        return None if infinite.lost > infinite.won else True
    if interval.high < -margin:
        return None if infinite.won > infinite.lost else False
    return None


def _undecided(gain: Estimate, margin: float, words: str) -> Advice:
    """Why a suite decides nothing, and what would."""
    interval = gain.interval
    assert interval.mean is not None and interval.low is not None and interval.high is not None  # noqa: PT018
    if interval.low > margin or interval.high < -margin:
        return Advice(f"the mean is beyond {words}, but the pairs with an infinite side point the other way")
    if abs(interval.mean) > margin:
        more = advice(gain, margin if interval.mean > 0 else -margin)
        return Advice(f"the interval reaches into {words}{more.words}", more.seeds)
    if interval.high < margin:
        end = ", so a larger test would not support the claim" if gain.seeds.known else ""
        return Advice(f"the difference is shown to be smaller than {words}{end}")
    more = advice(gain, margin, "would show that it is no larger")
    return Advice(f"the mean difference is within {words}{more.words}", more.seeds)


def _infinite_text(suite: str, infinite: InfinitePairs, better: Contender, worse: Contender) -> str:
    if not infinite.count:
        return ""
    score = f"{infinite.won} won by {better.name}, {infinite.lost} by {worse.name}, {infinite.tied} tied"
    left_out = f"{infinite.count} of {infinite.pairs} pairs are infinite and left out of the mean"
    return f" On {suite} {left_out}: {score}."


def _gain_said(gain: Estimate, better: Contender, worse: Contender, convention: Convention) -> str:
    return f"{better.name} ahead of {worse.name} by {_gain_text(gain.interval, convention)}{gain.note}"


def _gain_text(gain: Interval, convention: Convention) -> str:
    # A margin may be finer than the digits of a table.
    return gain.text(convention.digits + 1, convention.unit, signed=True)
