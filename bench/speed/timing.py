"""Rows of a speed table, and medians of interleaved repeats."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

QUICK_SECONDS = 0.5
SECONDS = 3.0
"""Roughly how long one size of one subject is repeated."""
FEWEST, MOST = 3, 51
"""Rounds of a race."""


@dataclass(frozen=True)
class Row:
    """One subject at one size, against one peer. Milliseconds are medians over the whole call, not per image."""

    subject: str
    size: str
    """What is worked on, such as `16 x 256²`."""
    ours_ms: float
    peer: str
    peer_ms: float | None
    """None where the peer is not installed, or there is none."""
    ratio: float | None
    """How many times our time the peer takes; None as `peer_ms`."""
    agreement: float | None
    """The largest difference between our value and the peer's; None where they do not measure the same."""
    note: str = ""


def row(
    subject: str,
    size: str,
    ours_ms: float,
    peer: str,
    peer_ms: float | None,
    agreement: float | None = None,
    note: str = "",
) -> Row:
    """A row whose ratio is worked out."""
    ratio = None if peer_ms is None else peer_ms / ours_ms
    return Row(subject, size, ours_ms, peer, peer_ms, ratio, agreement, note)


def race(calls: Mapping[str, Callable[[], object]], quick: bool = False) -> dict[str, float]:
    """The median milliseconds of each call.

    One round calls each once, in order, so that a busy moment of the machine hits all alike. The first round, in which
    libraries prepare themselves, is not counted.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    spent = _round(calls, {name: [] for name in calls})
    seconds = QUICK_SECONDS if quick else SECONDS
    rounds = min(MOST, max(FEWEST, int(seconds / max(spent, 1e-6))))
    for _ in range(rounds):
        _round(calls, times)
    return {name: 1000 * statistics.median(values) for name, values in times.items()}


def _round(calls: Mapping[str, Callable[[], object]], times: dict[str, list[float]]) -> float:
    started = time.perf_counter()
    for name, call in calls.items():
        before = time.perf_counter()
        call()
        times[name].append(time.perf_counter() - before)
    return time.perf_counter() - started
