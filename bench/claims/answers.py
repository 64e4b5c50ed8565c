"""From intervals to answers: which side of a limit they lie on, and how sure that is."""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import bench.claims.looks as looks
from bench.claims.finding import DECISIVE, Verdict
from bench.claims.statistics import Interval, least_tail


def lies(interval: Interval, below: float | None, above: float | None) -> bool | None:
    """True where the whole interval lies `below` (or `above`) the limit, False where it lies beyond, None between."""
    if interval.low is None or interval.high is None:
        return None
    limit = below if below is not None else above
    assert limit is not None
    under, over = interval.high < limit, interval.low > limit
    if not under and not over:
        return None
    return under if below is not None else over


class Judged(Protocol):
    """What has an interval for any one-sided error."""

    def at(self, tail: float) -> Interval: ...


def answers(
    found: Mapping[str, Judged], below: float | None, above: float | None, tail: float
) -> dict[str, bool | None]:
    """The `answer_of` each, by its name."""
    return {name: answer_of(one, below, above, tail, len(found)) for name, one in found.items()}


def answer_of(one: Judged, below: float | None, above: float | None, tail: float, among: int) -> bool | None:
    """Whether `one` of so many lies `below` (or `above`) the limit, as `lies` says.

    One No contradicts a claim, so that each may spend only its share of the error on it.
    """
    if lies(one.at(tail / among), below, above) is False:
        return False
    return lies(one.at(tail), below, above) or None


def p_value(verdict: Verdict, answer: Callable[[float], Verdict], trainings: int) -> float:
    """As `Finding.p`."""
    return looks.p_value(least_tail(lambda tail: answer(tail) == verdict), trainings) if verdict in DECISIVE else 1.0


def settled(answers: Iterable[bool | None]) -> Verdict:
    """One No contradicts; all Yes support."""
    given = list(answers)
    if False in given:
        return Verdict.CONTRADICTED
    return Verdict.INCONCLUSIVE if None in given else Verdict.SUPPORTED
