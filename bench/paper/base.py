"""The base of every part of paper.toml, and its errors."""

from collections.abc import Collection

from pydantic_core import PydanticCustomError

from bench.util.errors import nearest
from bench.util.part import Part as Part


def misfit(at: tuple[str | int, ...], name: str, what: str, known: Collection[str]) -> PydanticCustomError:
    """The error for a name that nothing else in the file has. `at` leads from the part to its key, for the line."""
    return misplaced(at, f"'{name}' is no {what}.{nearest(name, list(known))}")


def misplaced(at: tuple[str | int, ...], message: str) -> PydanticCustomError:
    """An error of a validator that knows the key at fault; the reader finds the line from `at`."""
    return PydanticCustomError("misfit", "{message}", {"message": message, "at": at})
