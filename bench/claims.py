"""Claim → verdict: reported numbers against measured ones, under margins that paper.toml declared before any run.

Each claim is judged on the records of one protocol (data set × scale), so a verdict is a statement about that protocol.
"""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bench.arithmetic import and_list, check
from bench.contenders import Contender, advantage, best, by_protocol, contenders, goodness, seed_half_width
from bench.errors import UserError, nearest
from bench.leakage import cap
from bench.likeness import differences, in_words
from bench.metrics.conventions import CONVENTIONS, Convention
from bench.protocol import DEFAULTS
from bench.records import Record, Run
from bench.settings import DEFAULT
from bench.spec import Arithmetic, Cell, Claim, Judgement, Order, Paper, Reported
from bench.statistics import Interval, Series, images_needed

FEWEST_GROUPS = 20
"""With fewer independent groups no interval is evidence: a percentile bootstrap over a handful is too narrow."""
FEWEST_SEEDS = 3
"""With fewer trainings on each side, two trained methods are not told apart: another seed alone moves their numbers."""
BEST_FLOOR = "best floor"
OWN = "variant:default"
"""The side of a claim that is the paper's method as printed."""
DATA_WORDS = {"faces": "drawn faces", "photos": "photographs"}
"""What to call the embedded data sets in a sentence."""


class Verdict(StrEnum):
    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    INCONCLUSIVE = "inconclusive"
    NOT_COMPARABLE = "not comparable"
    NOT_ATTEMPTED = "not attempted"


class Measured(NamedTuple):
    """One measurement that a verdict rests on."""

    suite: str
    metric: str
    text: str


@dataclass(frozen=True)
class Finding:
    """A claim with its verdict."""

    claim: Claim
    verdict: Verdict
    why: str
    """One or two sentences; commands stand in backticks."""
    measured: tuple[Measured, ...] = ()

    @property
    def depends_on_data(self) -> bool:
        """False for what the printed numbers, or nothing at all, can settle."""
        return isinstance(self.claim, Cell | Order)


def judge(paper: Paper, key: str, records: list[Record], floors: set[str]) -> list[Finding]:
    """One finding for each claim of `paper`, whose own method is `key`; `floors` are the keys of the floors.

    `records` belong to one protocol; ValueError where they do not.
    """
    if len(by_protocol(records)) > 1:
        raise ValueError("judge takes the records of one protocol")
    case = _Case(paper, key, contenders(records), floors)
    return [_judge(case, claim) for claim in paper.claims]


def command(
    paper: Paper, key: str, variants: Sequence[str] = (), run: Run | None = None, verb: str = "reproduce"
) -> str:
    """The command that makes the records of these variants, under the protocol of `run` where one is given."""
    words = ["python", "-m", "bench", verb, key]
    for variant in variants:
        words += ["--variant", variant]
    if run is not None:
        words += ["--scale", run.scale] if run.scale != "quick" else []
        known = paper.scales[run.scale].protocol.data or DEFAULTS[run.scale]["data"]
        words += ["--data", run.protocol.data] if run.protocol.data not in known else []
    return shlex.join(words)


class _NoContestError(Exception):
    """A verdict that is reached before any number is compared."""

    def __init__(self, verdict: Verdict, why: str) -> None:
        super().__init__(why)
        self.verdict, self.why = verdict, why


@dataclass(frozen=True)
class _Case:
    """What the claims are judged against."""

    paper: Paper
    key: str
    field: list[Contender]
    floors: set[str]

    @property
    def run(self) -> Run | None:
        # An external row comes last: its paths may be those of another machine.
        runs = [one.records[0].run for one in sorted(self.field, key=lambda one: one.external)]
        return runs[0] if runs else None

    def named(self, method: str, variant: str) -> list[Contender]:
        return [one for one in self.field if (one.method, one.variant) == (method, variant) and not one.external]

    def require(self, *sides: str) -> None:
        """Raise unless each side was run; the reason names every one that is missing, and one command."""
        pairs = [self._pair(side) for side in sides if side != BEST_FLOOR]
        missing = [(method, variant) for method, variant in pairs if not self.named(method, variant)]
        if not missing:
            return
        names = [method if variant == DEFAULT else f"variant {variant}" for method, variant in missing]
        other = [method for method, _ in missing if method != self.key]
        variants = [variant for method, variant in missing if method == self.key and variant != DEFAULT]
        if other:
            line = command(self.paper, other[0], (), self.run, "evaluate")
        else:
            line = command(self.paper, self.key, variants, self.run)
        raise _NoContestError(Verdict.NOT_ATTEMPTED, f"There is no run of {and_list(names)} here. Run `{line}`.")

    def require_clean(self) -> None:
        """Raise where the leakage audit of the paper's own runs caps every verdict."""
        own = [record for one in self.field if one.method == self.key for record in one.records]
        reasons = (cap(record.content.get("leakage", {})) for record in own)
        if (why := next(filter(None, reasons), None)) is not None:
            raise _NoContestError(Verdict.NOT_COMPARABLE, f"Test and training overlap: {why}")

    def side(self, side: str, suite: str, convention: Convention) -> Contender:
        """The contender that one side of an order claim names, on this suite."""
        if side == BEST_FLOOR:
            floors = [one for one in self.field if one.method in self.floors and not one.external]
            floor = best(floors, suite, convention)
            if floor is None:
                why = f"No floor was measured on {suite} here. Run `{command(self.paper, self.key, (), self.run)}`."
                raise _NoContestError(Verdict.NOT_ATTEMPTED, why)
            return floor
        found = self.named(*self._pair(side))
        if len(found) > 1:
            folders = and_list([one.records[0].folder.name for one in found])
            why = f"{folders} bear one name but differ in code or settings. Delete the folders that are out of date."
            raise _NoContestError(Verdict.INCONCLUSIVE, why)
        return found[0]

    def _pair(self, side: str) -> tuple[str, str]:
        kind, _, name = side.partition(":")
        return (self.key, name) if kind == "variant" else (name, DEFAULT)

    def where(self, seeds: int) -> str:
        """`At quick scale on drawn faces, 1 seed: `."""
        assert self.run is not None
        data = DATA_WORDS.get(self.run.protocol.data_name, self.run.protocol.data_name)
        return f"At {self.run.scale} scale on {data}, {seeds} {'seed' if seeds == 1 else 'seeds'}: "


