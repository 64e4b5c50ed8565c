"""Trends: a metric falls or rises with another quantity, image by image."""

from bench.claims.case import Case, lies, required, settled
from bench.claims.estimate import Advice, Estimate, advice
from bench.claims.finding import Finding, Measured, Verdict
from bench.contenders import Contender
from bench.correlation import series_correlation
from bench.spec import Trend
from bench.spec.words import title
from bench.statistics import Interval


def judge_trend(case: Case, claim: Trend) -> Finding:
    """By suite: the interval of Spearman's rank correlation over images, widened by what the seeds move, against 0."""
    case.require(claim.of)
    one = case.side(claim.of)
    found = {suite: _estimate(case, one, claim, suite) for suite in claim.suites}
    why = _no_evidence(case, claim, found)
    if why is None:
        verdict, why = case.concluded(claim.sides, found.values(), *_weigh(claim, found))
    else:
        verdict = Verdict.INCONCLUSIVE
    what = f"{one.name}, rank correlation with {title(claim.along)}"
    texts = {suite: f"{what} {_text(rho.interval)}{rho.note}" for suite, rho in found.items()}
    measured = [Measured(suite, claim.metric, text) for suite, text in texts.items()]
    return Finding(claim, verdict, case.where([one], found.values()) + why, tuple(measured))


def _estimate(case: Case, one: Contender, claim: Trend, suite: str) -> Estimate:
    def measure(alone: Contender) -> float | None:
        metric, other = alone.series(suite, claim.metric), alone.series(suite, claim.along)
        return None if metric is None or other is None else series_correlation(metric, other).mean

    metric, other = (required(one.series(suite, name), one, suite, name) for name in (claim.metric, claim.along))
    return Estimate(series_correlation(metric, other), case.spread(measure, one))


def _no_evidence(case: Case, claim: Trend, found: dict[str, Estimate]) -> str | None:
    constant = [suite for suite, rho in found.items() if rho.images.mean is None]
    if constant:
        names = f"{title(claim.metric)} or {title(claim.along)}"
        return f"on {constant[0]} {names} is the same for every image: nothing can follow it."
    return case.no_evidence(rho.images for rho in found.values())


def _weigh(claim: Trend, found: dict[str, Estimate]) -> tuple[Verdict, str, int]:
    below, above = (0.0, None) if claim.falls else (None, 0.0)
    answers = {suite: lies(rho.interval, below, above) for suite, rho in found.items()}
    verdict = settled(answers.values())
    telling = {Verdict.SUPPORTED: True, Verdict.CONTRADICTED: False}.get(verdict)
    told = [suite for suite, answer in answers.items() if answer is telling]
    more = {suite: Advice("") if telling is not None else advice(found[suite], 0.0) for suite in told}
    parts = [_said(claim, suite, found[suite].interval, telling, more[suite]) for suite in told]
    return verdict, "; ".join(parts) + ".", max(one.seeds for one in more.values())


def _said(claim: Trend, suite: str, rho: Interval, answer: bool | None, more: Advice) -> str:
    what = f"{title(claim.metric)} {{}} with {title(claim.along)} on {suite}: rank correlation {_text(rho)}"
    if answer is None:
        return f"{what.format('may fall or rise')} reaches over 0{more.words}"
    return what.format("falls" if claim.falls is answer else "rises")


def _text(rho: Interval) -> str:
    return rho.text(2, signed=True)
