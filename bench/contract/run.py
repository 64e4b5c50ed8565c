"""`python -m bench check`: every check over every method found, and what `reproduce` leaves open, printed."""

from collections.abc import Callable, Sequence
from functools import partial

from rich.console import Console

from bench.contract.methods import CHECKS, Subject
from bench.contract.papers import PAPER_CHECKS, PaperCheck
from bench.contract.reach import measured, reach
from bench.contract.subject import PaperSubject
from bench.methods.catalog import Catalog, Entry
from bench.util.errors import UserError


def check_all(entries: Sequence[Entry], catalog: Catalog, console: Console) -> int:
    """Run every check over these entries of `catalog`; prints a line for each and returns the number that failed."""
    failed = 0
    for entry in entries:
        console.print(f"{entry.key}  {entry.path}", style="bold", soft_wrap=True, highlight=False, markup=False)
        sound = True
        if entry.described:
            broken = _check_paper(PaperSubject(entry, catalog), console)
            failed, sound = failed + broken, not broken
        if sound:
            subject = Subject(entry)
            failed += sum(_try(check, partial(_run, check, subject), console) for check in CHECKS)
        else:
            console.print("  The method itself is checked once its paper.toml has no mistakes.", highlight=False)
        if sound and entry.is_paper:
            _print_reach(entry, catalog, console)
    console.print("All checks passed." if not failed else f"{failed} checks failed.")
    return failed


def _check_paper(subject: PaperSubject, console: Console) -> int:
    try:
        subject.reading  # noqa: B018 - a file that is no TOML has one mistake
    except UserError as error:
        console.print(f"    {error}", style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    if subject.reading.paper is None:
        return _try(PAPER_CHECKS[0], partial(_mistakes, PAPER_CHECKS[0], subject), console)
    return sum(_try(check, partial(_mistakes, check, subject), console) for check in PAPER_CHECKS)


def _mistakes(check: PaperCheck, subject: PaperSubject) -> list[str]:
    return [subject.reading.told(mistake) for mistake in subject.reading.in_order(check(subject))]


def _run(check: Callable[[Subject], None], subject: Subject) -> list[str]:
    try:
        check(subject)
    except (AssertionError, UserError) as error:
        return [str(error)]
    return []


def _try(check: Callable[..., object], run: Callable[[], list[str]], console: Console) -> int:
    """Print the check's line and what it tells; 1 where it tells anything."""
    try:
        told = run()
    except Exception as error:  # whatever a method under work raises is a broken check, not a broken tool
        told = [f"{type(error).__name__}: {error}"]
    mark = "[red]✗[/]" if told else "[green]✓[/]"
    console.print(f"  {mark} {(check.__doc__ or '').splitlines()[0]}", highlight=False)
    for text in told:
        console.print(f"    {text}", style="red", markup=False, highlight=False, soft_wrap=True)
    return int(bool(told))


def _print_reach(entry: Entry, catalog: Catalog, console: Console) -> None:
    """By scale, what a plain `reproduce` leaves open, one command for all the claims that it answers."""
    claims = len(measured(entry.paper()))
    for scale, gaps in reach(entry, catalog).items():
        words = "smoke tests the machinery: its runs are never evidence" if scale == "smoke" else f"{scale}:"
        line = f"{words.removesuffix(':')}: {claims - len(gaps)} of {claims} claims about runs are in reach"
        console.print(f"  {line}", highlight=False, soft_wrap=True)
        if scale == "smoke":
            continue
        for command in dict.fromkeys(gap.command for gap in gaps):
            for gap in (gap for gap in gaps if gap.command == command):
                console.print(f"    {gap.claim}: {gap.why}", highlight=False, markup=False, soft_wrap=True)
            text = f"→ {command}" if command else "→ no command answers these"
            console.print(f"      {text}", style="cyan", highlight=False, markup=False, soft_wrap=True)
