"""Progress on long work: bars with rate and remaining time on a terminal, a line now and then elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

LINE_SECONDS = 15.0
"""How often a log file gets a line."""

OnProgress = Callable[[str, int, int], None]
"""Called with (what, done, total)."""


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="progress.data.speed")


class Progress:
    """Shows what is under way on `console`."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._bars: Bars | None = None
        """Of several tasks at a time."""

    def line(self, text: str) -> None:
        """One line, of the verb itself."""
        self.console.print(text, soft_wrap=True, highlight=False, markup=False)

    def say(self, text: str) -> None:
        """One line on what is under way."""
        self.line(f"  {text}")

    @contextmanager
    def task(self, title: str) -> Iterator[OnProgress]:
        """A function to be called with (what, done, total) as the work goes on."""
        if self.console.is_terminal:
            yield from self._bar(title)
        else:
            yield from self._lines(title)

    @contextmanager
    def several(self) -> Iterator[None]:
        """Within, tasks may be under way at the same time, in several threads."""
        if not self.console.is_terminal:
            yield
            return
        with self._new_bars() as self._bars:
            try:
                yield
            finally:
                self._bars = None

    def _new_bars(self) -> Bars:
        columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(),
                   TextColumn("left"), TimeRemainingColumn()]  # fmt: skip
        return Bars(*columns, console=self.console, transient=True)

    def _bar(self, title: str) -> Iterator[OnProgress]:
        tasks: dict[str, TaskID] = {}
        with nullcontext(self._bars) if self._bars is not None else self._new_bars() as bars:

            def report(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bars.add_task(f"{title}: {what}", total=total)
                bars.update(tasks[what], completed=done)

            started = time.monotonic()
            yield report
            for task in tasks.values():
                bars.remove_task(task)
        self._done(title, started)

    def _lines(self, title: str) -> Iterator[OnProgress]:
        started = shown = time.monotonic()

        def report(what: str, done: int, total: int) -> None:
            nonlocal shown
            now = time.monotonic()
            if now - shown >= LINE_SECONDS:
                shown = now
                self.console.print(
                    f"  {title}: {what} {done}/{total}, {now - started:.0f} s", highlight=False, markup=False
                )

        yield report
        self._done(title, started)

    def _done(self, title: str, started: float) -> None:
        seconds = time.monotonic() - started
        if seconds >= 0.5:
            self.console.print(f"  {title}: done in {seconds:.1f} s", highlight=False, markup=False)
