"""Claims: checkable statements of a paper, each of one kind. Margins stand here before any run."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from bench.spec.base import Part, misplaced


class _Claim(Part):
    id: str
    section: str
    says: str
    """The statement, in our words."""
    note: str = ""


class Cell(_Claim):
    """A cell of a reported table, to be met by a measurement of the paper's own method within `margin`."""

    kind: Literal["cell"]
    table: str
    row: str
    column: str
    suite: str
    margin: float = Field(ge=0)
    """Largest difference, in the column's unit, that still counts as equal (the printed rounding is added)."""


class Order(_Claim):
    """`better` scores better than `worse` by more than `margin` on every one of `suites`, on the same images."""

    kind: Literal["order"]
    better: str
    """`variant:NAME` of this paper (`variant:default` is the method as printed), `method:KEY`, or `best floor`."""
    worse: str
    metric: str
    suites: list[str] = Field(min_length=1)
    margin: float = Field(default=0.0, ge=0)


class Arithmetic(_Claim):
    """Settled by the printed numbers alone."""

    kind: Literal["arithmetic"]
    table: str
    check: Literal["one scale", "best in columns"]
    row: str = ""
    l1: str = ""
    psnr: str = ""
    needs: int = 0
    """`best in columns`: in how many columns the row is said to be best."""

    @model_validator(mode="after")
    def _is_complete(self) -> "Arithmetic":
        if self.check == "one scale" and not (self.l1 and self.psnr):
            raise misplaced(("check",), "'one scale' needs the keys l1 and psnr: the names of the two columns")
        if self.check == "best in columns" and not (self.row and self.needs > 0):
            raise misplaced(("check",), "'best in columns' needs the keys row and needs: which row, and in how many")
        return self


class Judgement(_Claim):
    """No measurement of this harness can settle it; `why` says so."""

    kind: Literal["judgement"]
    why: str


Claim = Annotated[Cell | Order | Arithmetic | Judgement, Field(discriminator="kind")]
