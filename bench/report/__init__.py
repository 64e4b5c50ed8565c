"""Reports: the same leaderboards and verdicts as Markdown, as a page and in the terminal."""

from bench.report.terminal import print_leaderboard, print_verdicts
from bench.report.writer import write_report

__all__ = ["print_leaderboard", "print_verdicts", "write_report"]
