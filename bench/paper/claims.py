"""Claims: checkable statements of a paper, each of one kind. Margins stand here before any run."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bench.paper.base import Part, misplaced
from bench.paper.tables import Reported

BEST_FLOOR = "best floor"
"""The side of an order that is the training-free method with the best mean, mask set by mask set."""
HOLE_SHARE = "hole_share"
"""The share of an image that is missing: what a trend may go along with, beside metrics."""


def key_and_variant(name: str) -> tuple[str, str]:
    """Of another method, named as KEY or KEY/VARIANT."""
    key, _, variant = name.partition("/")
    return key, variant or "default"


def contender_of(side: str, own: str) -> tuple[str, str]:
    """Method and variant of a claim's side, which is not the best floor; `own` is the paper's method."""
    kind, _, name = side.partition(":")
    return (own, name) if kind == "variant" else key_and_variant(name)


Basis = Literal["stated", "reading"]
"""`stated`: the sentence, or a table, names what is compared and what is measured. `reading`: the sentence is vague and
the check is our way of putting it to the test, so no verdict on it is one on the sentence itself."""


class Scope(Part):
    """What the sentence itself is about, "not said" where it is silent: a check must not ask for more than that."""

    holes: str
    """Which holes it speaks of."""
    opponents: str
    """Whom it names as worse, or what it compares with."""
    measure: str
    """In what it says they differ."""
    hedge: str = ""
    """Words that weaken it, such as "mainly" or "in most cases"."""

    def __str__(self) -> str:
        said = [f"holes: {self.holes}", f"opponents: {self.opponents}", f"measure: {self.measure}"]
        return "; ".join([*said, f"hedge: {self.hedge}"] if self.hedge else said)


class _Claim(Part):
    id: str
    section: str
    statement: str
    """The statement, in our words."""
    note: str = ""

    @property
    def sides(self) -> tuple[str, ...]:
        """Whose runs the claim is about: `variant:NAME` of this paper, `method:KEY`, `method:KEY/VARIANT`, or
        `best floor`."""
        return ()

    @property
    def is_reading(self) -> bool:
        """Whether a verdict on it is one under our reading of the sentence."""
        return False


class _Checked(_Claim):
    """A claim that something here can decide."""

    basis: Basis
    reading: str = ""
    """Of a vague sentence: why it has to be read, and as what."""
    alternative_to: str = ""
    """The id of another claim, whose sentence this one reads in another way."""
    objection: str
    """The strongest objection that the paper's author could raise to a verdict, written before any run."""
    answer: str
    """What run, or what else, would answer the objection."""

    @model_validator(mode="after")
    def _says_how_it_is_read(self) -> Self:
        if (self.basis == "reading") != bool(self.reading):
            text = 'the key reading says how a vague sentence is read: it belongs to basis = "reading", and to it alone'
            raise misplaced(("basis",), text)
        return self

    @property
    def is_reading(self) -> bool:
        return self.basis == "reading"


class _Measured(_Checked):
    scope: Scope


class Cell(_Checked):
    """A cell of a reported table, to be met by a measurement of the paper's own method within `margin`."""

    kind: Literal["cell"]
    basis: Basis = "stated"
    table: str
    row: str
    column: str
    mask_set: str
    margin: float = Field(ge=0)
    """Largest difference, in the column's unit, that still counts as equal (the printed rounding is added)."""


class Order(_Measured):
    """`better` scores better than `worse` by more than `margin` on every one of `mask_sets`, on the same images."""

    kind: Literal["order"]
    better: str
    """`variant:NAME` of this paper (`variant:default` is the method as printed), `method:KEY`, or `best floor`."""
    worse: str
    metric: str
    mask_sets: list[str] = Field(min_length=1)
    margin: float = Field(default=0.0, ge=0)

    @property
    def sides(self) -> tuple[str, ...]:
        return self.better, self.worse


class Wins(_Measured):
    """`better` scores better than `worse` on more than `share` of the images of every one of `mask_sets`.

    For what a paper says of "most cases", which a mean does not answer: a few large differences can turn it.
    """

    kind: Literal["wins"]
    better: str
    worse: str
    metric: str
    mask_sets: list[str] = Field(min_length=1)
    share: float = Field(default=0.5, gt=0, lt=1)

    @property
    def sides(self) -> tuple[str, ...]:
        return self.better, self.worse


