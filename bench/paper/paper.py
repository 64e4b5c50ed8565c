"""The whole of a paper.toml."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from bench.data.protocol import ProtocolOverrides
from bench.paper.base import Keys, Part
from bench.paper.claims import Claim, key_and_variant
from bench.paper.tables import Table

CLAIMED = "claimed"
"""In a scale's `variants` or `baselines`: all that claims name."""


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
    """Variants that a plain `reproduce` at this scale runs too; `claimed` stands for all that claims name."""
    baselines: list[str] = Field(default_factory=list)
    """Further methods that it runs too, under this paper's protocol: a catalog key, or KEY/VARIANT; `claimed` stands
    for all that claims name."""
    rivals: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Settings of other methods, by catalog key, wherever they run under this paper's protocol at this scale: what
    makes them fair opponents there. Their rows keep their names."""
    seeds: int = Field(default=1, ge=1)
    """How many trainings of each method, from seed 0 on, a plain `reproduce` makes."""


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

    def variants_at(self, scale: str) -> list[str]:
        """The variants that a plain `reproduce` at this scale runs too; none at an unknown one."""
        return self._written_out(self.scales[scale].variants, "variant") if scale in self.scales else []

    def baselines_at(self, scale: str) -> list[str]:
        """The other methods that a plain `reproduce` at this scale runs too, as KEY or KEY/VARIANT."""
        return self._written_out(self.scales[scale].baselines, "method") if scale in self.scales else []

    def _written_out(self, names: list[str], kind: str) -> list[str]:
        """With what claims name in place of `claimed`."""
        sides = [side.partition(":")[::2] for claim in self.claims for side in claim.sides]
        claimed = [name for one, name in sides if one == kind and name != "default"] if CLAIMED in names else []
        return list(dict.fromkeys([*(name for name in names if name != CLAIMED), *claimed]))

    def named_methods(self) -> Iterator[tuple[str, Keys]]:
        """Other methods, as KEY or KEY/VARIANT, each with the way to where it is named."""
        for key, scale in self.scales.items():
            yield from ((name, ("scales", key, "baselines")) for name in scale.baselines if name != CLAIMED)
            yield from ((name, ("scales", key, "rivals", name)) for name in scale.rivals)
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
    def rivals(self) -> list[str]:
        """The other methods that the file names, as KEY or KEY/VARIANT."""
        return list(dict.fromkeys(name for name, _ in self.named_methods()))

    @property
    def methods(self) -> list[str]:
        """Their catalog keys."""
        return list(dict.fromkeys(key_and_variant(name)[0] for name in self.rivals))
