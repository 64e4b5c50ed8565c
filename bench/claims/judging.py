"""Every claim of a paper against the records of one protocol (data set × scale): a verdict is a statement about it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.claims.bound import judge_bound
from bench.claims.case import Case
from bench.claims.cell import judge_cell
from bench.claims.contenders import by_protocol, contenders
from bench.claims.finding import Finding, NoContestError, Verdict
from bench.claims.order import judge_order
from bench.claims.trace import judge_trace
from bench.claims.trend import judge_trend
from bench.claims.wins import judge_wins
from bench.paper import Arithmetic, Bound, Cell, Claim, Judgement, Order, Paper, Trace, Wins
from bench.paper.arithmetic import check
from bench.runs.records import Record


def judge(
    paper: Paper, key: str, records: list[Record], floors: set[str], include: Sequence[Path] = ()
) -> list[Finding]:
    """One finding for each claim of `paper`, whose own method is `key`; `floors` are the keys of the floors, `include`
    is where methods were found that are not among the installed ones.

    `records` belong to one protocol; ValueError where they do not.
    """
    if len(by_protocol(records)) > 1:
        raise ValueError("judge takes the records of one protocol")
    case = Case(paper, key, contenders(records), floors, include)
    return _corrected([_judge(case, claim) for claim in paper.claims])


def _corrected(findings: list[Finding]) -> list[Finding]:
    """With `p_together`: whoever weighs many claims decides some falsely."""
    weighed = [one.p for one in findings if one.p is not None]
    if not weighed:
        return findings
    together = iter(weighed if len(weighed) == 1 else _holm(weighed))
    return [one if one.p is None else replace(one, p_together=float(next(together))) for one in findings]


def _holm(values: list[float]) -> Sequence[float]:
    from statsmodels.stats.multitest import multipletests  # loads for most of a second; a call collects all garbage

    found: Sequence[float] = multipletests(values, method="holm")[1]
    return found


def _judge(case: Case, claim: Claim) -> Finding:
    try:
        if isinstance(claim, Judgement):
            return Finding(claim, Verdict.NOT_COMPARABLE, claim.why)
        if isinstance(claim, Arithmetic):
            result = check(claim, case.paper)
            return Finding(claim, Verdict(result.verdict), result.why)
        if isinstance(claim, Trace):
            return judge_trace(case, claim)
        case.require_clean()
        if isinstance(claim, Cell):
            return judge_cell(case, claim)
        if isinstance(claim, Order):
            return judge_order(case, claim)
        if isinstance(claim, Wins):
            return judge_wins(case, claim)
        return judge_bound(case, claim) if isinstance(claim, Bound) else judge_trend(case, claim)
    except NoContestError as early:
        return Finding(claim, early.verdict, early.why, seeds=early.seeds)
