"""The base of every part of paper.toml, and its errors."""

from collections.abc import Collection
from typing import NamedTuple

from pydantic_core import PydanticCustomError

from bench.util.errors import nearest
from bench.util.part import Part as Part

Keys = tuple[str | int, ...]
"""The way to a value of the file: keys of tables, indices of arrays."""


class Mistake(NamedTuple):
    """Something wrong in a paper.toml: where, and one sentence with the problem and its remedy."""

    at: Keys
    text: str


def misfit(at: Keys, name: str, what: str, known: Collection[str]) -> Mistake:
    """A name that nothing bears."""
    return Mistake(at, f"'{name}' is not a {what}.{nearest(name, list(known))}")


def misplaced(at: Keys, message: str) -> PydanticCustomError:
    """An error of a part's own validator that knows the key at fault; the reader finds the line from `at`."""
    return PydanticCustomError("misfit", "{message}", {"message": message, "at": at})
