"""A report's chapters: one for each protocol, with its leaderboards and its verdicts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bench.claims import DATA_WORDS, Finding, Verdict, judge
from bench.claims.contenders import Contender, by_protocol, contenders
from bench.claims.multiverse import Multiverse, multiverses
from bench.paper import Paper
from bench.report.boards import Board, leaderboards
from bench.report.probed import ProbedTable, probed_table
from bench.runs.records import Record, Run

SCALE_ORDER = ("paper", "quick", "smoke")


@dataclass(frozen=True)
class Chapter:
    """What was measured under one protocol, and what follows from it."""

    records: list[Record]
    boards: list[Board]
    findings: list[Finding]
    """Only those that depend on measurements."""
    anchor: str
    multiverses: list[Multiverse]
    """What the orders among them hang on."""
    mark: str = ""
    """Tells apart two protocols that differ in something the title does not show."""

    @property
    def run(self) -> Run:
        return self.records[0].run

    @cached_property
    def probed(self) -> ProbedTable | None:
        """Repeatability and robustness, where they were measured."""
        return probed_table(self.boards)

    @cached_property
    def field(self) -> list[Contender]:
        return contenders(self.records)

    @property
    def data(self) -> str:
        name = self.run.protocol.data_name
        return DATA_WORDS.get(name, name)

    @property
    def title(self) -> str:
        title = f"{self.data[0].upper()}{self.data[1:]}, {self.run.scale} scale, {self.run.protocol.resolution} px"
        return f"{title} ({self.mark})" if self.mark else title

    @property
    def caution(self) -> str:
        """What to keep in mind before any number: test images that were trained on."""
        count = len(self.records[0].content.data.repeated)
        return f"{count} test images are also in the training set, pixel for pixel." if count else ""

    @property
    def counts(self) -> Counter[Verdict]:
        return Counter(finding.verdict for finding in self.findings)


@dataclass(frozen=True)
class Report:
    """All that the pages show."""

    key: str
    paper: Paper
    chapters: list[Chapter]
    settled: list[Finding]
    """What the printed numbers settle, and what nothing can."""

    def findings(self, claim_id: str) -> list[tuple[Chapter, Finding]]:
        """The verdicts of one claim, by chapter."""
        found = [(chapter, finding) for chapter in self.chapters for finding in chapter.findings]
        return [(chapter, finding) for chapter, finding in found if finding.claim.id == claim_id]


def gather(key: str, paper: Paper, records: Sequence[Record], floors: set[str], include: Sequence[Path] = ()) -> Report:
    """Judge every protocol apart. Other methods alone make none unless there is nothing else, external rows never.

    `key` is the paper's own method, `floors` are the keys of the floors, `include` is where methods were found that are
    not among the installed ones.
    """
    groups = [group for group in by_protocol(records) if any(record.run.origin == "run" for record in group)]
    with_method = [
        group for group in groups if any(record.run.method == key and record.run.origin == "run" for record in group)
    ]
    groups = sorted(with_method or groups, key=lambda group: SCALE_ORDER.index(group[0].run.scale))
    titles = Counter(_name(group) for group in groups)
    chapters = []
    for place, group in enumerate(groups, 1):
        findings = [finding for finding in judge(paper, key, group, floors, include) if finding.depends_on_data]
        # A second protocol of the same name is told by the data it was run on.
        mark = group[0].run.data[:6] if titles[_name(group)] > 1 else ""
        boards, universes = leaderboards(group, key, floors), multiverses(paper, key, group, floors)
        chapters.append(Chapter(group, boards, findings, f"protocol-{place}", universes, mark))
    nothing_measured = judge(paper, key, [], floors, include)
    settled = [finding for finding in nothing_measured if not finding.depends_on_data or not chapters]
    return Report(key, paper, chapters, settled)


def _name(group: list[Record]) -> str:
    run = group[0].run
    return f"{run.protocol.data_name} {run.scale} {run.protocol.resolution}"
