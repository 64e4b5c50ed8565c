"""index.html: one self-contained page. Text comes from the templates, numbers from the same data as the tables."""

import base64
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

import bench.report.health as health
import bench.report.probed as probed
import bench.report.words as words
from bench.claims import FEWEST_GROUPS, FEWEST_SEEDS, Finding, Verdict
from bench.claims.looks import ERROR, LOOKS
from bench.claims.statistics import Interval
from bench.metrics.definitions import DEFINITIONS, HEADLINE
from bench.metrics.probed import definition_of
from bench.paper import Arithmetic, Bound, Cell, Claim, Order, Paper, Trace, Trend, Wins
from bench.paper.arithmetic import and_list
from bench.paper.words import plain, rule
from bench.report.chapters import Chapter, Report
from bench.report.figures import score_figures, training_figures
from bench.report.pictures import gallery
from bench.report.provenance import provenance
from bench.report.reported import HEADING, reported_tables
from bench.report.traces import trace_figures

LEDGER_CLASSES = ("contradictory", "ambiguous", "omitted", "typo", "stated")


def page(report: Report, floors: set[str], cache: Path, commands: Sequence[str]) -> str:
    """The whole page as HTML; `commands` make it again."""
    return environment().get_template("page.html.j2").render(
        report=report,
        paper=report.paper,
        commands=commands,
        chapters=[_Pages(chapter, report.key, floors, cache) for chapter in report.chapters],
        reported=reported_tables(report.paper, report.settled),
        reported_heading=HEADING,
        statements=sum(not getattr(claim, "alternative_to", "") for claim in report.paper.claims),
        measured_claims=[claim for claim in report.paper.claims if report.findings(claim.id)],
        ledger={name: [one for one in report.paper.ledger if one.cls == name] for name in LEDGER_CLASSES},
        verdicts=list(Verdict),
        headline=HEADLINE,
        definitions=DEFINITIONS,
        words=words,
        how=lambda claim: how(claim, report.paper),
        together=together,
        probed=probed,
        health=health,
        fewest_groups=FEWEST_GROUPS,
        fewest_seeds=FEWEST_SEEDS,
        looks=and_list([str(count) for count in LOOKS]),
        error=f"{100 * ERROR:g} %",
        traces=lambda claim: trace_figures(report.chapters, report.key, claim) if isinstance(claim, Trace) else [],
    )  # fmt: skip


class _Pages:
    """A chapter with what only the page shows of it."""

    def __init__(self, chapter: Chapter, key: str, floors: set[str], cache: Path) -> None:
        self.chapter = chapter
        self.scores = score_figures(chapter.boards)
        self.curves = training_figures(chapter, key)
        self.health = health.health_lines(chapter, key)
        self.health_figures = health.health_figures(self.health)
        self.gallery = gallery(chapter, key, floors, cache)
        self.provenance = provenance(chapter)

    def of(self, verdict: Verdict) -> list[Finding]:
        return [finding for finding in self.chapter.findings if finding.verdict == verdict]


def how(claim: Claim, paper: Paper) -> str:
    """How a claim is checked, margin and all, in one sentence; empty where no check is possible."""
    if isinstance(claim, Order):
        definition = definition_of(claim.metric)
        title, unit = (definition.title, definition.unit) if definition else (claim.metric, "")
        margin = f"{claim.margin:g} {unit}".strip()
        sides = f"{plain(claim.better)} ahead of {plain(claim.worse)}"
        return f"{sides} in {title} by more than {margin} on {', '.join(claim.mask_sets)}."
    if isinstance(claim, Bound | Trace | Trend | Wins):
        text = rule(claim)
        return f"{text[0].upper()}{text[1:]}."
    if isinstance(claim, Cell):
        table = paper.tables[claim.table]
        column, cell = table.columns[claim.column], table.rows[claim.row].cells.get(claim.column)
        return f"{column.title} of {table.rows[claim.row].label} within {claim.margin:g} of {cell} on {claim.mask_set}."
    if isinstance(claim, Arithmetic):
        return f"By the printed numbers of {paper.tables[claim.table].title.partition(':')[0]}: {claim.check}."
    return ""


def together(findings: list[tuple[Chapter | None, Finding]]) -> list[tuple[Finding, str]]:
    """Each finding with its chapters' titles; chapters that say exactly the same share one."""
    merged: dict[tuple[str, str], tuple[Finding, list[str]]] = {}
    for chapter, finding in findings:
        entry = merged.setdefault((finding.verdict, finding.why), (finding, []))
        if chapter is not None:
            entry[1].append(chapter.title)
    return [(finding, " · ".join(titles)) for finding, titles in merged.values()]


def environment() -> Environment:
    """What every page is rendered with: all text escaped, nothing left undefined."""
    environment = Environment(
        loader=PackageLoader("bench.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    filters: dict[str, Any] = {"code": _code, "breakable": _breakable, "base64": _base64, "slug": _slug, "tone": _tone}
    environment.filters.update(filters)
    return environment


def _code(text: str) -> Markup:
    """Text with `...` set as code, and no line break between a number and its unit."""
    whole = re.sub(r"(?<=\d) (?=dB|%|px|seeds?\b|grey)", "\u00a0", text)
    parts = [str(escape(part)) for part in whole.split("`")]
    return Markup("").join(
        Markup(f"<code>{part}</code>") if place % 2 else Markup(part) for place, part in enumerate(parts)
    )


def _breakable(name: str) -> Markup:
    """A name that may break after `_` and `/`, for narrow columns."""
    return Markup(re.sub(r"([_/])", r"\1<wbr>", str(escape(name))))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _slug(verdict: Verdict) -> str:
    return str(verdict).replace(" ", "-")


def _tone(interval: Interval) -> str:
    """`up` or `down` where the interval leaves zero out and rests on groups enough to mean it."""
    if interval.low is None or interval.high is None or interval.groups < FEWEST_GROUPS:
        return ""
    return "up" if interval.low > 0 else "down" if interval.high < 0 else ""
