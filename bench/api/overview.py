"""All papers under one output folder: judged, their pages rewritten, and one page over them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from bench.api.reproduction import Reproduction, judged
from bench.claims import Verdict
from bench.methods.catalog import Catalog
from bench.report.again import commands
from bench.report.front import ALONE, Front, Subject
from bench.report.front_pages import fill, write_front
from bench.report.terminal import FORM
from bench.report.words import MARKS
from bench.runs.current import current_records
from bench.runs.records import find_records
from bench.runs.request import Request
from bench.util.errors import UserError
from bench.util.progress import Progress


@dataclass(frozen=True)
class Overview:
    """What all papers' records under one output folder say."""

    front: Front
    reproductions: dict[str, Reproduction]
    """By paper."""
    pages: tuple[Path, ...]
    """Those over all papers: reports/index.html, and README.md where it is ours to write."""

    @cached_property
    def counts(self) -> pd.DataFrame:
        """A row for each paper, protocol and kind of claim: how many have each verdict.

        `paper`, `protocol`, `claims` (`as stated`, `under our reading`, `without a measurement`), a column for each
        verdict, `measurable` and `decided`: how many a run of this kind can answer, and how many it has answered.
        """
        rows = [
            {"paper": subject.key, "protocol": one.where, "claims": one.of}
            | {str(verdict): one.counts[verdict] for verdict in Verdict}
            | {"measurable": one.measurable, "decided": one.decided}
            for subject in self.front.subjects
            for one in subject.tallies
        ]
        columns = ["paper", "protocol", "claims", *map(str, Verdict), "measurable", "decided"]
        return pd.DataFrame(rows, columns=columns)


def overview(
    catalog: Catalog, out: Path, include: Sequence[Path], cache: Path, progress: Progress, readme: Path | None = None
) -> Overview:
    """Judge every paper that has records under `out`, and write its pages and those over all.

    Raises UserError where none has.
    """
    own = Counter(record.run.method for record in find_records(out) if record.run.origin == "run")
    papers = [entry for entry in catalog.entries.values() if entry.key in own and entry.reproducible]
    current = {one.key: bool(current_records(catalog, out, {one.key}, one)) for one in papers}
    if not any(current.values()):
        older = f" that this version made ({', '.join(current)} have older ones)" if current else " of a paper"
        raise UserError(f"{out} holds no record{older}. Create one: python -m bench reproduce PAPER --out {out}")
    made, subjects = dict[str, Reproduction](), []
    floors = {floor.key for floor in catalog.floors()}
    for key in (key for key, is_current in current.items() if is_current):
        progress.say(f"judge {key}")
        request = Request.of(key, out=out, include=include, cache=cache)
        made[key], places = judged(catalog, request)
        again = commands(made[key].report, floors, places)
        subjects.append(Subject(made[key].report, frozenset(floors), tuple(again)))
    front = Front(subjects, {key: own[key] for key, is_current in current.items() if not is_current})
    pages = write_front(out, front)
    if readme is not None:
        pages.append(fill(readme, out, front))
    return Overview(front, made, tuple(pages))


def print_overview(console: Console, made: Overview) -> None:
    """The counts, and where the pages are."""
    table = Table(**FORM)
    for title in ("paper", "claims"):
        table.add_column(title, overflow="fold")
    for verdict in Verdict:
        table.add_column(f"{MARKS[verdict]} {verdict}", justify="right")
    table.add_column("decided", justify="right")
    for subject in made.front.subjects:
        for one in subject.tallies:
            where = one.of if one.of == ALONE else f"{one.of} ({one.where})"
            table.add_row(subject.key, where, *(str(one.counts[verdict]) for verdict in Verdict), one.share)
    console.print(table)
    console.print(made.front.summary, highlight=False)
    for key, count in made.front.outdated.items():
        console.print(f"{key} is left out: its {count} records are of other code or an older version.", highlight=False)
    for path in made.pages:
        console.print(f"Page: {path.resolve()}", soft_wrap=True, highlight=False, markup=False)