class Bound(_Measured):
    """The mean of `metric` over images lies `below` or `above` a value on every one of `mask_sets`."""

    kind: Literal["bound"]
    of: str
    """`variant:NAME` or `method:KEY`."""
    metric: str
    """A metric definition, a probe's metric, or a `aux_` column."""
    mask_sets: list[str] = Field(min_length=1)
    below: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _has_one_end(self) -> "Bound":
        if (self.below is None) == (self.above is None):
            raise misplaced(("kind",), "a bound needs one of the keys below and above: the value to compare with")
        return self

    @property
    def sides(self) -> tuple[str, ...]:
        return (self.of,)


class Trace(_Measured):
    """About a curve of the training: the last `tail` of `scalar` over the steps of `stage`, in size.

    `vanishes`: the median of the tail is under `below`, or under `share` of that of `against`, or both. `settles`: the
    median of the tail is under `share` of the curve's largest value, and a straight line through the tail rises or
    falls by less than `flat` of that median. `steadier`: around such a line the tail scatters, relative to its median,
    less than `share` times as much as that of `against`.
    """

    kind: Literal["trace"]
    of: str
    stage: str
    scalar: str
    check: Literal["vanishes", "settles", "steadier"]
    tail: float = Field(default=0.1, gt=0, lt=1)
    """Share of the stage's steps, at its end."""
    below: float | None = Field(default=None, gt=0)
    against: str | None = None
    share: float | None = Field(default=None, gt=0)
    flat: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _is_complete(self) -> "Trace":
        paired = (self.against is None) == (self.share is None) and self.flat is None
        if self.check == "vanishes" and not (paired and (self.below or self.share)):
            raise misplaced(("check",), "'vanishes' needs the key below, or against and share together, or all three")
        settling = None not in (self.share, self.flat) and self.below is None and self.against is None
        if self.check == "settles" and not settling:
            raise misplaced(("check",), "'settles' needs the keys share and flat, and no other value")
        compared = None not in (self.against, self.share) and self.below is None and self.flat is None
        if self.check == "steadier" and not compared:
            raise misplaced(("check",), "'steadier' needs the keys against and share, and no other value")
        return self

    @property
    def sides(self) -> tuple[str, ...]:
        return (self.of,) if self.against is None else (self.of, self.against)


class Trend(_Measured):
    """Over the images of every one of `mask_sets`, `metric` falls (or rises) with another quantity: rank
    correlation."""

    kind: Literal["trend"]
    of: str
    metric: str
    mask_sets: list[str] = Field(min_length=1)
    along: str = Field(alias="with")
    """`hole_share`, or a metric."""
    falls: bool

    @property
    def sides(self) -> tuple[str, ...]:
        return (self.of,)


class Arithmetic(_Checked):
    """Settled by the printed numbers alone."""

    kind: Literal["arithmetic"]
    table: str
    check: Literal["one scale", "best in columns", "percent over row", "shares of total", "exclusive"]
    row: str = ""
    l1: str = ""
    psnr: str = ""
    needs: int = 0
    """`best in columns`: in how many columns the row is said to be best."""
    over: str = ""
    """`percent over row`: the row that `row` is said to be better than, in `column`."""
    column: str = ""
    percent: Reported | None = None
    """`percent over row`: by how many per cent of the other row's number, as printed."""
    counts: list[str] = Field(default_factory=list)
    """`shares of total`, `exclusive`: the columns in which `row` counts cases out of `total`."""
    shares: list[str] = Field(default_factory=list)
    """`shares of total`: the columns that print the same in per cent, in the order of `counts`."""
    total: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _is_complete(self) -> "Arithmetic":
        if self.check == "one scale" and not (self.l1 and self.psnr):
            raise misplaced(("check",), "'one scale' needs the keys l1 and psnr: the names of the two columns")
        if self.check == "best in columns" and not (self.row and self.needs > 0):
            raise misplaced(("check",), "'best in columns' needs the keys row and needs: which row, and in how many")
        if self.check == "percent over row" and not (self.row and self.over and self.column and self.percent):
            raise misplaced(("check",), "'percent over row' needs the keys row, over, column and percent")
        counted = self.row and self.counts and self.total > 0
        if self.check == "shares of total" and not (counted and len(self.shares) == len(self.counts)):
            raise misplaced(("check",), "'shares of total' needs the keys row, total, counts, and as many shares")
        if self.check == "exclusive" and not counted:
            raise misplaced(("check",), "'exclusive' needs the keys row, total and counts")
        return self


class Judgement(_Claim):
    """No measurement of this harness can settle it; `why` says so."""

    kind: Literal["judgement"]
    why: str


Claim = Annotated[Cell | Order | Wins | Bound | Trace | Trend | Arithmetic | Judgement, Field(discriminator="kind")]
