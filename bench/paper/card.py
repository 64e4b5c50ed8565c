"""What `python -m bench show` prints: the card of whatever has a paper.toml. Nothing here imports torch."""

import json
import re

from rich import box
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from bench.data.protocol import protocols
from bench.metrics.definitions import DEFINITIONS
from bench.paper.arithmetic import OneScale, bound_notes, check, one_scale
from bench.paper.claims import Arithmetic, Bound, Cell, Claim, Judgement, Order, Trace, Trend, Wins
from bench.paper.paper import Paper, Scale
from bench.paper.tables import Row, Table
from bench.paper.words import OUR_READING, rule

STYLES = {
    "supported": "green",
    "contradicted": "red",
    "stated": "green",
    "contradictory": "red",
    "ambiguous": "yellow",
    "omitted": "yellow",
    "typo": "dim",
}
"""Colours for verdicts and for the ledger's classes."""


def print_card(paper: Paper, key: str, console: Console, reproducible: bool = True) -> None:
    """Print all that paper.toml says. Raises UserError where an arithmetic claim lacks its numbers.

    `reproducible` is False for a baseline, of which there is nothing to judge.
    """
    console.print(_bibliography(paper))
    for table in paper.tables.values():
        _section(console, "Reported by the paper")
        console.print(_reported(paper, table))
    if paper.claims:
        _section(console, f"Claims ({len(paper.claims)})", "Margins are set in paper.toml before any run.")
        console.print(_claims(paper))
    if paper.ledger:
        _section(
            console, f"Ledger ({len(paper.ledger)})", "What the text says or leaves open. Reasons are in paper.toml."
        )
        console.print(_ledger(paper))
    _section(console, "Scales")
    console.print(_scales(paper))
    if paper.variants:
        _section(console, f"Variants ({len(paper.variants)})", "Each changes one thing in the method as printed.")
        console.print(_variants(paper))
    _section(console, "Next")
    console.print(_commands(paper, key) if reproducible else _baseline_commands(paper, key))


def _section(console: Console, title: str, note: str = "") -> None:
    console.print()
    console.rule(Text(title, style="bold"), align="left", style="dim", characters="─")
    if note:
        console.print(Text(note, style="dim"))


def _bibliography(paper: Paper) -> RenderableType:
    about = paper.paper
    year = f"{about.year}{' (inferred)' if about.year_inferred else ''}"
    lines = [Text(about.title, style="bold"), Text(", ".join(about.authors))]
    lines.append(Text(" · ".join(part for part in (about.venue, year) if part), style="dim"))
    if about.doi:
        lines.append(Text(f"https://doi.org/{about.doi}", style="dim"))
    return Group(*lines, Text(), Text(about.summary.strip()))


def _reported(paper: Paper, table: Table) -> RenderableType:
    own = [claim for claim in paper.claims if isinstance(claim, Arithmetic) and paper.tables[claim.table] is table]
    scales = next((claim for claim in own if claim.check == "one scale"), None)
    parts: list[RenderableType] = [Text(table.title, style="bold"), _numbers(table, scales)]
    if table.note:
        parts += [Text(table.note, style="dim")]
    parts += [Text(), Text("Where the rows come from", style="bold")]
    parts += [_origin(table, row) for row in table.rows.values()]
    if own:
        parts += [Text(), Text("What the printed numbers say on their own", style="bold")]
    for claim in own:
        result = check(claim, paper)
        parts.append(_bullet(Text.assemble(_verdict(claim, result.verdict), f": {claim.statement}\n{result.why}")))
    if scales is not None:
        parts += [_bullet(Text(note)) for note in bound_notes(table, scales.l1, scales.psnr)]
    return Group(*parts)


