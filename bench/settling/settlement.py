"""What a settlement has come to."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from bench.api.reproduction import Reproduction
from bench.settling.journal import Journal
from bench.settling.price import Offer
from bench.settling.question import Question


def hours_up(seconds: float) -> str:
    """Of a budget that they fit into, for people."""
    tenths = math.ceil(seconds / 360 if seconds > 3600 else seconds / 36)
    return f"{tenths / 10:g}" if seconds > 3600 else f"{tenths / 100:g}"


COLUMNS = ["paper", "claim", "data", "before", "verdict", "why", "seconds"]


@dataclass(frozen=True)
class Settlement:
    """Of one paper or several."""

    reproductions: Mapping[str, Reproduction]
    """By paper: what its records say now, and its pages. None of a paper that has no record."""
    questions: Sequence[Question]
    offers: Sequence[Offer]
    """What is left that runs may answer."""
    journal: Journal
    hours: float
    """The budget."""
    worked: bool
    """Whether this call made runs."""

    @cached_property
    def claims(self) -> pd.DataFrame:
        """A row for each claim that a measurement can answer, and data set: `paper`, `claim`, `data`, `before` (its
        verdict when the settlement began), `verdict`, `why` (of what is open: why it stays so) and `seconds` (what its
        next look would take on this machine; NaN where no run answers it, or nothing is known)."""
        seconds = {one.question.id: one.seconds for one in self.offers}
        rows = [
            {
                "paper": one.paper,
                "claim": one.finding.claim.id,
                "data": one.protocol.data_name,
                "before": self.journal.before.get(one.id, ""),
                "verdict": str(one.finding.verdict),
                "why": one.finding.why if one.answered else self.why(one),
                "seconds": seconds.get(one.id),
            }
            for one in self.questions
        ]
        return pd.DataFrame(rows, columns=COLUMNS).astype({"seconds": float})

    def why(self, question: Question) -> str:
        """Why a question stays open."""
        offer = next((one for one in self.offers if one.question.id == question.id), None)
        if offer is None:
            return question.why_not
        if offer.seconds is None:
            return "nothing is known of how long its runs take"
        return f"out of the budget; --hours {hours_up(self.journal.spent + offer.until)} reaches it"

    @property
    def newly(self) -> list[Question]:
        """Those that were answered since it began."""
        return [
            one for one in self.questions if one.answered and self.journal.before.get(one.id) != one.finding.verdict
        ]
