"""Writes a paper's report. The same records give the same bytes."""

from collections.abc import Sequence
from pathlib import Path

from bench.report.again import commands
from bench.report.chapters import Report
from bench.report.markdown import claims_page, leaderboard_page
from bench.report.page import page
from bench.util.files import locked, sweep, write_text


def write_report(out: Path, report: Report, floors: set[str], cache: Path, include: Sequence[Path] = ()) -> list[Path]:
    """Write index.html, leaderboard.md and claims.md to `out`/reports/<key> and return their paths.

    `floors` are the keys of the floors, `cache` is where data sets are packed, `include` where methods
    were found that are not among the installed ones.
    """
    again = commands(report, floors, include)
    folder = out / "reports" / report.key
    pages = {
        "index.html": page(report, floors, cache, again),
        "leaderboard.md": leaderboard_page(report, again),
        "claims.md": claims_page(report),
    }
    with locked(folder, lambda text: None, out / ".locks" / f"report-{report.key}"):
        sweep(folder)
        for name, text in pages.items():
            write_text(folder / name, text)
    return [folder / name for name in pages]