def _numbers(table: Table, scales: Arithmetic | None) -> Grid:
    grid = _grid(0, "", *[f"{column.title} {_arrow(column.better)}" for column in table.columns.values()])
    found = one_scale(table, scales.l1, scales.psnr) if scales is not None else None
    if found is not None:
        grid.add_column("k", justify="right")
        grid.add_column("scale", justify="right")
    for column in grid.columns[1:]:
        column.justify = "right"
    for key, row in table.rows.items():
        cells = [
            f"{row.cells[name]} {column.unit}".rstrip() if name in row.cells else "–"
            for name, column in table.columns.items()
        ]
        if found is not None and key in found.constants:
            cells += [f"{found.constants[key]:.2f}", _letter(found, key)]
        grid.add_row(*[Text(cell) for cell in (row.label, *cells)], style="bold" if row.ours else "")
    return grid


def _letter(found: OneScale, row: str) -> str:
    """A for the scale of the table's first row, B for the next scale that comes, and so on."""
    scale_of = {key: index for index, keys in enumerate(found.groups) for key in keys}
    met = list(dict.fromkeys(scale_of[key] for key in found.constants))
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[min(met.index(scale_of[row]), 25)]


def _origin(table: Table, row: Row) -> RenderableType:
    protocol = table.protocols[row.protocol]
    measured = f"{protocol} {protocol.note}".rstrip()
    here = f" Here: {row.method}." if row.method else ""
    return _bullet(Text.assemble((f"{row.label}: ", "bold"), _tied(measured), " ", (row.origin, "dim"), (here, "cyan")))


def _claims(paper: Paper) -> Grid:
    grid = _grid(1, "id", "§", "the paper says", "how it is checked")
    grid.columns[0].no_wrap = True
    grid.columns[1].max_width = 10
    for claim in paper.claims:
        grid.add_row(Text(claim.id, style="cyan"), Text(claim.section), Text(claim.statement), _checked(claim, paper))
    return grid


def _checked(claim: Claim, paper: Paper) -> Text:
    if isinstance(claim, Cell):
        table = paper.tables[claim.table]
        column, printed = table.columns[claim.column], table.rows[claim.row].cells.get(claim.column)
        value = f"{printed if printed is not None else '–'} ± {claim.margin:g} {column.unit}".rstrip()
        return _kind("cell", f"{column.metric} = {value}, mask set {claim.mask_set}")
    if isinstance(claim, Order):
        better, worse = (side.removeprefix("variant:") for side in (claim.better, claim.worse))
        unit = DEFINITIONS[claim.metric].unit if claim.metric in DEFINITIONS else ""
        margin = f"{claim.margin:g} {unit}".rstrip()
        return _kind("order", f"{better} beats {worse} by {margin} in {claim.metric}, {_mask_sets(claim.mask_sets)}")
    if isinstance(claim, Judgement):
        return _kind("judgement", claim.why)
    if isinstance(claim, Bound | Trace | Trend | Wins):
        return _kind(claim.kind, rule(claim))
    return Text.assemble(_kind("arithmetic", "the printed numbers say: "), _verdict(claim, check(claim, paper).verdict))


def _verdict(claim: Arithmetic, verdict: str) -> Text:
    """`contradicted under our reading`."""
    return Text(f"{verdict} {OUR_READING}" if claim.is_reading else verdict, style=STYLES[verdict])


def _kind(kind: str, text: str) -> Text:
    return Text.assemble((f"{kind}: ", "bold"), _tied(text))


def _mask_sets(names: list[str]) -> str:
    return f"mask set {names[0]}" if len(names) == 1 else f"on each of {', '.join(names)}"


def _ledger(paper: Paper) -> Grid:
    grid = _grid(1, "id", "class", "the paper says", "we do")
    grid.columns[0].no_wrap = grid.columns[1].no_wrap = True
    for entry in paper.ledger:
        head = Text(entry.id, style="cyan"), Text(entry.cls, style=STYLES[entry.cls])
        says = Text.assemble(_tied(entry.statement), (f" [{entry.section}]", "dim"))
        others = f"\nvariants: {', '.join(entry.variants)}" if entry.variants else ""
        grid.add_row(*head, says, Text.assemble(_tied(entry.decision), (others, "cyan")))
    return grid


