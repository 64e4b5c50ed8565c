"""The whole of a paper.toml."""

from typing import Any, Literal

from pydantic import Field, model_validator

from bench.protocol import ProtocolOverrides
from bench.spec.base import Part
from bench.spec.claims import Arithmetic, Cell, Claim, Order
from bench.spec.tables import Table


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

    says: str
    cost: str
    """What a run costs, and whether that was measured or estimated."""
    settings: dict[str, Any] = {}
    protocol: ProtocolOverrides = ProtocolOverrides()


class Variant(Part):
    """A named change of settings: another reading of an unclear sentence, or an ablation."""

    says: str
    settings: dict[str, Any]


class LedgerEntry(Part):
    """One thing that the text says, or does not say, and what we do about it."""

    id: str
    cls: Literal["stated", "ambiguous", "contradictory", "omitted", "typo"] = Field(alias="class")
    section: str
    says: str
    we_do: str
    why: str = ""
    variants: list[str] = []
    """The variants that test another reading."""


class Paper(Part):
    paper: Bibliography
    tables: dict[str, Table] = {}
    claims: list[Claim]
    ledger: list[LedgerEntry]
    scales: dict[str, Scale]
    variants: dict[str, Variant] = {}

    @model_validator(mode="after")
    def _names_exist(self) -> "Paper":
        _no_twins("claim", [claim.id for claim in self.claims])
        _no_twins("ledger entry", [entry.id for entry in self.ledger])
        for scale in ("smoke", "quick", "paper"):
            if scale not in self.scales:
                raise ValueError(f"scales has no '{scale}'")
        for entry in self.ledger:
            for name in entry.variants:
                if name not in self.variants:
                    raise ValueError(f"ledger entry {entry.id} names variant '{name}', which is not in variants")
        for claim in self.claims:
            self._check_claim(claim)
        return self

    def _check_claim(self, claim: Claim) -> None:
        if isinstance(claim, Order):
            for side in (claim.better, claim.worse):
                kind, _, name = side.partition(":")
                if kind == "variant" and name != "default" and name not in self.variants:
                    raise ValueError(f"claim {claim.id} names variant '{name}', which is not in variants")
                if kind not in ("variant", "method") and side != "best floor":
                    raise ValueError(
                        f"claim {claim.id} compares '{side}'; write variant:NAME, method:KEY or best floor"
                    )
        if isinstance(claim, Cell | Arithmetic):
            table = self.tables.get(claim.table)
            if table is None:
                raise ValueError(f"claim {claim.id} names table '{claim.table}', which is not in tables")
            columns = [claim.column] if isinstance(claim, Cell) else [c for c in (claim.l1, claim.psnr) if c]
            for column in columns:
                if column not in table.columns:
                    raise ValueError(f"claim {claim.id} names column '{column}', which {claim.table} does not have")
            if claim.row and claim.row not in table.rows:
                raise ValueError(f"claim {claim.id} names row '{claim.row}', which {claim.table} does not have")


def _no_twins(what: str, ids: list[str]) -> None:
    for index, name in enumerate(ids):
        if name in ids[:index]:
            raise ValueError(f"two {what}s have the id '{name}'")
