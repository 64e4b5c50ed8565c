"""A paper's reproduction: its records made and judged, its pages written, and the result as tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
from rich.console import Console

from bench.contract.accepted import accepted
from bench.methods.catalog import Catalog, find
from bench.metrics.definitions import HEADLINE
from bench.report import gather, print_boards, print_health, print_verdicts, write_report
from bench.report.boards import Board
from bench.report.chapters import Chapter, Report
from bench.report.health import health_lines
from bench.runs.current import current_records
from bench.runs.provenance import original
from bench.runs.records import Record
from bench.runs.request import Request
from bench.util.errors import UserError, nearest
from bench.util.progress import Progress

AHEAD = ("ahead", "ahead_low", "ahead_high")
HEALTH = ["data", "scale", "method", "seeds", "images", "stage", "psnr_hole", "low", "high", "psnr_mean_fill", "well",
          "why"]  # fmt: skip
BOARD = ["data", "scale", "mask_set", "method", "kind", "seeds", "metric", "mean", "low", "high", "n", *AHEAD]


@dataclass(frozen=True)
class Reproduction:
    """What a paper's records under one output folder say."""

    report: Report
    """As the pages show it: a chapter for each protocol."""
    pages: tuple[Path, ...]
    """index.html, leaderboard.md and claims.md."""

    @property
    def key(self) -> str:
        return self.report.key

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(record for chapter in self.report.chapters for record in chapter.records)

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """A row for each claim and protocol: `claim`, `kind`, `section`, `statement`, `verdict`, `why`, `p`,
        `p_together`, `basis` and `objection`.

        `p` is how often so clear a decision comes about by chance, `p_together` the same corrected for all claims of
        the protocol; NaN where nothing was weighed.
        `basis` is `stated` where the sentence says what is compared, `reading` where it had to be read.
        `data` and `scale` name the protocol; they are empty for claims that no measurement settles.
        """
        found = [(finding, chapter) for chapter in self.report.chapters for finding in chapter.findings]
        rows = [
            {
                "claim": finding.claim.id,
                "kind": finding.claim.kind,
                "section": finding.claim.section,
                "statement": finding.claim.statement,
                "verdict": str(finding.verdict),
                "why": finding.why,
                "p": finding.p,
                "p_together": finding.p_together,
                "basis": "reading" if finding.under_reading else "stated",
                "objection": finding.objection if finding.decisive else "",
                "data": chapter.run.protocol.data_name if chapter else "",
                "scale": chapter.run.scale if chapter else "",
            }
            for finding, chapter in [*found, *((finding, None) for finding in self.report.settled)]
        ]
        about = ["claim", "kind", "section", "statement", "verdict", "why", "p", "p_together", "basis", "objection"]
        columns = [*about, "data", "scale"]
        return pd.DataFrame(rows, columns=columns).astype({"p": float, "p_together": float})

    @cached_property
    def health(self) -> pd.DataFrame:
        """Whether the trained contenders are well: a row for each protocol, contender and stage of its training.

        `images` is the whole training's budget; `psnr_hole` with its 95 % interval `low` to `high` is that of the
        stage's end on held-out training images, `psnr_mean_fill` that of the mean colour, both in dB. `well` is NA
        where it is not known, and `why` says why it is not, or is not known. A contender that was not measured has one
        row without a stage.
        """
        rows = [row for chapter in self.report.chapters for row in _health_rows(chapter, self.key)]
        numbers = dict.fromkeys(("psnr_hole", "low", "high", "psnr_mean_fill"), float)
        return pd.DataFrame(rows, columns=HEALTH).astype(numbers | {"well": "boolean"})

    @cached_property
    def leaderboards(self) -> pd.DataFrame:
        """All leaderboards: a row for each protocol, mask set, contender and headline metric, best PSNR first.

        `mean` with its 95 % interval `low` to `high` over `n` images; `ahead` with `ahead_low` and `ahead_high` is the
        paired difference to the mask set's best floor, positive where better. NaN where there is none.
        """
        rows = [row for chapter in self.report.chapters for row in _rows(chapter)]
        return pd.DataFrame(rows, columns=BOARD).astype(dict.fromkeys(("mean", "low", "high", *AHEAD), float))

    def leaderboard(self, mask_set: str, data: str | None = None, scale: str | None = None) -> pd.DataFrame:
        """One leaderboard: a row for each contender, best PSNR first, its `kind`, and the mean of each metric.

        Raises UserError where no leaderboard, or more than one, is meant.
        """
        boards = [
            (chapter, board)
            for chapter in self.report.chapters
            for board in chapter.boards
            if data in (None, chapter.run.protocol.data_name) and scale in (None, chapter.run.scale)
        ]
        found = [(chapter, board) for chapter, board in boards if board.mask_set == mask_set]
        if not found:
            known = sorted({board.mask_set for _, board in boards})
            raise UserError(f"{self.key} has no leaderboard of mask set '{mask_set}'.{nearest(mask_set, known)}")
        if len(found) > 1:
            names = ", ".join(chapter.title for chapter, _ in found)
            raise UserError(f"Mask set '{mask_set}' has several leaderboards: {names}. Choose one by data or scale.")
        return _wide(found[0][1])


