"""Bounds: the mean of a metric lies below or above a value."""

from decimal import Decimal

from bench.claims.case import Case, lies, required, settled, would_settle
from bench.claims.finding import Finding, Measured, Verdict
from bench.claims.statistics import Interval, seed_interval
from bench.metrics.definitions import Convention
from bench.metrics.probed import definition
from bench.paper import Bound
from bench.paper.arithmetic import and_list


def judge_bound(case: Case, claim: Bound) -> Finding:
    """By suite: the interval of the mean, widened by what the training seeds alone can move, against the value."""
    metric = definition(claim.metric)
    assert metric is not None
    case.require(claim.of)
    one = case.side(claim.of)
    found: dict[str, Interval] = {}
    for suite in claim.suites:
        series = required(one.series(suite, metric.id), one, suite, metric.id)
        alone = [required(each.series(suite, metric.id), each, suite, metric.id).rank for each in one.by_seed()]
        found[suite] = series.interval().widened(seed_interval(alone))
    texts = {suite: _text(interval, metric, claim) for suite, interval in found.items()}
    verdict, why = _weigh(case, claim, found, texts)
    if case.trained(one):
        verdict, why = case.enough_seeds(claim.sides, one.seeds, verdict, why)
    measured = [Measured(suite, metric.id, f"{one.name} {text}") for suite, text in texts.items()]
    return Finding(claim, verdict, case.where(one.seeds) + why, tuple(measured))


def _weigh(case: Case, claim: Bound, found: dict[str, Interval], texts: dict[str, str]) -> tuple[Verdict, str]:
    if (why := case.no_evidence(found.values())) is not None:
        return Verdict.INCONCLUSIVE, why
    limit = claim.below if claim.below is not None else claim.above
    assert limit is not None
    side, other = ("below", "above") if claim.below is not None else ("above", "below")
    answers = {suite: lies(interval, claim.below, claim.above) for suite, interval in found.items()}
    verdict = settled(answers.values())
    if verdict == Verdict.INCONCLUSIVE:
        undecided = [suite for suite, answer in answers.items() if answer is None]
        parts = [f"{texts[suite]} on {suite}; {would_settle(found[suite], limit)}" for suite in undecided]
        return verdict, f"the interval of the mean reaches over {limit:g}: {'; '.join(parts)}."
    telling = [suite for suite, answer in answers.items() if answer is (verdict == Verdict.SUPPORTED)]
    listed = and_list([f"{texts[suite]} on {suite}" for suite in telling])
    where = side if verdict == Verdict.SUPPORTED else f"{other}, not {side},"
    return verdict, f"the mean is {listed}: {where} {limit:g} with the whole interval."


def _text(interval: Interval, metric: Convention, claim: Bound) -> str:
    """With a digit more than the limit has, and how many images have no finite value."""
    limit = claim.below if claim.below is not None else claim.above
    exponent = Decimal(repr(limit)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    text = interval.text(max(metric.digits, 1 - exponent), metric.unit)
    return f"{text}, infinite for {interval.infinite} images and left out" if interval.infinite else text
