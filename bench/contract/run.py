"""`python -m bench check`: every check over every method found, and what `reproduce` leaves open, printed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from rich.console import Console

from bench.contract.methods import CHECKS, Subject
from bench.contract.papers import PAPER_CHECKS, PaperCheck
from bench.contract.reach import measured, reach
from bench.contract.subject import PaperSubject
from bench.methods.catalog import Catalog, Entry
from bench.paper import Judgement, Paper
from bench.util.errors import UserError


@dataclass(frozen=True)
class Failure:
    """Something that a method or its paper.toml does not keep."""

    method: str
    check: str
    """The check's name."""
    rule: str
    """What every method keeps."""
    message: str
    """What is broken, in one sentence; of a paper.toml with its file and line."""


Result = tuple[str, list[Failure]]
"""A rule, and how it is broken; nothing where it is kept."""


def failures(entry: Entry, catalog: Catalog) -> Iterator[Result]:
    """Run every check over a method of `catalog`.

    The method itself is only checked where its paper.toml has no mistakes.
    """
    sound = True
    for result in _of_paper(entry, catalog):
        sound = sound and not result[1]
        yield result
    if sound:
        yield from _of_method(entry)


def check_all(entries: Sequence[Entry], catalog: Catalog, console: Console) -> int:
    """Run every check over these entries of `catalog`; prints a line for each and returns the number that failed."""
    failed = 0
    for entry in entries:
        console.print(f"{entry.key}  {entry.path}", style="bold", soft_wrap=True, highlight=False, markup=False)
        broken = _print_results(_of_paper(entry, catalog), console)
        if broken:
            console.print("  The method itself is checked once its paper.toml is free of errors.", highlight=False)
        else:
            broken = _print_results(_of_method(entry), console)
            if entry.reproducible:
                _print_reach(entry, catalog, console)
        failed += broken
    console.print("All checks passed." if not failed else f"{failed} checks failed.")
    return failed


def _of_paper(entry: Entry, catalog: Catalog) -> Iterator[Result]:
    if not entry.described:
        return
    subject = PaperSubject(entry, catalog)
    try:
        readable = subject.reading.paper is not None
    except UserError as error:  # no TOML
        yield "The file is TOML.", [Failure(entry.key, "toml", "The file is TOML.", str(error))]
        return
    for check in PAPER_CHECKS if readable else PAPER_CHECKS[:1]:
        yield _tried(entry, check, partial(_mistakes, check, subject))


def _of_method(entry: Entry) -> Iterator[Result]:
    subject = Subject(entry)
    for check in CHECKS:
        yield _tried(entry, check, partial(_run, check, subject))


def _mistakes(check: PaperCheck, subject: PaperSubject) -> list[str]:
    return [subject.reading.told(mistake) for mistake in subject.reading.in_order(check(subject))]


def _run(check: Callable[[Subject], None], subject: Subject) -> list[str]:
    try:
        check(subject)
    except (AssertionError, UserError) as error:
        return [str(error)]
    return []


def _tried(entry: Entry, check: Callable[..., object], run: Callable[[], list[str]]) -> Result:
    name, rule = getattr(check, "__name__", ""), (check.__doc__ or "").splitlines()[0]
    try:
        messages = run()
    except Exception as error:  # whatever a method under work raises is a broken check, not a broken tool
        messages = [f"{type(error).__name__}: {error}"]
    return rule, [Failure(entry.key, name, rule, message) for message in messages]


def _print_results(results: Iterable[Result], console: Console) -> int:
    """A line for each rule, and how it is broken; returns how many are."""
    broken = 0
    for rule, found in results:
        mark = "[red]✗[/]" if found else "[green]✓[/]"
        console.print(f"  {mark} {rule}", highlight=False)
        for failure in found:
            console.print(f"    {failure.message}", style="red", markup=False, highlight=False, soft_wrap=True)
        broken += bool(found)
    return broken


def _print_reach(entry: Entry, catalog: Catalog, console: Console) -> None:
    """What the claims rest on, and by scale what a plain `reproduce` leaves open, with one command for all that it
    answers."""
    console.print(f"  {_claims_line(entry.paper())}", highlight=False, soft_wrap=True)
    claims = len(measured(entry.paper()))
    for scale, gaps in reach(entry, catalog).items():
        if scale == "smoke":
            console.print("  smoke tests the machinery: its runs are never evidence", highlight=False, soft_wrap=True)
            continue
        line = f"{scale}: {claims - len(gaps)} of {claims} claims about runs are in reach"
        console.print(f"  {line}", highlight=False, soft_wrap=True)
        for command in dict.fromkeys(gap.command for gap in gaps):
            for gap in (gap for gap in gaps if gap.command == command):
                console.print(f"    {gap.claim}: {gap.why}", highlight=False, markup=False, soft_wrap=True)
            text = f"→ {command}" if command else "→ no command answers these"
            console.print(f"      {text}", style="cyan", highlight=False, markup=False, soft_wrap=True)


def _claims_line(paper: Paper) -> str:
    """`30 statements, 34 claims: 21 stated, 9 under our reading (4 of them alternatives), 4 for nobody to measure`."""
    checked = [claim for claim in paper.claims if not isinstance(claim, Judgement)]
    read = sum(claim.is_reading for claim in checked)
    others = sum(bool(claim.alternative_to) for claim in checked)
    parts = [
        f"{len(checked) - read} as stated",
        f"{read} under our reading ({others} of them another reading of the same sentence)",
        f"{len(paper.claims) - len(checked)} that nothing here can measure",
    ]
    return f"{len(paper.claims) - others} statements, {len(paper.claims)} claims: {', '.join(parts)}"