def _judge(case: _Case, claim: Claim) -> Finding:
    try:
        if isinstance(claim, Judgement):
            return Finding(claim, Verdict.NOT_COMPARABLE, claim.why)
        if isinstance(claim, Arithmetic):
            result = check(claim, case.paper)
            return Finding(claim, Verdict(result.verdict), result.why)
        case.require_clean()
        return _judge_cell(case, claim) if isinstance(claim, Cell) else _judge_order(case, claim)
    except _NoContestError as early:
        return Finding(claim, early.verdict, early.why)


def _judge_order(case: _Case, claim: Order) -> Finding:
    convention = _convention(claim.metric, f"claim {claim.id}")
    case.require(claim.better, claim.worse)
    gains: dict[str, Interval] = {}
    measured, seeds = [], []
    for suite in claim.suites:
        better, worse = (case.side(side, suite, convention) for side in (claim.better, claim.worse))
        good, bad = (_required(goodness(one, suite, convention), one, suite, convention) for one in (better, worse))
        gains[suite] = advantage(good, bad).widened(seed_half_width(better, worse, suite, convention))
        # A floor has nothing to train: its one seed says nothing about chance.
        seeds += [one.seeds for one in (better, worse) if one.method not in case.floors] or [1]
        text = _gain_text(gains[suite], convention)
        measured.append(Measured(suite, claim.metric, f"{better.name} ahead of {worse.name} by {text}"))
    verdict, why = _weigh_order(case, claim, gains, convention)
    both_trained = all(one.method not in case.floors for one in (better, worse))
    if both_trained and min(seeds) < FEWEST_SEEDS and verdict in (Verdict.SUPPORTED, Verdict.CONTRADICTED):
        names = [side.partition(":")[2] for side in (claim.better, claim.worse) if side.startswith("variant:")]
        line = command(case.paper, case.key, [name for name in names if name != DEFAULT], case.run)
        line += "".join(f" --seed {seed}" for seed in range(FEWEST_SEEDS))
        why = f"on these images {why[:-1]}; but another seed alone can move such numbers. Run `{line}`."
        verdict = Verdict.INCONCLUSIVE
    return Finding(claim, verdict, case.where(min(seeds)) + why, tuple(measured))


def _weigh_order(case: _Case, claim: Order, gains: dict[str, Interval], convention: Convention) -> tuple[Verdict, str]:
    """By suite: above +margin supports, below -margin contradicts, anything else is undecided."""
    if (why := _no_evidence(case, list(gains.values()))) is not None:
        return Verdict.INCONCLUSIVE, why
    margin, words = claim.margin, f"the margin of {claim.margin:g} {convention.unit}".rstrip()
    reverse = [suite for suite, gain in gains.items() if gain.high is not None and gain.high < -margin]
    if reverse:
        text = _gain_text(gains[reverse[0]], convention)
        why = f"on {and_list(reverse)} it is the other way round by more than {words} ({reverse[0]}: {text})."
        return Verdict.CONTRADICTED, why
    undecided = [suite for suite, gain in gains.items() if gain.low is None or gain.low <= margin]
    if not undecided:
        return Verdict.SUPPORTED, f"the difference exceeds {words} on {and_list(list(gains))}."
    reasons: dict[str, list[str]] = {}
    for suite in undecided:
        reasons.setdefault(_undecided(gains[suite], margin, words), []).append(suite)
    return Verdict.INCONCLUSIVE, "; ".join(f"on {and_list(suites)} {why}" for why, suites in reasons.items()) + "."


