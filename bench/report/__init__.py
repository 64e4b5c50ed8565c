"""Reports: the same leaderboards and verdicts as Markdown, as a page and in the terminal. Nothing here decides."""

from bench.report.chapters import gather
from bench.report.terminal import print_boards, print_health, print_leaderboard, print_verdicts
from bench.report.writer import write_report

__all__ = ["gather", "print_boards", "print_health", "print_leaderboard", "print_verdicts", "write_report"]
