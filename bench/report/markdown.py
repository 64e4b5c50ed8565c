"""leaderboard.md and claims.md: the same content as the page, for reading in a repository."""

from collections.abc import Iterable, Sequence
from urllib.parse import quote

import bench.report.health as health
from bench.claims import Finding
from bench.metrics.definitions import DEFINITIONS, HEADLINE
from bench.report.boards import Board, Line
from bench.report.chapters import Chapter, Report
from bench.report.health import HealthLine, health_lines
from bench.report.probed import NOTE, TITLE, ProbedTable
from bench.report.reported import HEADING, ReportedTable, reported_tables
from bench.report.words import (
    METHOD_NOTE,
    budget_text,
    by_chance,
    count_text,
    counted,
    heading,
    lead_text,
    lpips_text,
    mark,
    mean_text,
    range_text,
    sure,
    truth_text,
)


def leaderboard_page(report: Report, commands: Sequence[str]) -> str:
    """leaderboard.md: measured tables by protocol and mask set, then the paper's own tables apart from them."""
    lines = [f"# Leaderboards: {report.key}", "", plain(report.paper.paper.title), "", METHOD_NOTE, ""]
    for chapter in report.chapters:
        lines += [f"## {chapter.title}", "", *_scale_lines(report, chapter)]
        for board in chapter.boards:
            lines += _board(board, chapter)
        lines += _probed(chapter.probed) if chapter.probed else []
        lines += _health(health_lines(chapter, report.key))
    if not report.chapters:
        lines += [f"Nothing has been measured yet. Run `{commands[0]}`.", ""]
    lines += [f"## {HEADING}", ""]
    for table in reported_tables(report.paper, report.settled):
        lines += _reported(table)
    again = [f"Reproduce with `{command}`." for command in commands]
    return "\n\n".join(["\n".join(lines[:-1]), *again]) + "\n"


def claims_page(report: Report) -> str:
    """claims.md: every claim with its verdict under every protocol."""
    lines = [f"# Claims: {report.key}", "", plain(report.paper.paper.title), ""]
    for chapter in report.chapters:
        chance = [by_chance(chapter.findings), ""] if by_chance(chapter.findings) else []
        lines += [f"## {chapter.title}", "", _counts(chapter.findings), "", *chance, *_scale_lines(report, chapter)]
        lines += [*_findings(chapter.findings), ""]
    where = "Settled without a measurement" if report.chapters else "Nothing measured yet"
    lines += [f"## {where}", "", _counts(report.settled), "", *_findings(report.settled)]
    return "\n".join(lines) + "\n"


def _scale_lines(report: Report, chapter: Chapter) -> list[str]:
    says = report.paper.scales[chapter.run.scale].summary
    return [f"A {chapter.run.scale} run: {plain(says)} Every verdict and number here holds for this scale only.", ""]


def _board(board: Board, chapter: Chapter) -> list[str]:
    lead = "Lead over the best floor, PSNR (dB)"
    head = ["Method", *(heading(metric) for metric in HEADLINE), lead, "Scored", "Trained on"]
    rows = [[_name(line), *(_score(line, board, metric) for metric in HEADLINE), *_tail(line)] for line in board.lines]
    lines = [f"### Mask set {board.mask_set}", "", *grid(head, rows), ""]
    lines += [f"TV of the truth: {truth_text(board)}. LPIPS: {lpips_text(chapter.records)}.", ""]
    return lines + [part for note in board.notes for part in (note, "")]


def _probed(table: ProbedTable) -> list[str]:
    head = ["Method", *(heading(metric.id) for metric in table.metrics)]
    rows = [
        [_name(one.line), *(f"{one.mean(metric.id)} {one.range(metric.id)}".rstrip() for metric in table.metrics)]
        for one in table.lines
    ]
    lines = [f"### {TITLE}", "", NOTE, "", *grid(head, rows), ""]
    lines += [f"- {metric.title}: {metric.formula} ({metric.source})." for metric in table.metrics]
    return [*lines, "", *(part for note in table.notes for part in (note, ""))]


def _health(lines: Sequence[HealthLine]) -> list[str]:
    if not lines:
        return []
    return [f"### {health.TITLE}", "", health.NOTE, "", *grid(health.HEADINGS, [line.cells for line in lines]), ""]


def _tail(line: Line) -> list[str]:
    return [lead_text(line, "psnr"), count_text(line), budget_text(line)]


def _name(line: Line) -> str:
    return f"{line.name} ({line.kind})" if line.kind else line.name


def _score(line: Line, board: Board, metric: str) -> str:
    text = mean_text(line, metric)
    if board.best.get(metric) == line.name:
        text = f"**{text}**"
    return f"{text} {range_text(line.scores.get(metric), DEFINITIONS[metric].digits)}".rstrip()


def _reported(table: ReportedTable) -> list[str]:
    constants = ["k"] if table.has_constants else []
    columns = [f"{title} ({unit})" for title, unit in table.columns]
    head = ["Row", *columns, *constants, "Measured on", "Where the numbers come from"]
    rows = [
        [row.label, *row.cells, *([row.constant] if constants else []), row.protocol, row.origin] for row in table.rows
    ]
    lines = [f"### {plain(table.title)}", "", *grid(head, rows), ""]
    said = [f"{one.claim.statement} **{one.said.capitalize()}:** {one.why}" for one in table.settled]
    return lines + [part for text in said + table.notes for part in (plain(text), "")]


def _findings(findings: Sequence[Finding]) -> list[str]:
    rows = [
        [
            one.claim.id,
            f"§ {one.claim.section}",
            one.claim.statement,
            f"{mark(one)} {one.said}",
            one.why,
            "; ".join(f"{measured.where}: {measured.text}" for measured in one.measured),
            sure(one),
            f"{one.objection} Answered by: {one.answer}" if one.decisive and one.objection else "",
        ]
        for one in findings
    ]
    return grid(["Claim", "Section", "Says", "Verdict", "Why", "Measured", "How sure", "An author could object"], rows)


def _counts(findings: Sequence[Finding]) -> str:
    parts = [
        f"{words}: {', '.join(f'{count} {verdict}' for verdict, count in counts.items() if count)}"
        for words, counts in counted(findings)
    ]
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}."


class Markdown(str):
    """What a table takes as it stands."""


def link(text: str, place: str) -> Markdown:
    return Markdown(f"[{_cell(text)}]({quote(place)})")


def grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table; a bar, a line break or a tag in a cell cannot break it."""
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(_cell(text) for text in line)} |" for line in lines]


def plain(text: str) -> str:
    """One line of words: no tag, and no link that the text itself made."""
    return " ".join(text.split()).replace("<", "&lt;").replace("](", "]\\(")


def _cell(text: str) -> str:
    return text if isinstance(text, Markdown) else plain(text).replace("|", "\\|")
