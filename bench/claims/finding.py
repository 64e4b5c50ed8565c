"""The outcome of judging a claim."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bench.claims.statistics import Interval
from bench.paper import Arithmetic, Claim, Judgement
from bench.paper.words import OUR_READING


class Verdict(StrEnum):
    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    NO_DIFFERENCE = "no difference"
    INCONCLUSIVE = "inconclusive"
    NOT_COMPARABLE = "not comparable"
    NOT_ATTEMPTED = "not attempted"


DECISIVE = (Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.NO_DIFFERENCE)
"""Verdicts that answer a claim."""


class Decision(NamedTuple):
    """A verdict, its reason, and `seeds` and `p` as in `Finding`."""

    verdict: Verdict
    why: str
    seeds: int = 0
    p: float | None = None


class Measured(NamedTuple):
    """One measurement that a verdict rests on."""

    where: str
    """The mask set, or the stage of the training."""
    metric: str
    """The metric, or the training scalar."""
    text: str
    interval: Interval | None = None
    """The one that was judged, over images and seeds, in the claim's own direction; None of a curve."""


@dataclass(frozen=True)
class Finding:
    """A claim with its verdict."""

    claim: Claim
    verdict: Verdict
    why: str
    """One or two sentences; commands stand in backticks."""
    measured: tuple[Measured, ...] = ()
    seeds: int = 0
    """With how many training seeds of each side it is worth being judged again; 0 where more would answer nothing."""
    p: float | None = None
    """How often so clear a decision comes about if the truth lies on the margin, with all looks and mask sets counted.
    1 where the measurements were weighed and decide nothing, None where they were not weighed."""
    p_together: float | None = None
    """The same, corrected for all claims that were weighed with it (Holm, Scand. Journal of Statistics 6, 1979)."""

    @property
    def decisive(self) -> bool:
        return self.verdict in DECISIVE

    @property
    def under_reading(self) -> bool:
        """Whether the claim is one reading of a vague sentence: its verdicts are counted apart."""
        return self.claim.is_reading

    @property
    def objection(self) -> str:
        """What the paper's author could object to a verdict; empty where there is none to object to."""
        return "" if isinstance(self.claim, Judgement) else self.claim.objection

    @property
    def answer(self) -> str:
        """What would answer that."""
        return "" if isinstance(self.claim, Judgement) else self.claim.answer

    @property
    def said(self) -> str:
        """The verdict in words: `contradicted under our reading`."""
        return f"{self.verdict} {OUR_READING}" if self.decisive and self.under_reading else str(self.verdict)

    @property
    def depends_on_data(self) -> bool:
        """False for what the printed numbers, or nothing at all, can settle."""
        return not isinstance(self.claim, Arithmetic | Judgement)


class NoContestError(Exception):
    """A verdict that is reached before any number is compared. `seeds` as in `Finding`."""

    def __init__(self, verdict: Verdict, why: str, seeds: int = 0) -> None:
        super().__init__(why)
        self.verdict, self.why, self.seeds = verdict, why, seeds