def _scales(paper: Paper) -> Grid:
    grid = _grid(1, "scale", "what it is", "what it costs")
    for name, scale in paper.scales.items():
        what = [Text(_tied(scale.summary)), *(Text(_tied(line), style="dim") for line in _details(paper, name, scale))]
        grid.add_row(Text(name, style="cyan"), Group(*what), Text(scale.cost))
    return grid


def _details(paper: Paper, name: str, scale: Scale) -> list[str]:
    found = protocols(name, scale.protocol)
    first = found[0]
    lines = [
        f"{', '.join(each.data for each in found)} at {first.resolution}x{first.resolution},"
        f" {_count(first.images)} images, {_trained(first.train_images)}{_count(first.test_images)} scored,"
        f" mask sets {', '.join(first.mask_sets)}"
    ]
    lines += [f"probes {', '.join(first.probes)}: the first {first.probe_images}"] if first.probes else []
    lines += [_settings(scale.settings)] if scale.settings else []
    lines += [f"{key}: {_settings(values)}" for key, values in scale.rivals.items()]
    lines += [f"seeds 0 to {scale.seeds - 1}"] if scale.seeds > 1 else []
    too = [*(f"variant {one}" for one in paper.variants_at(name)), *paper.baselines_at(name)]
    return [*lines, f"`reproduce` runs too: {', '.join(too)}"] if too else lines


def _trained(images: int | None) -> str:
    return f"at most {_count(images)} trained on, " if images else ""


def _count(images: int) -> str:
    return "all" if images >= 10**9 else f"{images:,}".replace(",", " ")


def _variants(paper: Paper) -> Grid:
    grid = _grid(0, "variant", "what changes", "settings")
    for name, variant in paper.variants.items():
        grid.add_row(Text(name, style="cyan"), Text(variant.summary), Text(_settings(variant.settings), style="dim"))
    return grid


def _settings(values: dict[str, object]) -> str:
    return ", ".join(f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in values.items())


def _commands(paper: Paper, key: str) -> Grid:
    data = (paper.scales["paper"].protocol.data or ["imagenet"])[0]
    words = f"python -m bench reproduce {key}"
    lines = [(f"{words} --scale smoke", "check that it runs here"), (words, "what holds at quick scale")]
    if paper.variants:
        lines.append((f"{words} --variant {next(iter(paper.variants))}", "compare another reading"))
    lines.append((f"{words} --scale paper --data {data}=PATH", "what the paper did"))
    return _lines(lines)


def _baseline_commands(paper: Paper, key: str) -> Grid:
    words = f"python -m bench evaluate {key}"
    lines = [(f"{words} --scale smoke", "check that it runs here"), (words, "train and score it at quick scale")]
    if paper.variants:
        lines.append((f"{words} --variant {next(iter(paper.variants))}", "another reading"))
    return _lines(lines)


def _lines(lines: list[tuple[str, str]]) -> Grid:
    grid = Grid(box=None, show_header=False, pad_edge=False)
    for command, purpose in lines:
        grid.add_row(Text(command, style="cyan"), Text(purpose, style="dim"))
    return grid


def _grid(lines_between: int, *titles: str) -> Grid:
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim", show_edge=False, leading=lines_between)
    for title in titles:
        grid.add_column(Text(title), vertical="top")
    return grid


def _tied(text: str) -> str:
    """The text with numbers such as 25 000 kept on one line."""
    return re.sub(r"(?<=\d) (?=\d{3}\b)", "\N{NO-BREAK SPACE}", text)


def _arrow(better: str) -> str:
    return "↑" if better == "higher" else "↓"


def _bullet(text: Text) -> RenderableType:
    grid = Grid.grid(padding=(0, 1))
    grid.add_row("•", text)
    return Padding(grid, (0, 0, 0, 1))
