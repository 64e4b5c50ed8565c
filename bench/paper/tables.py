"""Reported tables: typed cells, each with the protocol it claims and the place it really comes from."""

from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from pydantic import GetJsonSchemaHandler, field_validator, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from bench.metrics.definitions import DEFINITIONS
from bench.paper.base import Part, misplaced
from bench.paper.protocols import NOT_SAID, ReportedProtocol
from bench.util.errors import nearest


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

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """As paper.toml has it: the printed number in quotes."""
        return {"type": "string", "title": "Reported", "description": cls.__doc__, "examples": ["19.32"]}

    @property
    def value(self) -> float:
        return float(Decimal(self.printed))

    @property
    def half_width(self) -> float:
        """Half a unit of the last printed digit: what rounding alone hides."""
        return 0.5 * 10.0 ** int(Decimal(self.printed).as_tuple().exponent)

    def __str__(self) -> str:
        return self.printed


class Column(Part):
    title: str
    unit: str = ""
    better: Literal["higher", "lower"]
    metric: str = ""
    """The metric definition that a verdict uses, named before any run (a name of bench/metrics/definitions.py). Empty
    where no metric stands in for the number, such as people's judgements."""
    definition: str
    """The metric definition that the paper's own words fix (a name of bench/metrics/definitions.py), "other" where they
    fix one that is none of these, "not said" where they leave it open."""
    note: str = ""
    """What the paper says of it, for a reader."""

    @field_validator("definition")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in (*DEFINITIONS, "other", NOT_SAID):
            known = [*DEFINITIONS, "other", NOT_SAID]
            raise misplaced((), f"'{name}' is not a metric definition.{nearest(name, known)}")
        return name


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
