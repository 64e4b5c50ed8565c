"""Writes a paper's report. The same records give the same bytes."""

from pathlib import Path

from bench.report.chapters import Report
from bench.report.markdown import claims_page, leaderboard_page
from bench.report.page import page
from bench.util.files import write_text


def write_report(out: Path, report: Report, floors: set[str], cache: Path, command: str) -> list[Path]:
    """Write index.html, leaderboard.md and claims.md to `out`/reports/<key> and return their paths.

    `floors` are the keys of the floors, `cache` is where data sets are packed, `command` makes the report again.
    """
    folder = out / "reports" / report.key
    pages = {
        "index.html": page(report, floors, cache, command),
        "leaderboard.md": leaderboard_page(report, command),
        "claims.md": claims_page(report),
    }
    for name, text in pages.items():
        write_text(folder / name, text)
    return [folder / name for name in pages]
