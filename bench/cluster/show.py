"""What `status`, `submit` and `plan` print."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from bench.cluster.array import Submission
from bench.cluster.state import Status

STYLES = {"done": "green", "running": "cyan", "failed": "red", "lost": "red", "unfinished": "red", "silent": "yellow"}
COLUMNS = ("run", "state", "progress", "rate", "left", "attempts", "node", "last error")
ORDER = ("failed", "unfinished", "lost", "silent", "running", "waiting", "cancelled", "done")


def status_table(found: Sequence[Status], most: int | None = None) -> Text:
    """One line for each task: what it does, how far it is, how fast, and what went wrong last.

    With `most`, at most so many lines, those first that somebody may want to act on. No rich table: a thousand runs
    are shown in a moment.
    """
    shown = list(found)
    if most is not None and len(shown) > most:
        shown = sorted(shown, key=lambda status: ORDER.index(status.state))[: max(1, most)]
    rows = [_row(status) for status in shown]
    widths = [max(len(text) for text in column) for column in zip(COLUMNS, *rows, strict=True)]
    table = Text(_line(COLUMNS, widths) + "\n", style="bold", no_wrap=True, overflow="ellipsis")
    for status, row in zip(shown, rows, strict=True):
        table.append(_line(row, widths) + "\n", style=f"not bold {STYLES.get(status.state, '')}".strip())
    return table


def _row(status: Status) -> tuple[str, ...]:
    share = f" {100 * status.done / status.total:.0f} %" if status.total else ""
    left = span(status.left_seconds) if status.left_seconds is not None else ""
    rate = f"{status.rate:.3g}/s" if status.rate else ""
    numbers = (status.doing + share, rate, left, str(status.attempts))
    return (status.folder.id, status.state, *numbers, status.node, " ".join(status.error.split()))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def summary(found: Iterable[Status]) -> str:
    """`3 running, 2 done`."""
    counts = Counter(status.state for status in found)
    return ", ".join(f"{counts[state]} {state}" for state in ORDER if counts[state]) or "no runs"


def span(seconds: float) -> str:
    """A time span, for people."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.1f} d"


def print_submitted(console: Console, submission: Submission, out: Path, ids: Sequence[str]) -> None:
    """The ids of the tasks, where they went, and what to type next."""
    for name in ids:
        console.print(name, highlight=False, markup=False, soft_wrap=True)
    jobs = sum(len(array.tasks) for array in submission.arrays)
    where = f"{len(submission.arrays)} arrays, {jobs} jobs, profile {submission.profile.name}"
    console.print(f"Submitted as {submission.name}: {where}", highlight=False, markup=False, soft_wrap=True)
    end = "" if str(out) == "runs" else f" --out {out}"
    console.print(f"Next: python -m bench status{end}", highlight=False, markup=False, soft_wrap=True)
