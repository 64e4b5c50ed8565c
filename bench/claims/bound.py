"""Bounds: the mean of a metric lies below or above a value."""

from decimal import Decimal
from functools import partial

from bench.claims.answers import answers, settled
from bench.claims.case import Case
from bench.claims.estimate import Estimate, advice
from bench.claims.finding import Decision, Finding, Measured, Verdict
from bench.claims.statistics import Interval
from bench.metrics.definitions import MetricDefinition
from bench.metrics.probed import definition_of
from bench.paper import Bound
from bench.paper.arithmetic import and_list


def judge_bound(case: Case, claim: Bound) -> Finding:
    """By mask set: the interval of the mean, widened by the spread over training seeds, against the value."""
    metric = definition_of(claim.metric)
    assert metric is not None
    case.require(claim.of)
    (one,) = case.at_look(claim.of)
    found = {mask_set: case.mean(one, mask_set, metric.id) for mask_set in claim.mask_sets}
    texts = {mask_set: _text(estimate.interval, metric, claim) for mask_set, estimate in found.items()}

    def answer(tail: float) -> Verdict:
        return settled(answers(found, claim.below, claim.above, tail).values())

    made = case.decided(claim.sides, [one], found.values(), answer, partial(_weigh, claim, found, texts))
    measured = [
        Measured(mask_set, metric.id, f"{one.name} {texts[mask_set]}{estimate.note}", estimate.interval)
        for mask_set, estimate in found.items()
    ]
    return Finding(
        claim, made.verdict, case.where([one], found.values()) + made.why, tuple(measured), made.seeds, made.p
    )


def _weigh(claim: Bound, found: dict[str, Estimate], texts: dict[str, str]) -> Decision:
    limit = claim.below if claim.below is not None else claim.above
    assert limit is not None
    side, other = ("below", "above") if claim.below is not None else ("above", "below")
    tail = next(iter(found.values())).tail
    given = answers(found, claim.below, claim.above, tail)
    verdict = settled(given.values())
    if verdict == Verdict.INCONCLUSIVE:
        more = {mask_set: advice(found[mask_set], limit) for mask_set, answer in given.items() if answer is None}
        parts = [f"{texts[mask_set]} on {mask_set}{one.words}" for mask_set, one in more.items()]
        why = f"the interval of the mean straddles {limit:g}: {'; '.join(parts)}."
        return Decision(verdict, why, max(one.seeds for one in more.values()))
    telling = [mask_set for mask_set, answer in given.items() if answer is (verdict == Verdict.SUPPORTED)]
    listed = and_list([f"{texts[mask_set]} on {mask_set}" for mask_set in telling])
    where = side if verdict == Verdict.SUPPORTED else f"{other}, not {side},"
    return Decision(verdict, f"the mean is {listed}: {where} {limit:g} with the whole interval.")


def _text(interval: Interval, metric: MetricDefinition, claim: Bound) -> str:
    """With a digit more than the limit has, and how many images have no finite value."""
    limit = claim.below if claim.below is not None else claim.above
    exponent = Decimal(repr(limit)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    text = interval.text(max(metric.digits, 1 - exponent), metric.unit)
    return f"{text}, infinite for {interval.infinite} images and left out" if interval.infinite else text
