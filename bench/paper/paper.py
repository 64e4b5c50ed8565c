"""The whole of a paper.toml."""

from typing import Any, Literal

from pydantic import Field, model_validator

from bench.paper.base import Part, misfit, misplaced
from bench.paper.claims import Claim
from bench.paper.names import check_claims
from bench.paper.tables import Table
from bench.protocol import ProtocolOverrides


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

    @property
    def methods(self) -> dict[str, str]:
        """Catalog keys of the other methods that the file names, each with the key under which it first does."""
        named = [(name, f"scales.{key}.baselines") for key, scale in self.scales.items() for name in scale.baselines]
        named += [
            (row.method, f"tables.{title}.rows.{key}.method")
            for title, table in self.tables.items()
            for key, row in table.rows.items()
            if row.method
        ]
        for claim in self.claims:
            sides = [side.partition(":") for side in claim.sides]
            named += [(name, f"claims.{claim.id}") for kind, _, name in sides if kind == "method"]
        return dict(reversed(named))

    @model_validator(mode="after")
    def _names_exist(self) -> "Paper":
        _no_twins("claims", [claim.id for claim in self.claims])
        _no_twins("ledger", [entry.id for entry in self.ledger])
        for known in ("smoke", "quick", "paper"):
            if known not in self.scales:
                raise misplaced(("scales",), f"the scale '{known}' is missing; add [scales.{known}]")
        for key, scale in self.scales.items():
            for name in scale.variants:
                if name not in self.variants:
                    raise misfit(("scales", key, "variants"), name, "variant of this paper", self.variants)
        for index, entry in enumerate(self.ledger):
            for name in entry.variants:
                if name not in self.variants:
                    raise misfit(("ledger", index, "variants"), name, "variant of this paper", self.variants)
        check_claims(self.claims, self.variants, self.tables)
        return self


def _no_twins(key: str, ids: list[str]) -> None:
    for index, name in enumerate(ids):
        if name in ids[:index]:
            raise misplaced((key, index, "id"), f"'{name}' is the id of two entries; give each its own")
