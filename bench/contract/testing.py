"""The contract for other people's test suites: one pytest test for each method and check.

from bench.contract.testing import parametrize_with_checks

@parametrize_with_checks("my_papers")
def test_contract(check):
    check()
"""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench.contract.methods import CHECKS, Subject
from bench.contract.papers import PAPER_CHECKS, PaperCheck
from bench.contract.subject import PaperSubject
from bench.methods.catalog import Catalog, Entry, find

if TYPE_CHECKING:
    import pytest

Check = Callable[[], None]
"""Raises AssertionError, with a sentence that says what is broken, or UserError."""


def parametrize_with_checks(*paths: str | Path) -> "pytest.MarkDecorator":
    """A pytest decorator that calls a test with `check` once for every check of every method found under `paths`.

    A path is a folder or file as `--include` takes them. Without any, all methods found are checked: papers/,
    baselines/ and those that installed packages bring. Ids are `KEY-CHECK`, so `-k KEY` chooses a method. Raises
    UserError where a path holds no method.
    """
    import pytest

    folders = [Path(path).resolve() for path in paths]
    catalog = find(folders)
    entries = [entry for entry in catalog.entries.values() if not folders or _lies_in(entry, folders)]
    found = [each for entry in entries for each in checks(entry, catalog)]
    return pytest.mark.parametrize("check", [check for _, check in found], ids=[name for name, _ in found])


def checks(entry: Entry, catalog: Catalog) -> Iterator[tuple[str, Check]]:
    """Every check of one method, with its name: of its paper.toml where there is one, then of the method."""
    if entry.described:
        described = PaperSubject(entry, catalog)
        yield from ((f"{entry.key}-{one.__name__}", partial(keeps, one, described)) for one in PAPER_CHECKS)
    subject = Subject(entry)
    yield from ((f"{entry.key}-{one.__name__}", partial(one, subject)) for one in CHECKS)


def keeps(check: PaperCheck, subject: PaperSubject) -> None:
    """Raise AssertionError that lists every mistake that `check` finds."""
    found = [subject.reading.told(mistake) for mistake in subject.reading.in_order(check(subject))]
    assert not found, "\n".join(found)


def _lies_in(entry: Entry, folders: list[Path]) -> bool:
    return any(entry.path.is_relative_to(folder) for folder in folders)