def _health_rows(chapter: Chapter, key: str) -> Iterator[dict[str, Any]]:
    run = chapter.run
    for line in health_lines(chapter, key):
        one = line.health
        about = {
            "data": run.protocol.data_name,
            "scale": run.scale,
            "method": one.contender.name,
            "seeds": one.contender.seeds,
            "images": one.budget,
            "psnr_mean_fill": one.mean_fill.mean if one.mean_fill else None,
            "well": one.well,
            "why": one.why,
        }
        for stage, end in one.ends.items():
            yield about | {"stage": stage, "psnr_hole": end.mean, "low": end.low, "high": end.high}
        if not one.ends:
            yield about | {"stage": ""}


def _wide(board: Board) -> pd.DataFrame:
    shown = [metric for metric in HEADLINE if metric in board.best]
    rows = [
        {"method": line.name, "kind": line.kind} | {m: line.scores[m].mean for m in shown if m in line.scores}
        for line in board.lines
    ]
    return pd.DataFrame(rows, columns=["method", "kind", *shown]).set_index("method")


def _rows(chapter: Chapter) -> Iterator[dict[str, Any]]:
    run = chapter.run
    for board in chapter.boards:
        for line in board.lines:
            about = {
                "data": run.protocol.data_name,
                "scale": run.scale,
                "mask_set": board.mask_set,
                "method": line.name,
                "kind": line.kind,
                "seeds": line.seeds,
            }
            for metric, one in line.scores.items():
                row = about | {"metric": metric, "mean": one.mean, "low": one.low, "high": one.high, "n": one.n}
                lead = line.leads.get(metric)
                ahead = (None, None, None) if lead is None else (lead.mean, lead.low, lead.high)
                yield row | dict(zip(AHEAD, ahead, strict=True))


def reproduce(request: Request, progress: Progress) -> Reproduction:
    """Train, evaluate, judge and report a paper. Finished work is never repeated."""
    entry = find(request.include)[request.key]
    if not entry.reproducible:
        entry.paper()  # says what to do with a baseline instead
    work = accepted(request, progress)
    work.reproduce()
    return report(work.catalog, request)


def report(catalog: Catalog, request: Request) -> Reproduction:
    """Judge a paper's records under `request.out`, and write its pages. Raises UserError where there is no record."""
    return judged(catalog, request)[0]


def judged(catalog: Catalog, request: Request) -> tuple[Reproduction, list[Path]]:
    """As `report`; and where methods were found that are not among the installed ones."""
    key, out = request.key, request.out
    entry = catalog[key]
    paper = entry.paper()
    floors = {floor.key for floor in catalog.floors()}
    keys = {key, *floors, *(catalog.entries.keys() & paper.methods)}
    records = current_records(catalog, out, keys, entry)
    if not any(record.run.method == key for record in records):
        raise UserError(f"{out} holds no record of {key}. Create one: python -m bench reproduce {key}")
    brought = [catalog[name] for name in (key, *sorted(keys - {key})) if catalog[name].origin == "--include"]
    places = [original(one.path) for one in brought]
    found = gather(key, paper, records, floors, places)
    pages = write_report(out, found, floors, request.cache, places)
    return Reproduction(found, tuple(pages)), places


def print_reproduction(console: Console, made: Reproduction) -> None:
    """Leaderboards, verdicts, and where the pages are."""
    for chapter in made.report.chapters:
        print_boards(console, chapter.boards, chapter.records)
        print_health(console, health_lines(chapter, made.key))
        title = f"Claims, {chapter.run.protocol.data_name}, {chapter.run.scale} scale"
        print_verdicts(console, chapter.findings, title)
    print_verdicts(console, made.report.settled, "Claims that need no measurement")
    if any(record.run.scale == "quick" for record in made.records):
        key = made.key
        console.print(f"Ablations: python -m bench reproduce {key} --variant all   (or one: show {key} lists them)")
    for path in made.pages:
        console.print(f"Page: {path.resolve()}", soft_wrap=True, highlight=False, markup=False)
