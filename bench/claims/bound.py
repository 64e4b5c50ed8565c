"""Bounds: the mean of a metric lies below or above a value."""

from decimal import Decimal

from bench.arithmetic import and_list
from bench.claims.case import Case, lies, settled
from bench.claims.estimate import Estimate, advice
from bench.claims.finding import Finding, Measured, Verdict
from bench.metrics.conventions import Convention
from bench.metrics.probed import definition
from bench.spec import Bound
from bench.statistics import Interval


def judge_bound(case: Case, claim: Bound) -> Finding:
    """By suite: the interval of the mean, widened by what the training seeds alone can move, against the value."""
    metric = definition(claim.metric)
    assert metric is not None
    case.require(claim.of)
    one = case.side(claim.of)
    found = {suite: case.mean(one, suite, metric.id) for suite in claim.suites}
    texts = {suite: _text(estimate.interval, metric, claim) for suite, estimate in found.items()}
    why = case.no_evidence(estimate.images for estimate in found.values())
    if why is None:
        verdict, why = case.concluded(claim.sides, found.values(), *_weigh(claim, found, texts))
    else:
        verdict = Verdict.INCONCLUSIVE
    measured = [Measured(suite, metric.id, f"{one.name} {texts[suite]}{found[suite].note}") for suite in found]
    return Finding(claim, verdict, case.where([one], found.values()) + why, tuple(measured))


def _weigh(claim: Bound, found: dict[str, Estimate], texts: dict[str, str]) -> tuple[Verdict, str, int]:
    limit = claim.below if claim.below is not None else claim.above
    assert limit is not None
    side, other = ("below", "above") if claim.below is not None else ("above", "below")
    answers = {suite: lies(estimate.interval, claim.below, claim.above) for suite, estimate in found.items()}
    verdict = settled(answers.values())
    if verdict == Verdict.INCONCLUSIVE:
        more = {suite: advice(found[suite], limit) for suite, answer in answers.items() if answer is None}
        parts = [f"{texts[suite]} on {suite}{one.words}" for suite, one in more.items()]
        why = f"the interval of the mean reaches over {limit:g}: {'; '.join(parts)}."
        return verdict, why, max(one.seeds for one in more.values())
    telling = [suite for suite, answer in answers.items() if answer is (verdict == Verdict.SUPPORTED)]
    listed = and_list([f"{texts[suite]} on {suite}" for suite in telling])
    where = side if verdict == Verdict.SUPPORTED else f"{other}, not {side},"
    return verdict, f"the mean is {listed}: {where} {limit:g} with the whole interval.", 0


def _text(interval: Interval, metric: Convention, claim: Bound) -> str:
    """With a digit more than the limit has, and how many images have no finite value."""
    limit = claim.below if claim.below is not None else claim.above
    exponent = Decimal(repr(limit)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    text = interval.text(max(metric.digits, 1 - exponent), metric.unit)
    return f"{text}, infinite for {interval.infinite} images and left out" if interval.infinite else text
