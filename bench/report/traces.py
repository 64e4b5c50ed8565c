"""The curves that a trace claim is about, one figure for each protocol."""

from collections.abc import Sequence

import pandas as pd

from bench.claims.trace import curve
from bench.methods.settings import DEFAULT
from bench.paper import Trace
from bench.paper.words import end, plain
from bench.report.chapters import Chapter
from bench.report.figures import FAINT, INK, PALETTE, SMALL_WIDTH_INCHES, Figure, blank_axes, png_of

HEIGHT_INCHES = 2.3


def trace_figures(chapters: Sequence[Chapter], key: str, claim: Trace) -> list[Figure]:
    """The claim's scalar, in size, over the steps of its stage: a colour a side, a line a seed, the tail shaded."""
    figures = []
    for chapter in chapters:
        found = {plain(side): _curves(chapter, key, side, claim) for side in claim.sides}
        if any(found.values()):
            name = f"{claim.stage}/{claim.scalar}"
            alt = f"Size of {name} over the steps, {' against '.join(found)}; {end(claim)} shaded."
            figures.append(Figure(f"{name}: {chapter.title}", alt, _draw(found, claim)))
    return figures


def _curves(chapter: Chapter, key: str, side: str, claim: Trace) -> list[pd.DataFrame]:
    kind, _, name = side.partition(":")
    wanted = (key, name) if kind == "variant" else (name, DEFAULT)
    records = [record for one in chapter.field if (one.method, one.variant) == wanted for record in one.records]
    return [rows for record in records if (rows := curve(record, claim)) is not None]


def _draw(found: dict[str, list[pd.DataFrame]], claim: Trace) -> bytes:
    canvas, axes = blank_axes(SMALL_WIDTH_INCHES, HEIGHT_INCHES)
    for (name, curves), colour in zip(found.items(), PALETTE, strict=False):
        for place, rows in enumerate(curves):
            label = name if place == 0 else None
            axes.plot(rows["step"], rows["value"].abs(), color=colour, linewidth=1.3, alpha=0.8, label=label)
    last = max(int(rows["step"].max()) for curves in found.values() for rows in curves)
    axes.axvspan((1 - claim.tail) * last, last, color=FAINT, alpha=0.15, linewidth=0)
    if claim.below is not None:
        axes.axhline(claim.below, color=INK, linestyle="--", linewidth=1, label=f"{claim.below:g}")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("step", color=FAINT, fontsize=8.5)
    axes.legend(frameon=False, fontsize=8, labelcolor=INK, loc="upper right")
    return png_of(canvas)
