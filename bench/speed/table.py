"""`speed`: the rows of one subject or of all, as tables."""

import importlib
from collections.abc import Callable

import torch
from rich import box
from rich.console import Console
from rich.table import Table

from bench.runs import provenance
from bench.speed.timing import Row

SUBJECTS = ("metrics", "score", "masks", "lpips", "loading", "latent", "training", "campaign")


def print_speed(console: Console, subject: str, quick: bool) -> None:
    """Time one subject, or `all`, and print a table for each as it is done."""
    hardware = provenance.hardware("cuda" if torch.cuda.is_available() else "cpu")
    console.print(
        f"{hardware['cpu']}, {hardware['cores']} cores, {hardware['threads']} torch threads. Medians of interleaved"
        " repeats; ratio: the peer's time over ours. On a busy machine trust ratios, not milliseconds.",
        highlight=False,
    )
    for name in SUBJECTS if subject == "all" else (subject,):
        with console.status(f"timing {name}"):
            found = _rows(name)(quick)
        console.print(_table(name, found))


def _rows(subject: str) -> Callable[[bool], list[Row]]:
    rows: Callable[[bool], list[Row]] = importlib.import_module(f"bench.speed.{subject}").rows
    return rows


def _table(title: str, rows: list[Row]) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False, title_justify="left", title_style="bold")
    for heading in ("what", "size", "ours, ms", "peer", "peer, ms", "ratio", "agreement", ""):
        right = heading in ("ours, ms", "peer, ms", "ratio", "agreement")
        table.add_column(heading, justify="right" if right else "left", no_wrap=right)
    if not any(row.note for row in rows):
        table.columns.pop()
    for row in rows:
        table.add_row(*_cells(row)[: len(table.columns)])
    return table


def _cells(row: Row) -> list[str]:
    return [
        row.subject,
        row.size,
        f"{row.ours_ms:,.2f}",
        row.peer,
        "absent" if row.peer_ms is None and row.peer else "" if row.peer_ms is None else f"{row.peer_ms:,.2f}",
        "" if row.ratio is None else f"{row.ratio:.2f}×",
        "" if row.agreement is None else f"{row.agreement:.0e}",
        row.note,
    ]
