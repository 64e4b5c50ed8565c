"""Orders: one side ahead of another by more than a margin, on the same images."""

import math
from functools import partial

from bench.claims.case import Case, required
from bench.claims.contenders import Contender, InfinitePairs, advantage, goodness, infinite_pairs
from bench.claims.estimate import Advice, Estimate, advice
from bench.claims.finding import Decision, Finding, Measured, Verdict
from bench.claims.looks import later
from bench.claims.seed_spread import lead_spread
from bench.claims.statistics import Interval
from bench.metrics.definitions import MetricDefinition
from bench.metrics.probed import definition_of
from bench.paper import Order
from bench.paper.arithmetic import and_list


def judge_order(case: Case, claim: Order) -> Finding:
    """By mask set: the paired difference, widened by the spread over training seeds, against the margin.

    A pair with an infinite side is left out of the mean: it is a win for the better side, or a tie where both are
    infinite. A mean never decides against the side that wins more of these pairs, since each outweighs all others.
    """
    definition = definition_of(claim.metric)
    assert definition is not None
    case.require(claim.better, claim.worse)
    found: dict[str, Estimate] = {}
    sides: dict[str, tuple[Contender, Contender]] = {}
    for mask_set in claim.mask_sets:
        sides[mask_set] = case.pair(claim, mask_set, definition)
        found[mask_set] = _estimate(case, *sides[mask_set], mask_set, definition)
    all_sides = [one for pair in sides.values() for one in pair]
    first = sides[claim.mask_sets[0]]

    def answer(tail: float) -> Verdict:
        return _together(_answers(claim, found, tail))

    made = case.decided(claim.sides, first, found.values(), answer, partial(_weigh, claim, found, definition))
    about = "".join(_infinite_text(mask_set, found[mask_set].infinite, *sides[mask_set]) for mask_set in found)
    measured = [
        Measured(mask_set, claim.metric, _gain_said(gain, *sides[mask_set], definition), gain.interval)
        for mask_set, gain in found.items()
    ]
    why = case.where(all_sides, found.values()) + made.why + about
    return Finding(claim, made.verdict, why, tuple(measured), made.seeds, made.p)


def _estimate(case: Case, better: Contender, worse: Contender, mask_set: str, definition: MetricDefinition) -> Estimate:
    good, bad = (required(goodness(one, mask_set, definition), one, mask_set, definition.id) for one in (better, worse))
    spread = lead_spread(better, worse, mask_set, definition, case.floors, case.field)
    return Estimate(advantage(good, bad), spread, infinite_pairs(good, bad))


def _weigh(claim: Order, gains: dict[str, Estimate], definition: MetricDefinition) -> Decision:
    """By mask set: above +margin supports, below -margin contradicts, within both nothing sets the sides apart."""
    margin, words = claim.margin, f"the margin of {claim.margin:g} {definition.unit}".rstrip()
    answers = _answers(claim, gains, next(iter(gains.values())).tail)
    verdict = _together(answers)
    if verdict == Verdict.CONTRADICTED:
        reverse = [mask_set for mask_set, answer in answers.items() if answer == Verdict.CONTRADICTED]
        text = _gain_text(gains[reverse[0]].interval, definition)
        why = f"on {and_list(reverse)} it is the other way round by more than {words} ({reverse[0]}: {text})."
        return Decision(verdict, why)
    if verdict == Verdict.SUPPORTED:
        return Decision(verdict, f"the difference exceeds {words} on {and_list(list(gains))}.")
    equal = [mask_set for mask_set, answer in answers.items() if answer == Verdict.NO_DIFFERENCE]
    if verdict == Verdict.NO_DIFFERENCE:
        text = _gain_text(gains[equal[0]].interval, definition)
        why = f"the two differ by less than {words} on {and_list(equal)} ({equal[0]}: {text}); neither leads by it."
        return Decision(verdict, why)
    undecided = {
        mask_set: _undecided(gains[mask_set], margin, words, len(gains))
        for mask_set, answer in answers.items()
        if answer == Verdict.INCONCLUSIVE
    }
    if not undecided:
        ahead = and_list([mask_set for mask_set in answers if mask_set not in equal])
        why = f"it holds in part: by more than {words} on {ahead}, while the two differ by less on {and_list(equal)}."
        return Decision(verdict, why)
    reasons: dict[str, list[str]] = {}
    for mask_set, one in undecided.items():
        reasons.setdefault(one.words, []).append(mask_set)
    why = "; ".join(f"on {and_list(mask_sets)} {reason}" for reason, mask_sets in reasons.items()) + "."
    return Decision(verdict, why, max(one.seeds for one in undecided.values()))


