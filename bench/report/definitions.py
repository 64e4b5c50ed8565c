"""What `explain` prints: the k of printed tables, and measured values under every definition."""

import math
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from bench.claims.contenders import by_protocol
from bench.claims.explain import (
    Explained,
    Meaning,
    Scales,
    all_definitions,
    explain,
    open_record,
    own_records,
    scales,
    where,
)
from bench.methods.catalog import Catalog, Entry
from bench.runs.records import NUMBERS, Record, find_records
from bench.util.errors import UserError

ONLY_SUGGESTS = (
    "This only suggests. A verdict uses the declared definition (marked *) and nothing else, and another definition can"
    " give the printed number by chance."
)

NOT_THE_PAPERS = (
    "What is measured here is not at paper scale, so a match says little; what a definition moves (the column"
    " '- declared') carries over better than the values."
)


def explain_key(console: Console, catalog: Catalog, key: str, out: Path) -> None:
    """All that can be said of a paper or baseline, with its records under `out` where there are any."""
    entry = catalog[key]
    paper = entry.description()
    records = own_records(key, [one for one in find_records(out) if _current(one, entry)])
    if paper is None or not paper.tables:
        if not records:
            raise UserError(f"{out} holds no record of {key}. Create one: python -m bench evaluate {key}")
        for group in by_protocol(records):
            print_definitions(console, group)
        return
    print_scales(console, scales(paper))
    print_explained(console, explain(paper, records))
    if not records:
        verb = "reproduce" if entry.reproducible else "evaluate"
        console.print(f"{out} holds no record of {key}, so no definition was tried: python -m bench {verb} {key}")


def explain_record(console: Console, catalog: Catalog, path: Path) -> None:
    """One record, next to its paper's numbers if it belongs to a paper."""
    record = open_record(path)
    entry = catalog.entries.get(record.run.method) if record.run.origin == "run" else None
    paper = entry.description() if entry is not None else None
    if paper is None or not paper.tables:
        print_definitions(console, [record])
        return
    print_scales(console, scales(paper))
    print_explained(console, explain(paper, [record]))


def print_scales(console: Console, found: Sequence[Scales]) -> None:
    """One table of k for each table of the paper, with what it says."""
    for one in found:
        console.print(Text(f"{one.table.title}: k = l1 / 10^(-PSNR/20)", style="bold"))
        console.print(_constants(one))
        for text in one.flags or ("All rows are on the same scale.",):
            console.print(Text(text, style="red" if one.flags else "green"))
        for text in one.bounds:
            console.print(Text(text, style="dim"))
        console.print()


def print_explained(console: Console, found: Sequence[Explained]) -> None:
    """One table for each reported cell, and the suggestion under it."""
    for one in found:
        printed = f"{one.column} {one.printed} {one.unit}".rstrip()
        console.print(Text(f"{printed}, {one.table}\nmeasured: {one.where}, mask set {one.mask_set}", style="bold"))
        console.print(_cell(one))
        console.print(Text(one.suggestion, style="bold" if any(map(one.explains, one.meanings)) else ""))
        console.print()
    if found:
        console.print(Text(ONLY_SUGGESTS, style="dim"))
    if any(one.scale != "paper" for one in found):
        console.print(Text(NOT_THE_PAPERS, style="dim"))


def print_definitions(console: Console, records: Sequence[Record]) -> None:
    """Every definition on every mask set: for a method that no paper reports a number of."""
    mask_sets = records[0].run.protocol.mask_set_names
    columns = {
        mask_set: {one.definition.id: one for one in all_definitions(records, mask_set)} for mask_set in mask_sets
    }
    console.print(Text(f"{records[0].run.method}, {where(records)}", style="bold"))
    grid = _grid("definition", *mask_sets, "what it is")
    for name, first in columns[mask_sets[0]].items():
        values = [_value(columns[mask_set][name]) if name in columns[mask_set] else "" for mask_set in mask_sets]
        grid.add_row(_named(first), *values, first.definition.title)
    console.print(grid)


def _current(record: Record, entry: Entry) -> bool:
    """Whether the code that made a record is the code as it now is."""
    return record.run.numbers == NUMBERS and record.run.code == entry.code()


def _constants(one: Scales) -> Grid:
    table = one.table
    grid = _grid("row", table.columns[one.l1].title, table.columns[one.psnr].title, "k", "scale")
    scale_of = {row: place for place, group in enumerate(one.found.groups) for row in group}
    met = list(dict.fromkeys(scale_of[row] for row in one.found.constants))  # A is the first row's scale
    for row, constant in one.found.constants.items():
        cells = table.rows[row].cells
        values = [
            str(cells[one.l1]),
            str(cells[one.psnr]),
            f"{constant:.1f}",
            "ABCDEFGHIJ"[min(met.index(scale_of[row]), 9)],
        ]
        grid.add_row(table.rows[row].label, *values)
    return grid


def _cell(one: Explained) -> Grid:
    grid = _grid("definition", "measured", "- printed", "- declared", "explains", "formula")
    declared = next((meaning.value for meaning in one.meanings if meaning.declared), math.nan)
    for meaning in one.meanings:
        if math.isnan(meaning.value):
            grid.add_row(_named(meaning), "not measured", style="dim")
            continue
        digits = meaning.definition.digits
        gaps = [_signed(one.gap(meaning), digits), _signed(meaning.value - declared, digits)]
        mark = "yes" if one.explains(meaning) else ""
        style = "bold" if mark else ""
        grid.add_row(_named(meaning), _value(meaning), *gaps, mark, meaning.definition.formula, style=style)
    return grid


def _named(meaning: Meaning) -> str:
    return f"{meaning.definition.id}{' *' if meaning.declared else ''}"


def _value(meaning: Meaning) -> str:
    digits, unit = meaning.definition.digits, meaning.definition.unit
    text = f"{meaning.value:.{digits}f} {unit}".rstrip()
    return text if math.isnan(meaning.truth) else f"{text} (truth {meaning.truth:.{digits}f})"


def _signed(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:+.{digits}f}"


def _grid(*columns: str) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold", justify="right" if column in _NUMBERS else "left")
    return grid


_NUMBERS = ("k", "measured", "- printed", "- declared")
