"""Whether the contenders are well: a table, and a curve of each training on the held-out images."""

from dataclasses import dataclass

from bench.claims.contenders import Contender
from bench.claims.health import FAIR_SHARE, TOLERANCE_DB, Health, examined, held_out
from bench.claims.statistics import Interval, number
from bench.methods.settings import DEFAULT
from bench.report.chapters import Chapter
from bench.report.figures import FAINT, INK, PALETTE, SMALL_WIDTH_INCHES, Figure, blank_axes, png_of, through

TITLE = "Health of the contenders"
NOTE = (
    "PSNR in the hole (dB) on training images that no training draws, with the holes of the mask set random; a method"
    " whose search is long fills them by a short one. A training is not well where its last stage ends more than"
    f" {TOLERANCE_DB:g} dB, and more than its 95 % interval, below an earlier one; where it does not beat the mean"
    " colour; where a discriminator's loss says that it has won outright or never told anything apart. No order,"
    " mean, trend or cell rests on a contender that is not well, ablations excepted; and no order on two methods whose"
    f" loser was trained on less than {100 * FAIR_SHARE:.0f} % of the winner's images."
)
HEADINGS = ("Contender", "Trained on", "End of each stage (dB)", "Mean colour (dB)", "Discriminator's loss", "State")
HEIGHT_INCHES = 2.3


@dataclass(frozen=True)
class HealthLine:
    """One trained contender, in words."""

    health: Health
    own: bool

    @property
    def contender(self) -> Contender:
        return self.health.contender

    @property
    def state(self) -> str:
        return {True: "well", False: "not well", None: "unknown"}[self.health.well]

    @property
    def verdict(self) -> str:
        """`not well: why`."""
        return f"{self.state}: {self.health.why}" if self.health.why else self.state

    @property
    def cells(self) -> tuple[str, ...]:
        """In the order of HEADINGS."""
        health = self.health
        seeds = f"{self.contender.seeds} {'seed' if self.contender.seeds == 1 else 'seeds'}"
        ends = ", ".join(f"{stage} {one.text(2)}" for stage, one in health.ends.items())
        plain = _mean(health.mean_fill)
        discriminators = "; ".join(health.discriminators)
        return f"{self.contender.name}", f"{health.budget:,} images, {seeds}", ends, plain, discriminators, self.verdict


def health_lines(chapter: Chapter, key: str) -> list[HealthLine]:
    """The contenders that were trained here, by name; `key` is the paper's own method."""
    return [
        HealthLine(examined(one), (one.method, one.variant) == (key, DEFAULT))
        for one in chapter.field
        if one.records[0].content.training is not None and not one.elsewhere
    ]


def health_figures(lines: list[HealthLine]) -> list[Figure]:
    """One figure for each contender that was measured: its held-out images by step, a line a training."""
    measured = [line for line in lines if line.health.ends]
    return [
        Figure(
            f"{line.contender.name}: {line.state}",
            f"Held-out PSNR in the hole of {line.contender.name} by step, one line per training; dashed: mean colour.",
            _draw(line.contender, line.own),
        )
        for line in measured
    ]


def _draw(contender: Contender, own: bool) -> bytes:
    canvas, axes = blank_axes(SMALL_WIDTH_INCHES, HEIGHT_INCHES)
    starts: dict[str, float] = {}
    for one in contender.by_training.values():
        table = held_out(one)
        if table.empty:
            continue
        moments = through(table).groupby(["stage", "at"], sort=False)[["psnr_hole", "psnr_mean_fill"]].mean()
        curve = moments.reset_index()
        axes.plot(curve["at"], curve["psnr_hole"], color=PALETTE[0 if own else 1], marker="o", markersize=2.5)
        axes.plot(curve["at"], curve["psnr_mean_fill"], color=INK, linestyle="--", linewidth=1)
        ends = curve.groupby("stage", sort=False)["at"].max()
        starts = {str(stage): float(end) for stage, end in ends.shift(1).dropna().items()}
    for stage, start in starts.items():
        axes.axvline(start, color=FAINT, linestyle=":", linewidth=1)
        axes.annotate(stage, (start, 1), xycoords=("data", "axes fraction"), xytext=(4, -2), fontsize=7.5,
                      textcoords="offset points", va="top", color=FAINT)  # fmt: skip
    axes.margins(y=0.2)  # room for the stages' names
    axes.set_xlabel("step", color=FAINT, fontsize=8.5)
    axes.set_ylabel("dB", color=FAINT, fontsize=8.5)
    return png_of(canvas)


def _mean(interval: Interval | None) -> str:
    return "" if interval is None or interval.mean is None else number(interval.mean, 2)
