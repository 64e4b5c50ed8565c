"""Which images are used, and on which side: the same on every machine and for ever.

Every choice follows one order of the ids, that of SHA-256 over (data name, id). A smaller selection is the beginning of
a larger one, and neither file order nor a random generator's version has a say.
"""

from collections.abc import Iterable
from typing import NamedTuple

from bench.data.protocol import Protocol
from bench.util.errors import UserError
from bench.util.seeds import seed_of


class Split(NamedTuple):
    """Ids in hash order, and how many ids were set aside (for validation, or not asked for)."""

    train: list[str]
    test: list[str]
    aside: int


def in_hash_order(data_name: str, ids: Iterable[str]) -> list[str]:
    return sorted(ids, key=lambda name: (seed_of("split", data_name, name), name))


def by_hash(ids: Iterable[str], protocol: Protocol) -> Split:
    """The first `protocol.images` ids, cut by `protocol.split`; of the parts at most `train_images` and `test_images`.

    Cuts fall at whole images, rounded down: 30,000 at 50:9:1 are 25,000 / 4,500 / 500. Train and test get at least one.
    """
    train, test, validation = protocol.split
    if min(train, test) < 1 or validation < 0:
        raise UserError(f"Split {train}:{test}:{validation} leaves train or test empty. Give both at least 1.")
    order = in_hash_order(protocol.data_name, ids)
    used = order[: protocol.images]
    if len(used) < 2:
        raise UserError(f"{protocol.data} has {len(used)} usable image(s); it needs 2, one to train and one to test.")
    total, count = train + test + validation, len(used)
    first = min(max(1, count * train // total), count - 1)
    second = max(first + 1, count * (train + test) // total)
    return _capped(used[:first], used[first:second], len(order), protocol)


def as_given(train: Iterable[str], test: Iterable[str], aside: int, protocol: Protocol) -> Split:
    """A data set's own split, where `aside` ids are its validation part.

    Where `protocol.images` is less than all there are, each side keeps its share of it, rounded down, at least one.
    """
    learn, score = in_hash_order(protocol.data_name, train), in_hash_order(protocol.data_name, test)
    for side, ids in (("train", learn), ("test", score)):
        if not ids:
            raise UserError(f"{protocol.data} has no image in its {side} part. Use a folder that has both parts.")
    total = len(learn) + len(score) + aside
    part = min(protocol.images, total)
    keep_train, keep_test = (ids[: max(1, part * len(ids) // total)] for ids in (learn, score))
    return _capped(keep_train, keep_test, total, protocol)


def _capped(train: list[str], test: list[str], total: int, protocol: Protocol) -> Split:
    train, test = train[: protocol.train_images], test[: protocol.test_images]
    return Split(train, test, total - len(train) - len(test))


def evenly(groups: dict[str, list[str]], count: int) -> list[str]:
    """At most `count` ids, taken from the groups in turn."""
    longest = max(map(len, groups.values()), default=0)
    turns = (ids[turn] for turn in range(longest) for _, ids in sorted(groups.items()) if turn < len(ids))
    return [name for name, _ in zip(turns, range(count), strict=False)]
