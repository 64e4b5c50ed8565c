"""paper.toml: the facts of a paper, typed. No code of a paper is imported to read them."""

from bench.spec.claims import Arithmetic, Bound, Cell, Claim, Judgement, Order, Trace, Trend
from bench.spec.paper import LedgerEntry, Paper, Scale, Variant
from bench.spec.reader import read_paper
from bench.spec.tables import Column, Reported, ReportedProtocol, Row, Table

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
    "read_paper",
]
