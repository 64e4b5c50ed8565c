"""Critical-difference diagrams: who is told apart from whom on a leaderboard (Demšar, JMLR 7, 2006)."""

import pandas as pd

from bench.claims.ranking import LEVEL
from bench.report.boards import Board
from bench.report.figures import FAINT, INK, PALETTE, WIDTH_INCHES, Figure, blank_axes, png_of

NOTE = (
    "Each method stands at its mean rank over the images, by PSNR; the dots on a bar are methods of which no two are"
    " told apart."
    " The comparisons are those that the ranks in the table rest on, not Demšar's own test of mean ranks."
)
FEWEST = 3
LINE_INCHES = 0.17


def figure(board: Board) -> Figure | None:
    """None for fewer than FEWEST methods, and where no two are told apart: a single bar says nothing."""
    p = board.ranking.p
    if len(p) < FEWEST or not (p <= LEVEL).any(axis=None):
        return None
    title = f"PSNR, mask set {board.mask_set}"
    alt = f"Critical-difference diagram of PSNR on {board.mask_set}: mean ranks, bars whose dots are not told apart."
    return Figure(title, alt, _draw(board, p))


def mean_ranks(board: Board) -> "pd.Series[float]":
    """By name: the mean over images of the rank by PSNR, ties shared; 1 is the best."""
    series = {line.name: line.contender.series(board.mask_set, "psnr") for line in board.lines}
    values = pd.concat({name: one.values for name, one in series.items() if one is not None}, axis=1, join="inner")
    ranks: pd.Series[float] = values.rank(axis=1, ascending=False).mean()
    return ranks


def _draw(board: Board, p: pd.DataFrame) -> bytes:
    from scikit_posthocs import critical_difference_diagram  # takes seconds to load

    ranks = mean_ranks(board).sort_values(kind="stable")
    # Numbers stand in for the names while it draws: the order of a set of words differs from run to run.
    names, places = list(ranks.index), range(len(ranks))
    canvas, axes = blank_axes(WIDTH_INCHES, 0.6 + LINE_INCHES * len(ranks))
    axes.grid(visible=False)
    drawn = critical_difference_diagram(
        pd.Series(ranks.to_numpy(), places),
        p.loc[names, names].set_axis(places).set_axis(places, axis=1),
        alpha=LEVEL,
        text_h_margin=0.015 * float(ranks.max() - ranks.min()),
        ax=axes,
        label_fmt_left="{label}",
        label_fmt_right="{label}",
        label_props={"fontsize": 7.5},
        elbow_props={"color": FAINT, "linewidth": 0.7},
        marker_props={"s": 9},
        crossbar_props={"color": PALETTE[1], "linewidth": 2, "marker": "o", "markersize": 4.5},
    )
    lines = {line.name: line for line in board.lines}
    for label in drawn["labels"]:
        line = lines[names[int(label.get_text())]]
        label.set_text(f" {line.name}  {ranks[line.name]:.1f} ")
        label.set(color=FAINT if line.floor else INK, fontweight="bold" if line.own else "normal")
    return png_of(canvas)
