"""The front page over several papers: what was decided, what was not and why, what it cost, and how it is made again.

All of it is counted from the same findings that the papers' own pages show. Nothing here decides.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from bench.claims import DECISIVE, Finding, Verdict
from bench.claims.case import Case
from bench.claims.strength import among_the_well, clearance
from bench.paper import Cell, Claim, Judgement
from bench.paper.arithmetic import and_list
from bench.paper.words import title
from bench.report.chapters import Chapter, Report
from bench.report.words import READ
from bench.runs.spent import Cost, cost

MOST = 10
MOST_OF_ONE = 3
"""Findings of one paper among the strongest, so that one paper's many alike cannot fill the list."""
ALONE = "without a measurement"
"""Which claims a count is of: those that the printed numbers settle, or that nothing here can."""


class Tally(NamedTuple):
    """Findings of one paper, or of all, counted."""

    where: str
    """The protocol's title; empty over all, and for what needs no measurement."""
    of: str
    """`as stated`, `under our reading`, or ALONE."""
    counts: Counter[Verdict]

    @property
    def measurable(self) -> int:
        """Claims that a measurement of this kind can answer: not those that compare with what is measured otherwise."""
        return 0 if self.of == ALONE else self.counts.total() - self.counts[Verdict.NOT_COMPARABLE]

    @property
    def decided(self) -> int:
        """How many of these have an answer."""
        return 0 if self.of == ALONE else sum(self.counts[one] for one in DECISIVE)

    @property
    def share(self) -> str:
        """`9 of 62 (15 %)`; empty where nothing can be measured."""
        return share(self.decided, self.measurable)


class Reason(NamedTuple):
    """Claims that have no answer, all for one reason."""

    claims: tuple[Claim, ...]
    verdict: Verdict
    why: str

    @property
    def number(self) -> int:
        return len(self.claims)


class Strong(NamedTuple):
    """A finding that a reader should know first."""

    subject: "Subject"
    chapter: Chapter
    finding: Finding
    clearance: float
    """By how many of its own widths the interval clears its limit."""
    rests_on: str
    """The measurement that says so."""

    @property
    def sentence(self) -> str:
        where = f"{self.chapter.run.scale} scale on {self.chapter.data}"
        statement = " ".join(self.finding.claim.statement.split()).rstrip(".")
        return f"{statement}: {self.finding.said} at {where}, {self.rests_on}."


@dataclass(frozen=True)
class Subject:
    """A paper on the front page."""

    report: Report
    floors: frozenset[str]
    commands: tuple[str, ...]
    """Make its records, one for each protocol."""

    @property
    def key(self) -> str:
        return self.report.key

    @cached_property
    def tallies(self) -> list[Tally]:
        found = []
        for chapter in self.report.chapters:
            for of, place in zip(READ, (False, True), strict=True):
                part = [one for one in chapter.findings if one.under_reading == place]
                found += [Tally(chapter.title, of, Counter(one.verdict for one in part))] if part else []
        settled = Counter(one.verdict for one in self.report.settled)
        return [*found, Tally("", ALONE, settled)] if settled else found

    @property
    def cost(self) -> Cost:
        return cost(record for chapter in self.report.chapters for record in chapter.records)

    @property
    def seeds(self) -> str:
        """`3`, or `1 to 3`: of the trained contenders, each protocol's own where they differ."""
        said = []
        for chapter in self.report.chapters:
            trained = [one.seeds for one in chapter.field if one.method not in self.floors and not one.elsewhere]
            least, most = min(trained, default=0), max(trained, default=0)
            said.append(str(most) if least == most else f"{least} to {most}")
        return ", ".join(dict.fromkeys(said))

    @property
    def incomparable(self) -> list[Reason]:
        """What no run at these scales can answer."""
        return _reasons(one for one in self._all if one.verdict == Verdict.NOT_COMPARABLE)

    @property
    def open(self) -> list[Reason]:
        """What has no answer yet."""
        return _reasons(one for one in self._all if not one.decisive and one.verdict != Verdict.NOT_COMPARABLE)

    @property
    def untold(self) -> str:
        """`3 printed numbers that were measured otherwise, 18 statements that have no measure here`."""
        kinds = Counter(type(claim) for one in self.incomparable for claim in one.claims)
        others = kinds.total() - kinds[Cell] - kinds[Judgement]
        counts = [
            (kinds[Cell], "printed numbers that were measured otherwise"),
            (kinds[Judgement], "statements that have no measure here"),
            (others, "claims for another reason"),
        ]
        return ", ".join(f"{count} {words}" for count, words in counts if count) or "none"

    @property
    def left(self) -> str:
        """`2 inconclusive, 50 not attempted`."""
        counts = Counter[Verdict]()
        for one in self.open:
            counts[one.verdict] += one.number
        return ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict]) or "none"

    @property
    def _all(self) -> list[Finding]:
        measured = [finding for chapter in self.report.chapters for finding in chapter.findings]
        return [*measured, *self.report.settled]

    @cached_property
    def strong(self) -> list[Strong]:
        """Its decided comparisons of a trained method with a healthy other side, the clearest first, as stated before
        under our reading."""
        found = [one for chapter in self.report.chapters for one in self._strong(chapter)]
        return sorted(found, key=_order)

    def _strong(self, chapter: Chapter) -> Iterable[Strong]:
        case = Case(self.report.paper, self.key, chapter.field, set(self.floors))
        for finding in chapter.findings:
            clear = clearance(finding)
            if clear is not None and among_the_well(case, finding):
                by, measured = clear
                others = [one.where for one in finding.measured if one is not measured]
                agree = others and finding.verdict != Verdict.CONTRADICTED
                more = f", and more clearly on {and_list(others)}" if agree else ""
                yield Strong(
                    self, chapter, finding, by, f"{measured.text} in {title(measured.metric)} on {measured.where}{more}"
                )


