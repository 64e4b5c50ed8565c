"""Time that was really worked: on the clock and of the processor, by what was worked on."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.util.progress import OnProgress

SLEEP_SECONDS = 30.0
SLEEP_SHARE = 0.01
"""A gap of at least so many seconds in which the process got less than this share of a processor was no work: it was
stopped, or the machine was suspended."""


@dataclass(frozen=True)
class Spent:
    """Seconds."""

    wall: float = 0.0
    """On the clock."""
    cpu: float = 0.0
    """Of the processor, by all threads of this process and by processes that it started and that have ended."""

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.wall + other.wall, self.cpu + other.cpu)

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.wall - other.wall, self.cpu - other.cpu)

    def __mul__(self, factor: float) -> "Spent":
        return Spent(self.wall * factor, self.cpu * factor)

    @property
    def asleep(self) -> bool:
        return self.wall >= SLEEP_SECONDS and self.cpu < SLEEP_SHARE * self.wall


Clock = Callable[[], Spent]


def now() -> Spent:
    """The time by both clocks. Neither goes on while a laptop is suspended; only the first while others have the
    processor."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(time.monotonic(), time.process_time() + ended.ru_utime + ended.ru_stime)


@dataclass
class Tally:
    """How much was done, and the time that took."""

    count: int = 0
    spent: Spent = field(default_factory=Spent)


class Meter:
    """Hears of progress as (what, done, total), tells `report` of it, and adds up the time between two calls.

    More than `most` at once was not done but found: neither it nor its time counts.
    """

    def __init__(self, report: OnProgress, most: int = 1, clock: Clock | None = None) -> None:
        self.tallies: dict[str, Tally] = {}
        self._report, self._most, self._clock = report, most, clock or now
        self._what, self._done, self._last = "", 0, self._clock()

    def __call__(self, what: str, done: int, total: int) -> None:
        self._report(what, done, total)
        moment = self._clock()
        gap, self._last = moment - self._last, moment
        more = done - self._done if what == self._what else done
        self._what, self._done = what, done
        if 0 <= more <= self._most and not gap.asleep:
            tally = self.tallies.setdefault(what, Tally())
            tally.count += more
            tally.spent += gap


@contextmanager
def timed(clock: Clock | None = None) -> Iterator[Tally]:
    """A tally of one, which is what the block does."""
    clock = clock or now
    tally, began = Tally(), clock()
    yield tally
    spent = clock() - began
    if not spent.asleep:
        tally.count, tally.spent = 1, spent
