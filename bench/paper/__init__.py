"""paper.toml: the facts of a paper, typed, and what follows from the printed numbers alone.

No code of a paper is imported to read them, and nothing here knows a measurement.
"""

from bench.paper.claims import Arithmetic, Bound, Cell, Claim, Judgement, Order, Trace, Trend, Wins
from bench.paper.paper import LedgerEntry, Paper, Scale, Variant
from bench.paper.protocols import ReportedProtocol
from bench.paper.reader import read_paper
from bench.paper.tables import Column, Reported, Row, Table

__all__ = [
    "Arithmetic",
    "Bound",
    "Cell",
    "Claim",
    "Column",
    "Judgement",
    "LedgerEntry",
    "Order",
    "Paper",
    "Reported",
    "ReportedProtocol",
    "Row",
    "Scale",
    "Table",
    "Trace",
    "Trend",
    "Variant",
    "Wins",
    "read_paper",
]
