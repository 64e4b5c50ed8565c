"""Traces: what a training scalar does at the end of a stage, over the training seeds."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

import bench.claims.looks as looks
from bench.claims.answers import answer_of, p_value, settled
from bench.claims.case import SMOKE, Case
from bench.claims.contenders import Contender, Training, processor
from bench.claims.curves import Tail, tail
from bench.claims.finding import DECISIVE, Decision, Finding, Measured, NoContestError, Verdict
from bench.claims.health import examined
from bench.claims.looks import FEWEST_SEEDS
from bench.claims.statistics import Interval, of_seeds, seeds_needed, t_half_width
from bench.paper import Trace
from bench.paper.arithmetic import and_list
from bench.paper.words import end
from bench.runs.records import Record
from bench.util.errors import nearest


class Check(NamedTuple):
    """One quantity that must lie below a limit, measured once a seed."""

    words: str
    """What is said of it, with {} for its value."""
    values: list[float]
    limit: float
    percent: bool

    def at(self, tail: float) -> Interval:
        """Over seeds; without bounds where there is one seed, without a mean where a value is infinite."""
        count, mean = len(self.values), float(np.mean(self.values))
        if not math.isfinite(mean):
            return Interval(None, None, None, 0, 0, count)
        if count < 2:
            return Interval(mean, None, None, count, count)
        half_width = t_half_width([of_seeds(self.values)], tail)
        return Interval(mean, mean - half_width, mean + half_width, count, count)

    @property
    def interval(self) -> Interval:
        """The one that its look is judged by."""
        return self.at(looks.tail(len(self.values)))

    @property
    def deviation(self) -> float:
        """Standard deviation between seeds."""
        return float(np.std(self.values, ddof=1))

    @property
    def gap(self) -> float:
        """From the mean to the limit."""
        return abs(float(np.mean(self.values)) - self.limit)

    @property
    def text(self) -> str:
        """`ends at 31 % [25, 37] of its largest value (claimed: under 50 %)`."""
        limit = f"{100 * self.limit:g} %" if self.percent else f"{self.limit:g}"
        return f"{self.words.format(self._value())} (claimed: under {limit})"

    def _value(self) -> str:
        interval, unit = self.interval, " %" if self.percent else ""
        if interval.mean is None:
            return "no finite part"
        ends = [number(value, self.percent) for value in (interval.low, interval.high) if value is not None]
        bounds = f" [{', '.join(ends)}]" if ends else ""
        return f"{number(interval.mean, self.percent)}{unit}{bounds}"


def judge_trace(case: Case, claim: Trace) -> Finding:
    """Every check must hold with its whole interval over seeds; one that fails with its whole interval contradicts."""
    case.require(*claim.sides)
    sides = case.at_look(*claim.sides)
    tails = [_tails(one, claim) for one in sides]
    shared = sorted(set.intersection(*(set(found) for found in tails)))
    if not shared:
        raise NoContestError(Verdict.NOT_ATTEMPTED, _apart(case, claim, tails))
    checks = _checks(claim, [[found[training] for training in shared] for found in tails], sides)
    made = _weigh(case, claim, checks, len(shared))
    why = " ".join([made.why, *_ills(sides)]) if made.verdict in DECISIVE else made.why
    measured = [Measured(claim.stage, claim.scalar, text) for text in _told(claim, sides, tails)]
    seeds = len({seed for seed, _ in shared})
    return Finding(claim, made.verdict, case.where(sides, seeds=seeds) + why, tuple(measured), made.seeds, made.p)


def curve(record: Record, claim: Trace) -> pd.DataFrame | None:
    """The rows of the claim's scalar in its stage, by step; None where the record has none."""
    if record.scalars is None:
        return None
    rows = record.scalars.query("stage == @claim.stage and name == @claim.scalar").sort_values("step")
    return rows if len(rows) else None


def number(value: float, percent: bool = False) -> str:
    """Three significant digits, with a true minus sign."""
    return f"{100 * value if percent else value:.3g}".replace("-", "−")


def _tails(one: Contender, claim: Trace) -> dict[Training, Tail]:
    """By training. Raises where a run has no such curve."""
    found = {}
    for record in one.records:
        rows = curve(record, claim)
        if rows is None or len(rows) < 2:
            raise NoContestError(Verdict.NOT_ATTEMPTED, _absent(one, record, claim))
        found[record.run.seed, processor(record)] = tail(rows, claim.tail)
    return found


def _apart(case: Case, claim: Trace, tails: Sequence[dict[Training, Tail]]) -> str:
    line = case.seeds_line(claim.sides)
    if set.intersection(*({seed for seed, _ in found} for found in tails)):
        return f"No seed that both sides have was trained on the same processor. Run `{line} --force` on one machine."
    return f"The sides have no seed in common. Run `{line}`."


