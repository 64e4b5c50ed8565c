"""What `score` prints: the notes, and the new row among those that it meets."""

from rich.console import Console

from bench.claims.contenders import by_protocol
from bench.claims.statistics import pool
from bench.methods.catalog import Catalog
from bench.report import print_leaderboard
from bench.runs.current import current_records
from bench.runs.records import Record, find_records


def show(record: Record, catalog: Catalog, console: Console) -> None:
    """Leaderboards of the record's protocol, from all records under the same output folder, and the notes."""
    if record.run.partial:
        _print_part(record, console)
    else:
        _print_boards(record, catalog, console)
    for note in record.content.notes:
        console.print(note, highlight=False, soft_wrap=True)
    console.print(f"Record: {record.folder / 'record.json'}", highlight=False, soft_wrap=True)


def _print_part(record: Record, console: Console) -> None:
    """Means of what is there, outside any leaderboard."""
    for mask_set in record.run.protocol.mask_sets:
        series = pool([record], mask_set, "psnr")
        count = record.run.partial.get(mask_set, "all")
        if series is not None:
            text = f"PSNR {series.interval().text(2, 'dB')}, {count} images, not ranked"
            console.print(f"{record.run.method} on {mask_set}: {text}", highlight=False, soft_wrap=True)


def _print_boards(record: Record, catalog: Catalog, console: Console) -> None:
    out = record.folder.parents[2]
    known = {other.run.method for other in find_records(out)} & set(catalog.entries)
    records = current_records(catalog, out, known)
    group = next(group for group in by_protocol(records) if record.folder in [other.folder for other in group])
    if any(other.folder != record.folder for other in group):
        floors = {entry.key for entry in catalog.floors()}
        print_leaderboard(console, record.run.method, group, floors)
    else:
        print_leaderboard(console, record.run.method, group, set())
        text = "No other method has a record under this protocol. To make one: python -m bench evaluate harmonic, with"
        console.print(f"{text} the options that `export` had", highlight=False, markup=False, soft_wrap=True)
