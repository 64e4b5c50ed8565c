"""Bounds: the mean of a metric lies below or above a value."""

from decimal import Decimal

from bench.claims.case import Case, lies, required, settled, would_settle
from bench.claims.finding import Finding, Measured, Verdict
from bench.claims.statistics import Interval, seed_interval
from bench.metrics.definitions import MetricDefinition
from bench.metrics.probed import definition_of
from bench.paper import Bound
from bench.paper.arithmetic import and_list


def judge_bound(case: Case, claim: Bound) -> Finding:
    """By mask set: the interval of the mean, widened by what the training seeds alone can move, against the value."""
    metric = definition_of(claim.metric)
    assert metric is not None
    case.require(claim.of)
    one = case.side(claim.of)
    found: dict[str, Interval] = {}
    for mask_set in claim.mask_sets:
        series = required(one.series(mask_set, metric.id), one, mask_set, metric.id)
        alone = [required(each.series(mask_set, metric.id), each, mask_set, metric.id).rank for each in one.by_seed()]
        found[mask_set] = series.interval().widened(seed_interval(alone))
    texts = {mask_set: _text(interval, metric, claim) for mask_set, interval in found.items()}
    verdict, why = _weigh(case, claim, found, texts)
    if case.trained(one):
        verdict, why = case.enough_seeds(claim.sides, one.seeds, verdict, why)
    measured = [Measured(mask_set, metric.id, f"{one.name} {text}") for mask_set, text in texts.items()]
    return Finding(claim, verdict, case.where(one.seeds) + why, tuple(measured))


def _weigh(case: Case, claim: Bound, found: dict[str, Interval], texts: dict[str, str]) -> tuple[Verdict, str]:
    if (why := case.no_evidence(found.values())) is not None:
        return Verdict.INCONCLUSIVE, why
    limit = claim.below if claim.below is not None else claim.above
    assert limit is not None
    side, other = ("below", "above") if claim.below is not None else ("above", "below")
    answers = {mask_set: lies(interval, claim.below, claim.above) for mask_set, interval in found.items()}
    verdict = settled(answers.values())
    if verdict == Verdict.INCONCLUSIVE:
        undecided = [mask_set for mask_set, answer in answers.items() if answer is None]
        parts = [f"{texts[mask_set]} on {mask_set}; {would_settle(found[mask_set], limit)}" for mask_set in undecided]
        return verdict, f"the interval of the mean reaches over {limit:g}: {'; '.join(parts)}."
    telling = [mask_set for mask_set, answer in answers.items() if answer is (verdict == Verdict.SUPPORTED)]
    listed = and_list([f"{texts[mask_set]} on {mask_set}" for mask_set in telling])
    where = side if verdict == Verdict.SUPPORTED else f"{other}, not {side},"
    return verdict, f"the mean is {listed}: {where} {limit:g} with the whole interval."


def _text(interval: Interval, metric: MetricDefinition, claim: Bound) -> str:
    """With a digit more than the limit has, and how many images have no finite value."""
    limit = claim.below if claim.below is not None else claim.above
    exponent = Decimal(repr(limit)).normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    text = interval.text(max(metric.digits, 1 - exponent), metric.unit)
    return f"{text}, infinite for {interval.infinite} images and left out" if interval.infinite else text
