"""`status`: once, or live."""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live

from bench.cluster.show import status_table, summary
from bench.cluster.state import Status, Watch, failures
from bench.cluster.task import ENDED
from bench.util.errors import UserError

REFRESH_SECONDS = 5.0
MOST = 100
"""The greatest exit code that counts failures."""


def show_status(console: Console, out: Path, names: Sequence[str], watch: bool) -> int:
    """Print the table, until all are over if so asked. Returns the number of failed runs, at most 100."""
    found = Watch(out).all(names)
    if not found:
        raise UserError(f"{out} holds no queued runs. To queue some: python -m bench submit --help")
    if watch and console.is_terminal:
        found = _live(console, out, names, found)
    else:
        while watch and not _over(found):
            time.sleep(REFRESH_SECONDS)
            found = Watch(out).all(names)
        console.print(status_table(found), end="", soft_wrap=True)
        console.print(summary(found), highlight=False)
    return min(MOST, failures(found))


def _live(console: Console, out: Path, names: Sequence[str], found: list[Status]) -> list[Status]:
    def shown() -> Group:
        return Group(status_table(found, most=console.height - 4), summary(found))

    with Live(shown(), console=console, auto_refresh=False) as live:
        while not _over(found):
            time.sleep(REFRESH_SECONDS)
            found = Watch(out).all(names)
            live.update(shown(), refresh=True)
    return found


def _over(found: Sequence[Status]) -> bool:
    """Nothing moves any more: what is lost comes back only by `retry`, and what is stuck waits for somebody."""
    return all(status.state in (*ENDED, "lost") or status.stuck for status in found)
