"""The outcome of judging a claim."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from bench.paper import Arithmetic, Claim, Judgement


class Verdict(StrEnum):
    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    INCONCLUSIVE = "inconclusive"
    NOT_COMPARABLE = "not comparable"
    NOT_ATTEMPTED = "not attempted"


class Measured(NamedTuple):
    """One measurement that a verdict rests on."""

    where: str
    """The mask set, or the stage of the training."""
    metric: str
    """The metric, or the training scalar."""
    text: str


@dataclass(frozen=True)
class Finding:
    """A claim with its verdict."""

    claim: Claim
    verdict: Verdict
    why: str
    """One or two sentences; commands stand in backticks."""
    measured: tuple[Measured, ...] = ()

    @property
    def depends_on_data(self) -> bool:
        """False for what the printed numbers, or nothing at all, can settle."""
        return not isinstance(self.claim, Arithmetic | Judgement)


class NoContestError(Exception):
    """A verdict that is reached before any number is compared."""

    def __init__(self, verdict: Verdict, why: str) -> None:
        super().__init__(why)
        self.verdict, self.why = verdict, why
