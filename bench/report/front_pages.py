"""The front page as files: README.md and reports/index.html, and its table in a README of one's own."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import bench.report.words as words
from bench.claims import DECISIVE, Verdict
from bench.report.front import ALONE, Front, Subject, Tally, share
from bench.report.markdown import Markdown, grid, link, plain
from bench.report.page import environment
from bench.report.words import MARKS, READ
from bench.util.errors import UserError
from bench.util.files import locked, read_bytes, write_text

GENERATED = "<!-- Generated from the records by `python -m bench report`, which rewrites it: edits are lost. -->"
"""The first line of a README.md that may be rewritten."""
BEGIN, END = "<!-- verdicts, written by report --readme -->", "<!-- /verdicts -->"
OUTDATED = (
    "Not counted here, since all their records are of other code or an older version, and their pages are as they were"
    " until `reproduce` runs again:"
)
HEADLINE = "What holds when it is measured again"


def write_front(out: Path, front: Front) -> list[Path]:
    """Write `out`/reports/index.html, and `out`/README.md unless somebody wrote one by hand; the paths written.

    The same records give the same bytes.
    """
    pages = {out / "reports" / "index.html": front_page(front)}
    readme = out / "README.md"
    if not readme.exists() or read_bytes(readme).startswith(GENERATED.encode()):
        pages[readme] = front_readme(front)
    with locked(out / "reports", lambda text: None, out / ".locks" / "report-front"):
        for path, text in pages.items():
            write_text(path, text)
    return list(pages)


def front_page(front: Front) -> str:
    """index.html."""
    return (
        environment()
        .get_template("front.html.j2")
        .render(front=front, verdicts=list(Verdict), title=HEADLINE, words=words, chosen=CHOSEN, outdated=OUTDATED)
    )


def front_readme(front: Front) -> str:
    """README.md of the folder with the records."""
    lines = [GENERATED, "", f"# {HEADLINE}", "", *_block(front, "reports"), ""]
    lines += [*_outdated(front), "## The strongest findings", "", CHOSEN, ""]
    for one in front.strongest:
        lines.append(f"- **{plain(one.subject.key)}**: {plain(one.sentence)}")
        objection, answer = plain(one.finding.objection), plain(one.finding.answer)
        lines.append(f"  An author could object: {objection} Answered by: {answer}")
    lines += [] if front.strongest else ["None yet: no comparison of a trained method is decided."]
    lines += ["", "## What these runs cannot tell", ""]
    rows = [[_name(subject, "reports"), subject.untold, subject.left] for subject in front.subjects]
    lines += [*grid(["Paper", "Cannot be told", "Open"], rows), ""]
    lines += ["Each with its reason, and the command that would answer it, stands in `reports/index.html`.", ""]
    lines += ["## What it took", ""]
    made = [
        [one.key, one.seeds, one.cost.text, "; ".join(f"`{line}`" for line in one.commands)] for one in front.subjects
    ]
    made += [["together", "", f"{front.cost.runs} runs, {front.cost.text}", ""]]
    lines += grid(["Paper", "Trainings of each contender", "Time", "Made by"], made)
    lines += ["", "Records are not made again where they exist, and the same records give these pages byte for byte."]
    return "\n".join(lines) + "\n"


def fill(readme: Path, out: Path, front: Front) -> Path:
    """Write the table between the two marks of a README that lies above `out`. Raises UserError where they are
    missing."""
    text = read_bytes(readme).decode() if readme.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UserError(f"{readme} has no place for the table. Put these two lines where it belongs: {BEGIN} {END}")
    try:
        place = out.resolve().relative_to(readme.resolve().parent).as_posix()
    except ValueError as error:
        raise UserError(f"--readme {readme}: links from it to {out} need it to lie in a folder above that.") from error
    write_text(readme, before + "\n".join(_block(front, f"{place}/reports")) + after)
    return readme


CHOSEN = (
    "Decided comparisons of a trained method with a side whose training went well, or that needs none: claims as stated"
    " first, then those that had to be read; the further the interval clears its margin, in its own widths, the"
    " earlier; three of a paper at most."
)


def _block(front: Front, reports: str) -> list[str]:
    """Between the marks: what the front page says in one table."""
    head = ["Paper", *(f"{MARKS[one]} {one}" for one in Verdict), "Decided", "By printed numbers"]
    rows = [row for subject in front.subjects for row in _rows(_name(subject, reports), subject.tallies)]
    total = _rows("all", front.totals) if len(front.subjects) > 1 else []
    note = "Cells count claims as stated + under our reading, each for the scale it was measured at."
    return [BEGIN, "", plain(front.summary), "", *grid(head, rows + total), "", note, "", END]


def _rows(name: str, tallies: Sequence[Tally]) -> list[list[str]]:
    """A row for each protocol; what the printed numbers settle stands in the first."""
    alone = next((one.counts for one in tallies if one.of == ALONE), Counter[Verdict]())
    settled = ", ".join(f"{alone[one]} {MARKS[one]}" for one in DECISIVE if alone[one]) or "0"
    rows, titles = [], list(dict.fromkeys(one.where for one in tallies if one.of != ALONE))
    for title in titles or [""]:
        parts = {one.of: one for one in tallies if one.where == title and one.of != ALONE}
        cells = [" + ".join(str(parts[of].counts[one] if of in parts else 0) for of in READ) for one in Verdict]
        decided = share(sum(one.decided for one in parts.values()), sum(one.measurable for one in parts.values()))
        first = [name] if len(titles) < 2 else [name, title]
        rows.append([Markdown(", ".join(first)), *cells, decided, settled])
        settled = ""
    return rows


def _name(subject: Subject, reports: str) -> str:
    return link(subject.key, f"{reports}/{subject.key}/claims.md")


def _outdated(front: Front) -> list[str]:
    if not front.outdated:
        return []
    said = [f"{key} ({count} {'record' if count == 1 else 'records'})" for key, count in front.outdated.items()]
    return [f"{OUTDATED} {', '.join(said)}.", ""]