def _undecided(gain: Interval, margin: float, words: str) -> str:
    """Why a suite decides nothing, and how many images would."""
    assert gain.mean is not None
    if abs(gain.mean) > margin:
        needed = images_needed(gain, margin if gain.mean > 0 else -margin)
        return f"the interval reaches into {words}; {_more(needed, gain, 'would settle it')}"
    if gain.high is not None and gain.high < margin:
        return f"the difference is shown to be smaller than {words}, so more images would not support the claim"
    needed = images_needed(gain, margin)
    return f"the mean difference is within {words}; {_more(needed, gain, 'would show that it is no larger')}"


def _judge_cell(case: _Case, claim: Cell) -> Finding:
    table = case.paper.tables[claim.table]
    row, column = table.rows[claim.row], table.columns[claim.column]
    printed = row.cells.get(claim.column)
    if printed is None or not row.ours:
        what = "the paper prints no number there" if printed is None else "the row is not the paper's own method"
        raise _NoContestError(Verdict.NOT_COMPARABLE, f"Nothing measured here can meet this cell: {what}.")
    convention = _convention(column.convention, f"table {claim.table}, column {claim.column}")
    case.require(OWN)
    own = case.side(OWN, claim.suite, convention)
    interval = _required(own.series(claim.suite, convention.id), own, claim.suite, convention).interval()
    text = f"{own.name} {interval.text(convention.digits, convention.unit)}; the paper prints {printed}"
    measured = (Measured(claim.suite, convention.id, text),)
    run, protocol = own.records[0].run, table.protocols[row.protocol]
    unlike = differences(protocol, column.definition, run.protocol, run.scale, interval.n, claim.suite, convention)
    if unlike:
        return Finding(claim, Verdict.NOT_COMPARABLE, in_words(unlike), measured)
    verdict, why = _weigh_cell(case, interval, printed, claim.margin, convention)
    return Finding(claim, verdict, case.where(own.seeds) + why, measured)


def _weigh_cell(
    case: _Case, interval: Interval, printed: Reported, margin: float, convention: Convention
) -> tuple[Verdict, str]:
    """Equivalence: the interval within the tolerance of the printed value supports, outside it contradicts."""
    if (why := _no_evidence(case, [interval])) is not None:
        return Verdict.INCONCLUSIVE, why
    assert interval.low is not None and interval.high is not None  # noqa: PT018
    tolerance = margin + printed.half_width
    least, most = printed.value - tolerance, printed.value + tolerance
    text = interval.text(convention.digits, convention.unit)
    around = f"{printed} ± {tolerance:g} {convention.unit}".rstrip()
    if least <= interval.low and interval.high <= most:
        return Verdict.SUPPORTED, f"{text} lies within {around}."
    if interval.high < least or interval.low > most:
        gain = (interval.low > most) == (convention.better == "higher")
        side = "" if convention.better == "truth" else f", on the {'better' if gain else 'worse'} side"
        return Verdict.CONTRADICTED, f"{text} lies outside {around}{side}."
    needs = [images_needed(interval, bound) for bound in (least, most)]
    needed = max((need for need in needs if need is not None), default=None) if None not in needs else None
    return (
        Verdict.INCONCLUSIVE,
        f"{text} reaches over an end of {around}; {_more(needed, interval, 'would settle it')}.",
    )


def _convention(name: str, where: str) -> Convention:
    if name not in CONVENTIONS:
        raise UserError(f"paper.toml, {where}: there is no metric '{name}'.{nearest(name, list(CONVENTIONS))}")
    return CONVENTIONS[name]


def _required(series: Series | None, contender: Contender, suite: str, convention: Convention) -> Series:
    if series is not None:
        return series
    record = contender.records[0]
    if suite not in record.run.protocol.suite_names:
        known = ", ".join(record.run.protocol.suite_names)
        why = f"The suite {suite} is not part of this protocol ({known}); name it too, with --suite."
    elif convention.id == "lpips":
        why = f"LPIPS was not measured: {record.content.get('lpips', 'no weights')}."
    else:
        why = f"{contender.name} has no complete column {convention.id} on {suite}."
    raise _NoContestError(Verdict.NOT_ATTEMPTED, why)


def _no_evidence(case: _Case, intervals: list[Interval]) -> str | None:
    """Why these measurements are no evidence, however clear they look."""
    assert case.run is not None
    if case.run.scale == "smoke":
        return "a smoke run tests the machinery and is never evidence. Run it at quick scale."
    least = min(intervals, key=lambda interval: interval.groups)
    if least.groups < FEWEST_GROUPS or least.low is None:
        one = "photographs" if case.run.protocol.data_name == "photos" else "independent groups of images"
        return f"{least.groups} {one} say nothing about others; at least {FEWEST_GROUPS} are needed."
    return None


def _more(needed: int | None, interval: Interval, what: str) -> str:
    if needed is None:
        return f"no number of images {what} at this mean"
    unit = "images" if interval.groups == interval.n else "groups of images"
    return f"about {needed} {unit} {what} if the spread stays (now {interval.groups})"


def _gain_text(gain: Interval, convention: Convention) -> str:
    # A margin may be finer than the digits of a table.
    return gain.text(convention.digits + 1, convention.unit, signed=True)
