"""Orders: one side ahead of another by more than a margin, on the same images."""

from bench.claims.case import Case, more, required
from bench.claims.contenders import advantage, goodness, seed_half_width
from bench.claims.finding import Finding, Measured, Verdict
from bench.claims.statistics import Interval, images_needed
from bench.metrics.definitions import MetricDefinition
from bench.metrics.probed import definition_of
from bench.paper import Order
from bench.paper.arithmetic import and_list
from bench.paper.claims import BEST_FLOOR


def judge_order(case: Case, claim: Order) -> Finding:
    """By mask set: the paired difference, widened by what the training seeds alone can move, against the margin."""
    definition = definition_of(claim.metric)
    assert definition is not None
    case.require(claim.better, claim.worse)
    gains: dict[str, Interval] = {}
    measured, seeds, both_trained = [], [], True
    for mask_set in claim.mask_sets:
        better, worse = (
            case.best_floor(mask_set, definition) if side == BEST_FLOOR else case.side(side) for side in claim.sides
        )
        good, bad = (
            required(goodness(one, mask_set, definition), one, mask_set, claim.metric) for one in (better, worse)
        )
        gains[mask_set] = advantage(good, bad).widened(seed_half_width(better, worse, mask_set, definition))
        trained = [one.seeds for one in (better, worse) if case.trained(one)]
        seeds += trained or [1]
        both_trained = len(trained) == 2
        text = _gain_text(gains[mask_set], definition)
        measured.append(Measured(mask_set, claim.metric, f"{better.name} ahead of {worse.name} by {text}"))
    verdict, why = _weigh(case, claim, gains, definition)
    if both_trained:
        verdict, why = case.enough_seeds(claim.sides, min(seeds), verdict, why)
    return Finding(claim, verdict, case.where(min(seeds)) + why, tuple(measured))


def _weigh(case: Case, claim: Order, gains: dict[str, Interval], definition: MetricDefinition) -> tuple[Verdict, str]:
    """By mask set: above +margin supports, below -margin contradicts, anything else is undecided."""
    if (why := case.no_evidence(gains.values())) is not None:
        return Verdict.INCONCLUSIVE, why
    margin, words = claim.margin, f"the margin of {claim.margin:g} {definition.unit}".rstrip()
    reverse = [mask_set for mask_set, gain in gains.items() if gain.high is not None and gain.high < -margin]
    if reverse:
        text = _gain_text(gains[reverse[0]], definition)
        why = f"on {and_list(reverse)} it is the other way round by more than {words} ({reverse[0]}: {text})."
        return Verdict.CONTRADICTED, why
    undecided = [mask_set for mask_set, gain in gains.items() if gain.low is None or gain.low <= margin]
    if not undecided:
        return Verdict.SUPPORTED, f"the difference exceeds {words} on {and_list(list(gains))}."
    reasons: dict[str, list[str]] = {}
    for mask_set in undecided:
        reasons.setdefault(_undecided(gains[mask_set], margin, words), []).append(mask_set)
    return Verdict.INCONCLUSIVE, "; ".join(
        f"on {and_list(mask_sets)} {why}" for why, mask_sets in reasons.items()
    ) + "."


def _undecided(gain: Interval, margin: float, words: str) -> str:
    """Why a mask set decides nothing, and how many images would."""
    assert gain.mean is not None
    if abs(gain.mean) > margin:
        needed = images_needed(gain, margin if gain.mean > 0 else -margin)
        return f"the interval reaches into {words}; {more(needed, gain, 'would settle it')}"
    if gain.high is not None and gain.high < margin:
        return f"the difference is shown to be smaller than {words}, so more images would not support the claim"
    needed = images_needed(gain, margin)
    return f"the mean difference is within {words}; {more(needed, gain, 'would show that it is no larger')}"


def _gain_text(gain: Interval, definition: MetricDefinition) -> str:
    # A margin may be finer than the digits of a table.
    return gain.text(definition.digits + 1, definition.unit, signed=True)
