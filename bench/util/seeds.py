"""Randomness by purpose: every draw is named, so it depends on its name and on nothing that was drawn before it."""

import hashlib
from collections.abc import Callable, Iterator
from struct import Struct


def seed_of(*purpose: object) -> int:
    """A seed in [0, 2**63) from the words that name its purpose, e.g. `seed_of(0, "holes", "train", 17)`."""
    return int.from_bytes(_digest(purpose)[:8], "big") >> 1


class Chance:
    """Uniform integers from SHA-256: the same on every platform, Python and library version.

    Used where a result is frozen (mask sets, splits) and where one object is drawn at a time.
    """

    def __init__(self, *purpose: object) -> None:
        self.word: Callable[[], int] = _words(_digest(purpose)).__next__
        """An integer, uniform in [0, 2**64): for loops in which the check of `below` would cost."""

    def noise(self, count: int) -> bytes:
        """`count` uniform bytes, from SHAKE-256: for thousands of draws at once."""
        return hashlib.shake_256(self.word().to_bytes(8, "big")).digest(count)

    def below(self, end: int) -> int:
        """An integer, uniform in [0, end). The bias of the modulo is under end / 2**64."""
        if end < 1:
            raise ValueError(f"end must be at least 1, not {end}")
        return self.word() % end

    def between(self, first: int, last: int) -> int:
        """An integer, uniform in [first, last], both included."""
        if last < first:
            raise ValueError(f"the range {first} to {last} holds nothing")
        return first + self.word() % (last - first + 1)


_FOUR_WORDS = Struct(">4Q").unpack


def _digest(purpose: tuple[object, ...]) -> bytes:
    # repr() keeps 1 and "1" apart, and no join of words can collide with another.
    return hashlib.sha256(repr(purpose).encode()).digest()


def _words(key: bytes) -> Iterator[int]:
    counter = 0
    while True:
        yield from _FOUR_WORDS(hashlib.sha256(key + counter.to_bytes(8, "big")).digest())
        counter += 1
