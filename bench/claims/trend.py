"""Trends: a metric falls or rises with another quantity, image by image."""

from functools import partial

from bench.claims.answers import answers, settled
from bench.claims.case import Case, required
from bench.claims.contenders import Contender
from bench.claims.correlation import series_correlation, series_rho
from bench.claims.estimate import Advice, Estimate, advice
from bench.claims.finding import Decision, Finding, Measured, Verdict
from bench.claims.statistics import Interval
from bench.paper import Trend
from bench.paper.words import title


def judge_trend(case: Case, claim: Trend) -> Finding:
    """By mask set: the interval of Spearman's rank correlation over images, widened by what the seeds move, against
    0."""
    case.require(claim.of)
    (one,) = case.at_look(claim.of)
    found = {mask_set: _estimate(case, one, claim, mask_set) for mask_set in claim.mask_sets}
    answer, weigh, nothing = partial(_answer, claim, found), partial(_weigh, claim, found), _constant(claim, found)
    made = case.decided(claim.sides, [one], found.values(), answer, weigh, nothing)
    what = f"{one.name}, rank correlation with {title(claim.along)}"
    texts = {mask_set: f"{what} {_text(rho.interval)}{rho.note}" for mask_set, rho in found.items()}
    measured = [Measured(mask_set, claim.metric, text, found[mask_set].interval) for mask_set, text in texts.items()]
    return Finding(
        claim, made.verdict, case.where([one], found.values()) + made.why, tuple(measured), made.seeds, made.p
    )


def _estimate(case: Case, one: Contender, claim: Trend, mask_set: str) -> Estimate:
    def measure(alone: Contender) -> float | None:
        metric, other = alone.series(mask_set, claim.metric), alone.series(mask_set, claim.along)
        return None if metric is None or other is None else series_rho(metric, other)

    metric, other = (required(one.series(mask_set, name), one, mask_set, name) for name in (claim.metric, claim.along))
    return Estimate(series_correlation(metric, other), case.spread(measure, one))


def _constant(claim: Trend, found: dict[str, Estimate]) -> str | None:
    """Why there is nothing to correlate on a mask set; None where there is on each."""
    constant = [mask_set for mask_set, rho in found.items() if rho.images.mean is None]
    if not constant:
        return None
    names = f"{title(claim.metric)} or {title(claim.along)}"
    return f"on {constant[0]} {names} is the same for every image, so there is no correlation."


def _answers(claim: Trend, found: dict[str, Estimate], tail: float) -> dict[str, bool | None]:
    below, above = (0.0, None) if claim.falls else (None, 0.0)
    return answers(found, below, above, tail)


def _answer(claim: Trend, found: dict[str, Estimate], tail: float) -> Verdict:
    return settled(_answers(claim, found, tail).values())


def _weigh(claim: Trend, found: dict[str, Estimate]) -> Decision:
    given = _answers(claim, found, next(iter(found.values())).tail)
    verdict = settled(given.values())
    telling = {Verdict.SUPPORTED: True, Verdict.CONTRADICTED: False}.get(verdict)
    told = [mask_set for mask_set, answer in given.items() if answer is telling]
    more = {mask_set: Advice("") if telling is not None else advice(found[mask_set], 0.0) for mask_set in told}
    parts = [_said(claim, mask_set, found[mask_set].interval, telling, more[mask_set]) for mask_set in told]
    return Decision(verdict, "; ".join(parts) + ".", max(one.seeds for one in more.values()))


def _said(claim: Trend, mask_set: str, rho: Interval, answer: bool | None, more: Advice) -> str:
    what = f"{title(claim.metric)} {{}} with {title(claim.along)} on {mask_set}: rank correlation {_text(rho)}"
    if answer is None:
        return f"{what.format('may fall or rise')} straddles 0{more.words}"
    return what.format("falls" if claim.falls is answer else "rises")


def _text(rho: Interval) -> str:
    return rho.text(2, signed=True)
