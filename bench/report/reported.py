"""The paper's own tables, kept apart from everything measured."""

from dataclasses import dataclass

from bench.claims import Finding
from bench.paper import Arithmetic, Paper, Table
from bench.paper.arithmetic import bound_notes, scale_constants

HEADING = "Reported by the paper (other data, masks, scale: not comparable)"


@dataclass(frozen=True)
class ReportedRow:
    label: str
    ours: bool
    cells: list[str]
    """As printed; empty where the paper prints nothing."""
    constant: str
    """k = l1 / 10^(-PSNR/20), which is nearly the same for all rows of one protocol; empty where it has no meaning."""
    protocol: str
    origin: str


@dataclass(frozen=True)
class ReportedTable:
    title: str
    columns: list[tuple[str, str]]
    """Title, and unit with direction."""
    rows: list[ReportedRow]
    has_constants: bool
    settled: list[Finding]
    """Claims that these numbers settle by themselves."""
    notes: list[str]


def reported_tables(paper: Paper, findings: list[Finding]) -> list[ReportedTable]:
    """Every table of the paper; `findings` are those that the printed numbers settle."""
    return [_table(key, table, findings) for key, table in paper.tables.items()]


def _table(key: str, table: Table, findings: list[Finding]) -> ReportedTable:
    settled = [one for one in findings if isinstance(one.claim, Arithmetic) and one.claim.table == key]
    pairs = [(one.claim.l1, one.claim.psnr) for one in settled if isinstance(one.claim, Arithmetic) and one.claim.l1]
    constants = scale_constants(table, *pairs[0]) if pairs else {}
    notes = ([table.note] if table.note else []) + (bound_notes(table, *pairs[0]) if pairs else [])
    columns = [(column.title, f"{column.unit}, {column.better} is better") for column in table.columns.values()]
    rows = []
    for name, row in table.rows.items():
        cells = [str(row.cells[column]) if column in row.cells else "" for column in table.columns]
        said = table.protocols[row.protocol]
        protocol = f"{said} {said.note}".rstrip()
        constant = f"{constants[name]:.2f}" if name in constants else ""
        rows.append(ReportedRow(row.label, row.ours, cells, constant, protocol, row.origin))
    return ReportedTable(table.title, columns, rows, bool(constants), settled, notes)
