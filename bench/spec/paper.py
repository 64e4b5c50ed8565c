"""The whole of a paper.toml."""

from typing import Any, Literal

from pydantic import Field, model_validator

from bench.protocol import ProtocolOverrides
from bench.spec.base import Part, misfit, misplaced
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
    settings: dict[str, Any] = Field(default_factory=dict)
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
    variants: list[str] = Field(default_factory=list)
    """The variants that test another reading."""


class Paper(Part):
    paper: Bibliography
    tables: dict[str, Table] = Field(default_factory=dict)
    claims: list[Claim]
    ledger: list[LedgerEntry]
    scales: dict[str, Scale]
    variants: dict[str, Variant] = Field(default_factory=dict)
    parameters: dict[str, int] = Field(default_factory=dict)
    """Trainable parameters of each network (by its name in `Method.networks`) at paper scale, as the layer tables give
    them; the contract counts and compares."""

    @model_validator(mode="after")
    def _names_exist(self) -> "Paper":
        _no_twins("claims", [claim.id for claim in self.claims])
        _no_twins("ledger", [entry.id for entry in self.ledger])
        for scale in ("smoke", "quick", "paper"):
            if scale not in self.scales:
                raise misplaced(("scales",), f"the scale '{scale}' is missing; add [scales.{scale}]")
        for index, entry in enumerate(self.ledger):
            for name in entry.variants:
                if name not in self.variants:
                    raise misfit(("ledger", index, "variants"), name, "variant of this paper", self.variants)
        for index, claim in enumerate(self.claims):
            if isinstance(claim, Order):
                self._check_sides(index, claim)
            if isinstance(claim, Cell | Arithmetic):
                self._check_table(index, claim)
        return self

    def _check_sides(self, index: int, claim: Order) -> None:
        for key, side in (("better", claim.better), ("worse", claim.worse)):
            kind, _, name = side.partition(":")
            if kind == "variant" and name != "default" and name not in self.variants:
                raise misfit(("claims", index, key), name, "variant of this paper", self.variants)
            if kind not in ("variant", "method") and side != "best floor":
                raise misplaced(
                    ("claims", index, key), f"'{side}' cannot be compared; write variant:NAME, method:KEY or best floor"
                )

    def _check_table(self, index: int, claim: Cell | Arithmetic) -> None:
        table = self.tables.get(claim.table)
        if table is None:
            raise misfit(("claims", index, "table"), claim.table, "table of this paper", self.tables)
        for key in ("column", "l1", "psnr"):
            name = getattr(claim, key, "")
            if name and name not in table.columns:
                raise misfit(("claims", index, key), name, f"column of {claim.table}", table.columns)
        if claim.row and claim.row not in table.rows:
            raise misfit(("claims", index, "row"), claim.row, f"row of {claim.table}", table.rows)


def _no_twins(key: str, ids: list[str]) -> None:
    for index, name in enumerate(ids):
        if name in ids[:index]:
            raise misplaced((key, index, "id"), f"'{name}' is the id of two entries; give each its own")