def _answers(claim: Order, gains: dict[str, Estimate], tail: float) -> dict[str, Verdict]:
    """By mask set. One reverse contradicts, so that each may spend only its share of the error on it."""
    found = {}
    for mask_set, gain in gains.items():
        answer = _answer(gain, claim.margin, tail)
        reverse = _answer(gain, claim.margin, tail / len(gains)) == Verdict.CONTRADICTED
        found[mask_set] = Verdict.INCONCLUSIVE if answer == Verdict.CONTRADICTED and not reverse else answer
    return found


def _answer(gain: Estimate, margin: float, tail: float) -> Verdict:
    interval, infinite = gain.at(tail), gain.infinite
    if interval.low is None or interval.high is None:
        return Verdict.INCONCLUSIVE
    if interval.low > margin and infinite.lost <= infinite.won:
        return Verdict.SUPPORTED
    if interval.high < -margin and infinite.won <= infinite.lost:
        return Verdict.CONTRADICTED
    if -margin < interval.low and interval.high < margin and infinite.won == infinite.lost:
        return Verdict.NO_DIFFERENCE
    return Verdict.INCONCLUSIVE


def _together(answers: dict[str, Verdict]) -> Verdict:
    """One reverse contradicts; all alike say what each says."""
    given = set(answers.values())
    if Verdict.CONTRADICTED in given:
        return Verdict.CONTRADICTED
    return given.pop() if len(given) == 1 else Verdict.INCONCLUSIVE


def _undecided(gain: Estimate, margin: float, words: str, mask_sets: int) -> Advice:
    """Why one of so many mask sets decides nothing, and what would."""
    interval = gain.interval
    assert interval.mean is not None and interval.low is not None and interval.high is not None  # noqa: PT018
    if interval.high < -margin and gain.infinite.won <= gain.infinite.lost:
        why = f"it is the other way round by more than {words}, but not clearly enough for one of {mask_sets} mask sets"
        return Advice(why, next(iter(later(gain.seeds.trainings)), 0) if gain.seeds.trainings else 0)
    if interval.low > margin or interval.high < -margin:
        return Advice(f"the mean is beyond {words}, but the pairs with an infinite value point the other way")
    if abs(interval.mean) > margin:
        more = advice(gain, margin if interval.mean > 0 else -margin)
        return Advice(f"the interval reaches into {words}{more.words}", more.seeds)
    if -margin < interval.low and interval.high < margin:
        return Advice(f"the mean is within {words}, but the pairs with an infinite value point one way")
    if interval.high < margin:
        end = ", so a larger test would not support the claim" if gain.seeds.known else ""
        return Advice(f"the difference is shown to be smaller than {words}{end}")
    more = advice(gain, math.copysign(margin, interval.mean), "would show that it is no larger")
    return Advice(f"the mean difference is within {words}{more.words}", more.seeds)


def _infinite_text(mask_set: str, infinite: InfinitePairs, better: Contender, worse: Contender) -> str:
    if not infinite.count:
        return ""
    score = f"{infinite.won} won by {better.name}, {infinite.lost} by {worse.name}, {infinite.tied} tied"
    left_out = f"{infinite.count} of {infinite.pairs} pairs are infinite and left out of the mean"
    return f" On {mask_set} {left_out}: {score}."


def _gain_said(gain: Estimate, better: Contender, worse: Contender, definition: MetricDefinition) -> str:
    """`p ahead of q by 0.412 [0.301, 0.520] dB`, or `p behind q by ...`."""
    interval, place = gain.interval, "ahead of"
    if interval.mean is not None and interval.mean < 0:
        interval, place = interval.reversed, "behind"
    return f"{better.name} {place} {worse.name} by {_gain_text(interval, definition, signed=False)}{gain.note}"


def _gain_text(gain: Interval, definition: MetricDefinition, signed: bool = True) -> str:
    # A margin may be finer than the digits of a table.
    return gain.text(definition.digits + 1, definition.unit, signed)
