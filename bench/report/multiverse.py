"""Whether an order hangs on a choice: one line for each, and its specification curve."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from bench.claims import Finding
from bench.claims.multiverse import CHOICES, Multiverse
from bench.paper.arithmetic import and_list
from bench.report.figures import FAINT, INK, PALETTE, WIDTH_INCHES, Figure, blank_rows, png_of

TITLE = "What the orders hang on"
NOTE = (
    "Each order is asked again of the same records in every universe: each metric definition, mask set, part of the"
    " images and training seed. It holds where the mean difference has the claim's sign, and in the claim's own metric"
    " exceeds the margin; no universe is tested for significance. A choice flips it if most universes with that choice"
    " say the opposite of most universes; the share in brackets is in how many of them the order holds. Universes"
    " overlap, so the shares are no probabilities, and no verdict depends on them."
)
HEADINGS = ("Claim", "Verdict", "Universes", "Holds in", "Flipped by")
MOST_NAMED = 3
"""Choices of one kind that a line names."""
KINDS = {"metric": "the metric{} ", "mask_set": "the mask set{} ", "subset": "the images ", "seed": ""}
FAMILIES = ("psnr", "ssim", "mse", "l1", "l2", "tv", "lpips")
"""What the definitions of a figure's rows are gathered by: the part of their names before the first underscore."""
CURVE_INCHES, ROW_INCHES = 1.25, 0.14
COLUMNS, SHADES = 150, 8
MOST_EFFECT = 4.0
"""In standard deviations; the curve is cut off beyond."""


def line(one: Multiverse) -> str:
    """`Holds in 64 % of 5,328 universes; flipped by the mask set irregular (8 %).`"""
    count, flipped = f"{len(one.universes):,}", flips_text(one)
    if one.share in (0.0, 1.0):
        return f"Holds in {'all' if one.share else 'none of'} {count} universes."
    turned = f"flipped by {flipped}" if flipped else "no single choice flips it"
    return f"Holds in {percent(one.share)} of {count} universes; {turned}."


def flips_text(one: Multiverse) -> str:
    """`the mask set irregular (8 %) and the metrics ssim_raw (0 %), tv_raw (3 %) and 2 more`; empty where none does."""
    found = [_named(kind, shares) for kind, shares in one.flips.items()]
    return and_list(found) if found else ""


def _named(kind: str, shares: "pd.Series[float]") -> str:
    names = [f"{name} ({percent(share)})" for name, share in shares.items()]
    more = len(names) - MOST_NAMED
    listed = f"{', '.join(names[:MOST_NAMED])} and {more} more" if more > 0 else and_list(names)
    plural = "s" if len(names) > 1 else ""
    return f"{KINDS[kind].format(plural)}{listed}"


def percent(share: float) -> str:
    """In whole percent, and 0 or 100 only where it is none or all."""
    return f"{share if share in (0.0, 1.0) else min(max(share, 0.01), 0.99):.0%}".replace("%", " %")


def rows(found: list[Multiverse], findings: list[Finding]) -> list[tuple[str, ...]]:
    """In the order of HEADINGS."""
    verdicts = {finding.claim.id: finding.said for finding in findings}
    return [
        (one.claim.id, verdicts[one.claim.id], f"{len(one.universes):,}", percent(one.share), flips_text(one))
        for one in found
    ]


def curve(one: Multiverse) -> Figure:
    """The sorted effects, and under them a row for each choice: which universes make it."""
    alt = f"Effect of {one.claim.id} in each universe, sorted, and which choices each universe makes. {line(one)}"
    universes = one.universes.sort_values("effect", kind="stable").reset_index(drop=True)
    rows = _rows(one, universes)
    canvas, (top, below) = blank_rows(WIDTH_INCHES, [CURVE_INCHES, ROW_INCHES * (len(rows) + 2)])
    _effects(top, universes)
    _dots(below, universes, rows)
    return Figure(one.claim.id, alt, png_of(canvas))


def _rows(one: Multiverse, universes: pd.DataFrame) -> "list[tuple[str, pd.Series[bool]]]":
    """The label of each row, and which of the sorted `universes` make its choice. A kind with one choice has no row."""
    made = {kind: universes[kind] for kind in CHOICES}
    names = {kind: list(one.universes[kind].unique()) for kind in CHOICES}
    family = universes["metric"].str.partition("_")[0]
    if family.nunique() > 1:
        made["metric"], names["metric"] = family, [name for name in FAMILIES if (family == name).any()]
    rows = [
        (str(name), made[kind] == name) for kind in CHOICES for name in (names[kind] if len(names[kind]) > 1 else [])
    ]
    return [(f"{label}  {percent(float(universes.loc[here, 'holds'].mean()))}", here) for label, here in rows]


def _effects(axes: Axes, universes: pd.DataFrame) -> None:
    effects = universes["effect"].clip(-MOST_EFFECT, MOST_EFFECT).to_numpy()
    places = np.arange(len(effects))
    for holds, colour in ((True, PALETTE[0]), (False, PALETTE[1])):
        here = (universes["holds"] == holds).to_numpy()
        if here.any():
            label = "holds" if holds else "does not"
            axes.plot(places[here], effects[here], ".", color=colour, markersize=2, label=label)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.set_ylabel("effect (SD)", color=FAINT, fontsize=8)
    axes.legend(loc="upper left", frameon=False, fontsize=8, labelcolor=INK, markerscale=3, handletextpad=0.2)


def _dots(axes: Axes, universes: pd.DataFrame, rows: "list[tuple[str, pd.Series[bool]]]") -> None:
    """A dot's strength is the share of its column's universes that make the choice."""
    count = len(universes)
    columns = np.arange(count) * min(COLUMNS, count) // count
    made = np.stack([column.to_numpy(dtype=float) for _, column in rows])
    strength = np.stack([np.bincount(columns, row) / np.bincount(columns) for row in made])
    holds = np.bincount(columns, universes["holds"].to_numpy(dtype=float)) / np.bincount(columns) > 0.5
    picture = np.empty((*strength.shape, 4))
    picture[..., :3] = np.where(holds[:, None], to_rgb(PALETTE[0]), to_rgb(PALETTE[1]))
    picture[..., 3] = np.round(strength * SHADES) / SHADES
    ends = (-0.5, count - 0.5, len(rows) - 0.5, -0.5)
    axes.imshow(picture, aspect="auto", interpolation="nearest", extent=ends)
    axes.set_yticks(range(len(rows)), [label for label, _ in rows], fontsize=7)
    axes.grid(visible=False, axis="both")
    axes.set_xlabel("universes, by effect", color=FAINT, fontsize=8)
