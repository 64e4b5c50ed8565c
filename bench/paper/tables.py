"""Reported tables: typed cells, each with the protocol it claims and the place it really comes from."""

from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from pydantic import Field, model_validator

from bench.paper.base import Part


class Reported(Part):
    """A number that a paper prints. Its type is not the type of a measured number, and nothing converts one into the
    other: verdicts compare them, tables show them apart."""

    printed: str

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, value: Any) -> Any:
        if isinstance(value, int | float):
            raise ValueError(f'a reported cell is the printed number in quotes, such as "19.32", not {value}')
        return {"printed": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_number(self) -> "Reported":
        try:
            finite = Decimal(self.printed).is_finite()
        except InvalidOperation:
            finite = False
        if not finite:
            raise ValueError(f'a reported cell is the printed number in quotes, such as "19.32", not "{self.printed}"')
        return self

    @property
    def value(self) -> float:
        return float(Decimal(self.printed))

    @property
    def half_width(self) -> float:
        """Half a unit of the last printed digit: what rounding alone hides."""
        return 0.5 * 10.0 ** int(Decimal(self.printed).as_tuple().exponent)

    def __str__(self) -> str:
        return self.printed


class ReportedProtocol(Part):
    """How a reported row says it was measured; "not said" where the paper does not say."""

    data: str
    images: str
    resolution: str
    holes: str
    hole_share: float | None = Field(default=None, gt=0, le=1)
    """Share of missing pixels, where the protocol fixes it."""
    scored: Literal["composite", "raw", "not said"] = "not said"
    note: str = ""


class Column(Part):
    title: str
    unit: str = ""
    better: Literal["higher", "lower"]
    metric: str = ""
    """The metric definition that a verdict uses, named before any run (a name of bench/metrics/definitions.py). Empty
    where no metric stands in for the number, such as people's judgements."""
    definition: str = "not said"
    """What the paper says of the definition."""


class Row(Part):
    label: str
    ours: bool = False
    """True for the paper's own method."""
    protocol: str
    origin: str
    """Where the row's numbers really come from."""
    method: str = ""
    """Catalog key of the system that the row names, where there is one; `reproduce --with-baselines` runs it."""
    cells: dict[str, Reported]


class Table(Part):
    title: str
    section: str = ""
    note: str = ""
    protocols: dict[str, ReportedProtocol]
    columns: dict[str, Column]
    rows: dict[str, Row]