@dataclass(frozen=True)
class Front:
    """All that the front page shows."""

    subjects: Sequence[Subject]
    outdated: dict[str, int] = field(default_factory=dict)
    """Papers whose records are all of other code or numbers: how many of its own there are."""

    @cached_property
    def strongest(self) -> list[Strong]:
        """At most MOST findings, at most MOST_OF_ONE of a paper, each claim once."""
        chosen: list[Strong] = []
        for one in sorted((one for subject in self.subjects for one in subject.strong), key=_order):
            own = [other for other in chosen if other.subject is one.subject]
            known = one.finding.claim.id in {other.finding.claim.id for other in own}
            if not known and len(own) < MOST_OF_ONE and len(chosen) < MOST:
                chosen.append(one)
        return chosen

    @cached_property
    def totals(self) -> list[Tally]:
        """Over all papers."""
        found = []
        for of in (*READ, ALONE):
            parts = [one for subject in self.subjects for one in subject.tallies if one.of == of]
            together: Counter[Verdict] = sum((one.counts for one in parts), Counter())
            found += [Tally("", of, together)] if parts else []
        return found

    @property
    def cost(self) -> Cost:
        """Of all runs; what several papers show counts once."""
        chapters = [chapter for subject in self.subjects for chapter in subject.report.chapters]
        return cost(record for chapter in chapters for record in chapter.records)

    @property
    def summary(self) -> str:
        """One sentence or two: how much has an answer."""
        by = {one.of: one for one in self.totals}
        measured = [by[of] for of in READ if of in by]
        decided, measurable = sum(one.decided for one in measured), sum(one.measurable for one in measured)
        parts = [f"{one.decided} of {one.measurable} {one.of}" for one in measured]
        text = f"Of {measurable} claims that runs at these scales can answer, {decided} are decided"
        text += f": {', '.join(parts)}." if parts else "."
        alone = sum(by[ALONE].counts[one] for one in DECISIVE) if ALONE in by else 0
        more = f" The papers' own printed numbers decide {alone} more." if alone else ""
        return text + more


def share(part: int, whole: int) -> str:
    """`9 of 62 (15 %)`; empty of nothing."""
    return f"{part} of {whole} ({100 * part / whole:.0f} %)" if whole else ""


def _order(one: Strong) -> tuple[bool, float, str, str]:
    return one.finding.under_reading, -one.clearance, one.subject.key, one.finding.claim.id


def _reasons(findings: Iterable[Finding]) -> list[Reason]:
    together: dict[tuple[Verdict, str], list[Finding]] = {}
    for one in findings:
        together.setdefault((one.verdict, one.why), []).append(one)
    return [Reason(tuple(one.claim for one in found), verdict, why) for (verdict, why), found in together.items()]
