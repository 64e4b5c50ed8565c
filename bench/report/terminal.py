"""The end of a run in the terminal: leaderboards and verdicts."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.claims import DECISIVE, Finding, Verdict
from bench.metrics.definitions import DEFINITIONS, HEADLINE
from bench.paper.words import OUR_READING
from bench.report.boards import Board, Line, leaderboards
from bench.report.health import TITLE as TITLE_OF_HEALTH
from bench.report.health import HealthLine
from bench.report.probed import TITLE, ProbedTable, probed_table
from bench.report.words import (
    MARKS,
    budget_text,
    by_chance,
    counted,
    heading,
    lead_text,
    lpips_text,
    mark,
    mean_text,
    sure,
    truth_text,
)
from bench.runs.records import Record

FORM: dict[str, Any] = {
    "box": box.SIMPLE_HEAD,
    "pad_edge": False,
    "collapse_padding": True,
    "title_justify": "left",
    "title_style": "bold",
}
HEADING_COLUMNS = 8
"""Longer headings would make a column wider than its numbers."""
STYLES = {
    Verdict.SUPPORTED: "green",
    Verdict.CONTRADICTED: "red",
    Verdict.NO_DIFFERENCE: "blue",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.NOT_COMPARABLE: "cyan",
    Verdict.NOT_ATTEMPTED: "dim",
}
TOLD = (*DECISIVE, Verdict.INCONCLUSIVE)
"""Verdicts whose reason is printed; the page has the others'."""


def print_leaderboard(console: Console, key: str, records: Sequence[Record], floors: set[str]) -> None:
    """One table for each mask set of one protocol's records, and one for what was probed; `key` is the paper's
    method."""
    boards = leaderboards(records, key, floors)
    print_boards(console, boards, records)
    if (table := probed_table(boards)) is not None:
        _print_probed(console, table)


def _print_probed(console: Console, probed: ProbedTable) -> None:
    table = Table(title=TITLE, **FORM)
    table.add_column("method", overflow="fold")
    table.add_column("probed", overflow="fold")
    table.add_column("mean", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    for one in probed.lines:
        for metric in probed.metrics:
            table.add_row(_name(one.line), heading(metric.id), one.mean(metric.id), one.range(metric.id))
    console.print(table)
    for note in probed.notes:
        console.print(Text(note, style="dim"))


def print_boards(console: Console, boards: Sequence[Board], records: Sequence[Record]) -> None:
    """One table for each of these leaderboards, which are those of one protocol's `records`."""
    for board in boards:
        run = records[0].run
        title = f"{run.protocol.data_name}, {run.scale} scale, {run.protocol.resolution} px, mask set {board.mask_set}"
        console.print(_board(board, title))
        console.print(Text(f"* best mean; TV of the truth {truth_text(board)}; floors in italics", style="dim"))
        for note in board.notes:
            console.print(Text(note, style="dim"))
        console.print()
    measured = any(record.content.lpips.version for record in records)
    if records and not measured:
        console.print(Text(f"LPIPS: {lpips_text(records)}", style="dim"))


def print_health(console: Console, lines: Sequence[HealthLine]) -> None:
    """Which trainings are well; those that are not say why."""
    if not lines:
        return
    table = Table(title=TITLE_OF_HEALTH, **FORM)
    for column in ("method", "held out, dB", "mean colour", "state"):
        table.add_column(column, overflow="fold")
    for line in lines:
        name, _, ends, plain, _, state = map(Text, line.cells)
        name.stylize("bold" if line.own else "")
        state.stylize({"well": "green", "not well": "red"}.get(line.state, "dim"))
        table.add_row(name, ends, plain, state)
    console.print(table)


def print_verdicts(console: Console, findings: Sequence[Finding], title: str) -> None:
    """The verdicts that rest on something, each with its reason; the others by name. Then how many there are."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=title, title_justify="left", title_style="bold")
    for column in ("claim", "verdict", "why"):
        table.add_column(column, overflow="fold", no_wrap=column == "verdict")
    for finding in sorted(findings, key=lambda one: list(Verdict).index(one.verdict)):
        if finding.verdict in TOLD:
            why = Text.assemble(finding.claim.statement, "\n", (finding.why, "dim"))
            why.append(f"\n{sure(finding)}" if sure(finding) else "", "dim")
            if finding.decisive and finding.objection:
                why.append(f"\nAn author could object: {finding.objection}", "dim italic")
            table.add_row(f"{finding.claim.id}\n§ {finding.claim.section}", _verdict(finding), why)
    if table.row_count:
        console.print(table)
    for verdict in Verdict:
        names = [one.claim.id for one in findings if one.verdict == verdict]
        if names and verdict not in TOLD:
            word = Text(f"{MARKS[verdict]} {verdict}", style=STYLES[verdict])
            console.print(Text.assemble(word, ": ", (", ".join(names), "dim"), "\n"))
    for words, counts in counted(findings):
        parts = [(f"{count} {verdict}   ", STYLES[verdict]) for verdict, count in counts.items() if count]
        console.print(Text.assemble(f"{words}: ", *parts))
    if chance := by_chance(findings):
        console.print(Text(chance, style="dim"))
    console.print()


def _verdict(finding: Finding) -> Text:
    lines = [f"{mark(finding)} {finding.verdict}", *([OUR_READING] if finding.said != finding.verdict else [])]
    return Text("\n".join(lines), style=STYLES[finding.verdict])


def _board(board: Board, title: str) -> Table:
    table = Table(title=title, **FORM)
    table.add_column("method", overflow="fold")
    shown = [metric for metric in HEADLINE if metric in board.best]
    for metric in shown:
        words = [fill(text, HEADING_COLUMNS) for text in (DEFINITIONS[metric].title, DEFINITIONS[metric].unit) if text]
        table.add_column("\n".join(words), justify="right", no_wrap=True)
    if board.best_floors:
        table.add_column("PSNR over best floor,\nwith 95 % interval", justify="right", no_wrap=True)
    trained = any(line.budget for line in board.lines)
    if trained:
        table.add_column("images\ntrained on", justify="right", no_wrap=True)
    for line in board.lines:
        lead = [lead_text(line, "psnr")] if board.best_floors else []
        budget = [budget_text(line).removesuffix(" images")] if trained else []
        table.add_row(_name(line), *(_score(line, board, metric) for metric in shown), *lead, *budget)
    return table


def _name(line: Line) -> Text:
    return Text(line.name, style="bold" if line.own else "italic dim" if line.floor else "")


def _score(line: Line, board: Board, metric: str) -> Text:
    best = board.best.get(metric) == line.name
    return Text(f"{'*' if best else ''}{mean_text(line, metric)}", style="bold green" if best else "")
