"""Trends: a metric falls or rises with another quantity, image by image."""

from bench.claims.case import Case, lies, required, settled, would_settle
from bench.claims.contenders import Contender
from bench.claims.correlation import series_correlation
from bench.claims.finding import Finding, Measured, Verdict
from bench.claims.statistics import Interval, seed_interval
from bench.paper import Trend
from bench.paper.words import title


def judge_trend(case: Case, claim: Trend) -> Finding:
    """By mask set: the interval of Spearman's rank correlation over images, widened by what the seeds move, against
    0."""
    case.require(claim.of)
    one = case.side(claim.of)
    found: dict[str, Interval] = {}
    for mask_set in claim.mask_sets:
        alone = [rho for each in one.by_seed() if (rho := _rho(each, claim, mask_set).mean) is not None]
        found[mask_set] = _rho(one, claim, mask_set).widened(seed_interval(alone))
    verdict, why = _weigh(case, claim, found)
    if case.trained(one):
        verdict, why = case.enough_seeds(claim.sides, one.seeds, verdict, why)
    measured = [
        Measured(mask_set, claim.metric, f"{one.name}, rank correlation with {title(claim.along)} {_text(rho)}")
        for mask_set, rho in found.items()
    ]
    return Finding(claim, verdict, case.where(one.seeds) + why, tuple(measured))


def _rho(one: Contender, claim: Trend, mask_set: str) -> Interval:
    metric, other = (required(one.series(mask_set, name), one, mask_set, name) for name in (claim.metric, claim.along))
    return series_correlation(metric, other)


def _weigh(case: Case, claim: Trend, found: dict[str, Interval]) -> tuple[Verdict, str]:
    constant = [mask_set for mask_set, rho in found.items() if rho.mean is None]
    if constant:
        names = f"{title(claim.metric)} or {title(claim.along)}"
        return Verdict.INCONCLUSIVE, f"on {constant[0]} {names} is the same for every image: nothing can follow it."
    no_evidence = case.no_evidence(found.values())
    if no_evidence is not None:
        return Verdict.INCONCLUSIVE, no_evidence
    below, above = (0.0, None) if claim.falls else (None, 0.0)
    answers = {mask_set: lies(rho, below, above) for mask_set, rho in found.items()}
    verdict = settled(answers.values())
    telling = {Verdict.SUPPORTED: True, Verdict.CONTRADICTED: False}.get(verdict)
    parts = [
        _said(claim, mask_set, found[mask_set], answer) for mask_set, answer in answers.items() if answer is telling
    ]
    return verdict, "; ".join(parts) + "."


def _said(claim: Trend, mask_set: str, rho: Interval, answer: bool | None) -> str:
    what = f"{title(claim.metric)} {{}} with {title(claim.along)} on {mask_set}: rank correlation {_text(rho)}"
    if answer is None:
        return f"{what.format('may fall or rise')} reaches over 0; {would_settle(rho, 0.0)}"
    return what.format("falls" if claim.falls is answer else "rises")


def _text(rho: Interval) -> str:
    return rho.text(2, signed=True)