def _absent(one: Contender, record: Record, claim: Trace) -> str:
    if record.scalars is None:
        again = f"Run `{record.content.command} --force`." if record.content.training else ""
        return f"The record of {one.name} has no training curves. {again}".rstrip()
    logged = [f"{stage}/{name}" for stage, name in record.scalars[["stage", "name"]].drop_duplicates().to_numpy()]
    asked = f"{claim.stage}/{claim.scalar}"
    if asked in logged:
        return f"The curve {asked} of {one.name} has a single point; train longer for more."
    return f"{one.name} has no training curve {asked}.{nearest(asked, logged)}"


def _checks(claim: Trace, tails: Sequence[Sequence[Tail]], sides: Sequence[Contender]) -> list[Check]:
    own, over = tails[0], end(claim)
    if claim.check == "settles":
        assert claim.share is not None and claim.flat is not None  # noqa: PT018
        return [
            Check("ends at {} of its largest value", [one.level for one in own], claim.share, True),
            Check(f"drifts by {{}} of its median over {over}", [one.slope for one in own], claim.flat, True),
        ]
    if claim.check == "steadier":
        assert claim.share is not None
        ratios = [_ratio(a.noise, b.noise) for a, b in zip(own, tails[1], strict=True)]
        return [Check(f"scatters {{}} as much over {over} as that of {sides[1].name}", ratios, claim.share, True)]
    checks = []
    if claim.below is not None:
        checks = [Check(f"has a median size of {{}} over {over}", [one.median for one in own], claim.below, False)]
    if claim.share is not None:
        ratios = [_ratio(a.median, b.median) for a, b in zip(own, tails[1], strict=True)]
        checks.append(Check(f"has at its end {{}} of the median size of {sides[1].name}", ratios, claim.share, True))
    return checks


def _ratio(value: float, other: float) -> float:
    return value / other if other else math.inf


def _weigh(case: Case, claim: Trace, checks: Sequence[Check], trainings: int) -> Decision:
    assert case.run is not None
    if case.run.scale == "smoke":
        return Decision(Verdict.INCONCLUSIVE, SMOKE)
    name = f"the curve {claim.stage}/{claim.scalar}"
    if trainings < FEWEST_SEEDS:
        said, line = and_list([check.text for check in checks]), case.seeds_line(claim.sides)
        why = f"{name} {said}; but another seed alone can move it. Run `{line}`."
        return Decision(Verdict.INCONCLUSIVE, why, FEWEST_SEEDS)

    def given(tail: float) -> list[bool | None]:
        return [answer_of(check, check.limit, None, tail, len(checks)) for check in checks]

    found = given(looks.tail(trainings))
    verdict = settled(found)
    p = p_value(verdict, lambda tail: settled(given(tail)), trainings)
    telling = {Verdict.SUPPORTED: True, Verdict.CONTRADICTED: False}.get(verdict)
    told = [check for check, answer in zip(checks, found, strict=True) if answer is telling]
    said = and_list([check.text for check in told])
    if verdict == Verdict.INCONCLUSIVE:
        needs = [seeds_needed(check.deviation, _all_of(check.gap), trainings) for check in told]
        seeds = 0 if None in needs else max(need for need in needs if need is not None)
        why = f"{name} {said}; the interval over seeds straddles the limit. {_settles(case, claim, seeds)}"
        return Decision(verdict, why, seeds, p)
    return Decision(verdict, f"{name} {said}.", p=p)


def _all_of(gap: float) -> Callable[[float], float]:
    return lambda tail: gap


def _ills(sides: Sequence[Contender]) -> list[str]:
    """What is wrong with the trainings: told, and no more, since a collapse may be what the claim is about."""
    ills = {one.name: examined(one).ills for one in sides}
    return [f"{name} is not well: {'; '.join(found)}." for name, found in ills.items() if found]


def _settles(case: Case, claim: Trace, seeds: int) -> str:
    if not seeds:
        return f"At this spread no look at up to {max(looks.LOOKS)} seeds would settle it."
    return f"About {seeds} seeds would settle it if the spread stays. Run `{case.seeds_line(claim.sides, seeds)}`."


def _told(claim: Trace, sides: Sequence[Contender], tails: Sequence[dict[Training, Tail]]) -> list[str]:
    """One line a side: what its curve does at its end."""
    lines = []
    for one, found in zip(sides, tails, strict=True):
        mean = {
            key: float(np.mean([getattr(each, key) for each in found.values()])) for key in ("median", "peak", "noise")
        }
        values = f"median size {number(mean['median'])} over {end(claim)}, largest {number(mean['peak'])}"
        values += f", scatter {number(mean['noise'], True)} % of the median" if claim.check == "steadier" else ""
        lines.append(f"{one.name}, {claim.scalar}: {values} ({one.seeds} {'seed' if one.seeds == 1 else 'seeds'})")
    return lines
