"""The table of what the probes measured: repeatability and robustness, every method next to the floors."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.claims import FEWEST_GROUPS
from bench.claims.statistics import Interval, number
from bench.metrics.definitions import MetricDefinition
from bench.metrics.probed import BEST_OF, PROBED, PROBES
from bench.report.boards import Board, Line
from bench.report.words import range_text

TITLE = "Repeatability and robustness"
MASK_SET = "center"
NOTE = (
    "Spread: how far apart the fills of one picture with several inpaint seeds lie. Amplification: the change of the"
    " fill over the change of the known pixels, when these are changed slightly; at 1 the fill changes as much as they"
    " do, at 0 not at all. Lower is better for both, and a method that always paints the same has 0 in all of these"
    " columns."
)
ORACLE = (
    f"Best of {BEST_OF}: an oracle sees the truth and chooses among {BEST_OF} fills. No method can do that, so these"
    " numbers stand on no leaderboard; the mean of the same fills beside them shows what the choice alone brings."
)


@dataclass(frozen=True)
class ProbedLine:
    """One contender's values, by metric."""

    line: Line
    values: dict[str, Interval]

    def mean(self, metric: str) -> str:
        """The mean alone, or why there is none."""
        interval = self.values.get(metric)
        if interval is None:
            return "not probed"
        return "not finite" if interval.mean is None else number(interval.mean, PROBED[metric].digits)

    def range(self, metric: str) -> str:
        return range_text(self.values.get(metric), PROBED[metric].digits)


@dataclass(frozen=True)
class ProbedTable:
    """What was probed under one protocol."""

    metrics: tuple[MetricDefinition, ...]
    lines: list[ProbedLine]
    images: int

    @property
    def notes(self) -> list[str]:
        """What the reader of the numbers must know."""
        notes = [f"The first {self.images} test images, mask set {MASK_SET}."]
        if set(PROBES["best_of"]) & set(self.metrics):
            notes.append(ORACLE)
        groups = max(interval.groups for line in self.lines for interval in line.values.values())
        if groups < FEWEST_GROUPS:
            notes.append(f"The intervals rest on {groups} groups; fewer than {FEWEST_GROUPS} are never evidence here.")
        for metric in self.metrics:
            counts = [(one.line.name, one.values[metric.id].infinite) for one in self.lines if metric.id in one.values]
            if any(count for _, count in counts):
                images = ", ".join(f"{count} of {name}" for name, count in counts if count)
                notes.append(f"{metric.title}, images left out of the mean because it is not finite: {images}.")
        return notes


def probed_table(boards: Sequence[Board]) -> ProbedTable | None:
    """The contenders in the order of the first leaderboard; None where nothing was probed."""
    lines = []
    for line in boards[0].lines if boards else ():
        series = {metric: line.contender.series(MASK_SET, metric) for metric in PROBED}
        values = {metric: one.interval() for metric, one in series.items() if one is not None}
        if values:
            lines.append(ProbedLine(line, values))
    if not lines:
        return None
    metrics = tuple(one for one in PROBED.values() if any(one.id in line.values for line in lines))
    first = next(iter(lines[0].values.values()))
    return ProbedTable(metrics, lines, first.n + first.infinite)
