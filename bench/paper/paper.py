"""The whole of a paper.toml."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from bench.data.protocol import ProtocolOverrides
from bench.paper.base import Keys, Part
from bench.paper.claims import Claim
from bench.paper.tables import Table


class Bibliography(Part):
    title: str
    authors: list[str]
    year: int
    year_inferred: bool = False
    venue: str = ""
    doi: str = ""
    summary: str
    """The paper in five lines."""


class Scale(Part):
    """`smoke`, `quick` or `paper`: overrides of the method's settings and of the protocol."""

    summary: str
    cost: str
    """What a run costs, and whether that was measured or estimated."""
    settings: dict[str, Any] = Field(default_factory=dict)
    protocol: ProtocolOverrides = ProtocolOverrides()
    variants: list[str] = Field(default_factory=list)
    """Variants that a plain `reproduce` at this scale runs too; meant for cheap ones that share trained networks."""
    baselines: list[str] = Field(default_factory=list)
    """Catalog keys of further methods that it runs too, under this paper's protocol and with their own settings."""


class Variant(Part):
    """A named change of settings: another reading of an unclear sentence, or an ablation."""

    summary: str
    settings: dict[str, Any]


class LedgerEntry(Part):
    """One thing that the text says, or does not say, and what we do about it."""

    id: str
    cls: Literal["stated", "ambiguous", "contradictory", "omitted", "typo"] = Field(alias="class")
    section: str
    statement: str
    decision: str
    why: str = ""
    variants: list[str] = Field(default_factory=list)
    """The variants that test another reading."""


class Paper(Part):
    paper: Bibliography
    tables: dict[str, Table] = Field(default_factory=dict)
    claims: list[Claim] = Field(default_factory=list)
    ledger: list[LedgerEntry] = Field(default_factory=list)
    scales: dict[str, Scale]
    variants: dict[str, Variant] = Field(default_factory=dict)
    parameters: dict[str, int] = Field(default_factory=dict)
    """Trainable parameters of each network (by its name in `Method.networks`) at paper scale, as the layer tables give
    them; the contract counts and compares."""

    def named_methods(self) -> Iterator[tuple[str, Keys]]:
        """Catalog keys of other methods, each with the way to where it is named."""
        for key, scale in self.scales.items():
            yield from ((name, ("scales", key, "baselines")) for name in scale.baselines)
        for title, table in self.tables.items():
            for key, row in table.rows.items():
                if row.method:
                    yield row.method, ("tables", title, "rows", key, "method")
        for index, claim in enumerate(self.claims):
            for field in ("better", "worse", "of", "against"):
                kind, _, name = (getattr(claim, field, None) or "").partition(":")
                if kind == "method":
                    yield name, ("claims", index, field)

    @property
    def methods(self) -> list[str]:
        """Catalog keys of the other methods that the file names."""
        return list(dict.fromkeys(name for name, _ in self.named_methods()))
