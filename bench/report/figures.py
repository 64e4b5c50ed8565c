"""The page's figures, transparent so that the page can turn them dark. No pyplot, so no state is left behind."""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from bench.methods.settings import DEFAULT
from bench.metrics.definitions import DEFINITIONS, HEADLINE
from bench.report.boards import Board, Line
from bench.report.chapters import Chapter
from bench.report.words import heading

DOTS_PER_INCH = 144
WIDTH_INCHES = 5.4
SMALL_WIDTH_INCHES = 3.7


INK, FAINT, RULE = "#2b2b28", "#77776f", "#e3e1d9"
PALETTE = ("#2f6f8f", "#c8742c", "#6b8f3a", "#8a5a9e", "#a3423c")


@dataclass(frozen=True)
class Figure:
    title: str
    alt: str
    png: bytes


def score_figures(boards: list[Board]) -> list[Figure]:
    """One figure a measured metric: each contender's mean and interval, one colour a mask set."""
    figures = []
    for metric in HEADLINE:
        if any(metric in board.best for board in boards):
            alt = f"{DEFINITIONS[metric].title} of every method with its 95 % interval, by mask set, as in the tables."
            figures.append(Figure(heading(metric), alt, png_of(_scores(boards, metric))))
    return figures


def training_figures(chapter: Chapter, key: str) -> list[Figure]:
    """One figure a training scalar: the paper's method in colour, one line a seed; its variants in grey."""
    curves = _curves(chapter, key)
    if curves.empty:
        return []
    names = list(dict.fromkeys(curves.loc[curves["variant"] == DEFAULT, "name"])) or list(curves["name"].unique())
    figures = []
    for name in names:
        part = curves[curves["name"] == name]
        alt = f"Training curve of {name}: {key} in colour, its variants in grey."
        figures.append(Figure(name, alt, png_of(_training(part))))
    return figures


def png_of(canvas: Canvas) -> bytes:
    """The drawing as a file; equal drawings are equal bytes."""
    file = io.BytesIO()
    # The library writes its version into the file; without it equal figures are equal bytes.
    canvas.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def blank_axes(width_inches: float, height_inches: float) -> tuple[Canvas, Axes]:
    """An empty drawing in the pages' style."""
    canvas, (axes,) = blank_rows(width_inches, [height_inches])
    return canvas, axes


def blank_rows(width_inches: float, heights_inches: Sequence[float]) -> tuple[Canvas, list[Axes]]:
    """Empty drawings in the pages' style, one under the other, on one horizontal axis."""
    style = {"axes.edgecolor": RULE, "grid.color": RULE, "text.color": INK}
    with sns.axes_style("whitegrid", rc=style | {"font.family": ["DejaVu Sans"]}):
        canvas = Canvas(figsize=(width_inches, sum(heights_inches)), dpi=DOTS_PER_INCH, layout="constrained")
        canvas.patch.set_alpha(0)
        rows = canvas.subplots(len(heights_inches), sharex=True, squeeze=False, height_ratios=heights_inches)
    for axes in rows.flat:
        axes.patch.set_alpha(0)
        axes.tick_params(colors=FAINT, labelsize=8.5, length=0)
        sns.despine(ax=axes, left=True, bottom=True)
    return canvas, list(rows.flat)


def _scores(boards: list[Board], metric: str) -> Canvas:
    lines = {line.name: line for board in reversed(boards) for line in board.lines}
    order = [line.name for line in boards[0].lines]
    canvas, axes = blank_axes(WIDTH_INCHES, 0.75 + (0.1 + 0.085 * len(boards)) * len(order))
    step = 0.7 / len(boards)
    for place, board in enumerate(boards):
        colour = PALETTE[place % len(PALETTE)]
        offset = (place - (len(boards) - 1) / 2) * step
        _dots(axes, board, metric, order, offset, colour)
    if metric == "tv" and boards[0].tv_truth is not None and boards[0].tv_truth.mean is not None:
        axes.axvline(boards[0].tv_truth.mean, color=INK, linestyle="--", linewidth=1, label="truth")
    axes.set_yticks(range(len(order)), order)
    for label, name in zip(axes.get_yticklabels(), order, strict=True):
        _mark(label, lines[name])
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, fontsize=8.5, labelcolor=INK,
        handletextpad=0.4, columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip
    return canvas


def _dots(axes: Axes, board: Board, metric: str, order: list[str], offset: float, colour: str) -> None:
    means, heights = [], []
    for line in board.lines:
        interval = line.scores.get(metric)
        if interval is None or interval.mean is None:
            continue
        height = order.index(line.name) + offset
        means.append(interval.mean)
        heights.append(height)
        if interval.low is not None and interval.high is not None:
            axes.plot([interval.low, interval.high], [height, height], color=colour, linewidth=2.2, alpha=0.45)
    axes.plot(means, heights, "o", color=colour, markersize=4.2, label=board.mask_set)


def _mark(label: object, line: Line) -> None:
    from matplotlib.text import Text

    assert isinstance(label, Text)
    label.set_color(FAINT if line.floor else INK)
    label.set_fontweight("bold" if line.own else "normal")
    label.set_fontstyle("italic" if line.floor else "normal")


def _curves(chapter: Chapter, key: str) -> pd.DataFrame:
    """`variant`, `run`, `name`, `stage`, `at` (step counted through all stages), `value` of the paper's own runs."""
    parts = []
    for contender in chapter.field:
        for record in contender.records:
            if contender.method == key and record.scalars is not None:
                parts.append(through(record.scalars).assign(variant=contender.variant, run=record.run.name))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def through(frame: pd.DataFrame) -> pd.DataFrame:
    """With `at`: `step` counted through all the stages, which come in their order."""
    lasts = frame.groupby("stage", sort=False)["step"].max()
    starts = lasts.cumsum() - lasts
    return frame.assign(at=frame["step"] + frame["stage"].map(starts))


def _training(part: pd.DataFrame) -> Canvas:
    canvas, axes = blank_axes(SMALL_WIDTH_INCHES, 2.3)
    others, own = part[part["variant"] != DEFAULT], part[part["variant"] == DEFAULT]
    thin = {"estimator": None, "legend": False, "ax": axes, "x": "at", "y": "value", "units": "run"}
    if not others.empty:
        sns.lineplot(others, color=FAINT, linewidth=0.7, alpha=0.5, **thin)
    if not own.empty:
        sns.lineplot(own, color=PALETTE[0], linewidth=1.6, **thin)
    for stage in list(part["stage"].unique())[1:]:
        start = part.loc[part["stage"] == stage, "at"].min()
        axes.axvline(start, color=FAINT, linestyle=":", linewidth=1)
        axes.annotate(stage, (start, 1), xycoords=("data", "axes fraction"), xytext=(4, -2), fontsize=7.5,
                      textcoords="offset points", va="top", color=FAINT)  # fmt: skip
    axes.set_xlabel("step", color=FAINT, fontsize=8.5)
    axes.set_ylabel("")
    low, high = np.nanpercentile(part["value"], [1, 99])
    axes.set_ylim(low - 0.08 * (high - low or 1), high + 0.12 * (high - low or 1))
    return canvas
