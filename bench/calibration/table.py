"""How often each row went wrong, whether that is more than chance explains, and the page that says so."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from scipy.stats import binomtest

from bench.calibration.rows import (
    ABOVE,
    ALL_WRONG,
    BELOW,
    CONTRADICTED,
    COVERED,
    LEADS,
    NO_DIFFERENCE,
    SECTIONS,
    SUPPORTED,
    Row,
)
from bench.calibration.trials import Outcomes
from bench.claims.looks import ERROR

COVERAGE = (0.93, 0.97)
"""What counts as a coverage of 95 %."""
CHANCE = 0.001
"""A rate counts as over where one as high has at most this probability at the limit: the table has many rates."""


@dataclass(frozen=True)
class Rate:
    """`count` of `trials`."""

    count: int
    trials: int

    def over(self, limit: float) -> bool:
        """More than chance explains."""
        return self._is(limit, "greater", CHANCE)

    def under(self, limit: float) -> bool:
        return self._is(limit, "less", CHANCE)

    def shown_under(self, limit: float) -> bool:
        """Whether the 95 % confidence interval ends at the limit or below."""
        return self._is(limit, "less", 0.025)

    def _is(self, limit: float, side: str, chance: float) -> bool:
        return bool(binomtest(self.count, self.trials, limit, side).pvalue <= chance)

    @cached_property
    def ends(self) -> tuple[float, float]:
        """Of the 95 % confidence interval by Clopper and Pearson."""
        found = binomtest(self.count, self.trials).proportion_ci(0.95)
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        low, high = self.ends
        return f"{100 * self.count / self.trials:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


@dataclass(frozen=True)
class Result:
    """A calibration."""

    rows: Sequence[Row]
    outcomes: Outcomes
    trials: int
    seed: int
    command: str

    def rate(self, row: Row, *outcomes: str) -> Rate:
        found = self.outcomes[row.name]
        return Rate(sum(found[outcome] for outcome in outcomes), found.total())

    def judge(self, row: Row) -> str:
        """In words; empty for a power curve."""
        if row.kind == "power":
            return ""
        if row.kind == "coverage":
            covered, (least, most) = self.rate(row, COVERED), COVERAGE
            outside = "too low" if covered.under(least) else "too high" if covered.over(most) else ""
            if outside:
                return f"**{outside}**"
            return "holds" if least <= covered.count / covered.trials <= most else "not clearly outside"
        rates = {outcome: self.rate(row, outcome) for outcome in row.wrong}
        over = [outcome for outcome, rate in rates.items() if rate.over(ERROR)]
        if over:
            words = f"{' and '.join(over)} over"
            return f"{words}; the rule assumes {row.assumption}" if row.assumption else f"**{words}**"
        return "holds" if all(rate.shown_under(ERROR) for rate in rates.values()) else "not over"

    @cached_property
    def faults(self) -> list[Row]:
        """The rows whose rates are over, or whose coverage is outside, by more than chance explains."""
        return [row for row in self.rows if "**" in self.judge(row)]

    @property
    def summary(self) -> str:
        judged = [row for row in self.rows if row.kind != "power" and not row.assumption]
        if not self.faults:
            return f"None of {len(judged)} rows is over by more than chance explains."
        names = ", ".join(row.name for row in self.faults)
        return f"{len(self.faults)} of {len(judged)} rows are over by more than chance explains: {names}."

    def markdown(self) -> str:
        return "\n".join([*self._head(), *self._sections()]) + "\n"

    def _head(self) -> Iterator[str]:
        yield "# How often a verdict is wrong"
        yield ""
        yield f"Written by `{self.command}`."
        yield ""
        yield (
            "Truths are planted in records that are made in memory, and judged by the code that judges a paper's"
            " claims (bench/calibration). In nearly all rows the truth lies on the boundary between two verdicts, so"
            f" that every decision is a false one; each of them may happen in {100 * ERROR:g} % of all cases at most."
            f" Rates are in per cent, with their 95 % confidence intervals; most rows have {self.trials:,} trials."
        )
        yield ""
        yield (
            f"A row is over where so high a rate, or a higher one, had a chance of less than {100 * CHANCE:g} % if the"
            f" true one were {100 * ERROR:g} %. It holds where the confidence interval lies below that; in between it"
            " is not over, and more trials would tell."
        )
        yield ""
        yield self.summary
        yield ""

    def _sections(self) -> Iterator[str]:
        for section, title in SECTIONS.items():
            rows = [row for row in self.rows if row.section == section]
            if rows:
                body = {"errors": self._errors, "coverage": self._coverage, "power": self._power}[rows[0].kind](rows)
                yield from [f"## {title}", "", *body, ""]

    def _errors(self, rows: Sequence[Row]) -> Iterator[str]:
        yield f"| situation | falsely {SUPPORTED} | falsely {CONTRADICTED} | falsely {NO_DIFFERENCE} | undecided | |"
        yield "|---|---|---|---|---|---|"
        for row in rows:
            wrong = [str(self.rate(row, outcome)) if outcome in row.wrong else "–" for outcome in ALL_WRONG]
            decided = self.rate(row, *ALL_WRONG)
            undecided = f"{100 * (1 - decided.count / decided.trials):.0f}"
            yield f"| {row.what} (`{row.name}`) | {' | '.join(wrong)} | {undecided} | {self.judge(row)} |"

    def _coverage(self, rows: Sequence[Row]) -> Iterator[str]:
        yield "| values | covered | interval too low | interval too high | |"
        yield "|---|---|---|---|---|"
        for row in rows:
            told = " | ".join(str(self.rate(row, outcome)) for outcome in (COVERED, BELOW, ABOVE))
            yield f"| {row.what} (`{row.name}`) | {told} | {self.judge(row)} |"

    def _power(self, rows: Sequence[Row]) -> Iterator[str]:
        yield (
            "A trained method against a floor, margin 0.1 dB, seed SD 0.1 dB, image SD 0.8 dB over 60 images:"
            " supported, in per cent, by the true lead in dB and by the number of seeds (1: spread borrowed)."
        )
        yield ""
        yield f"| seeds | {' | '.join(f'{lead:g}' for lead in LEADS)} |"
        yield f"|---|{'---|' * len(LEADS)}"
        by_name = {row.name: row for row in rows}
        for seeds in dict.fromkeys(row.what for row in rows):
            cells = [
                f"{100 * rate.count / rate.trials:.0f}"
                if (row := by_name.get(f"power-{seeds}-{lead:g}")) and (rate := self.rate(row, SUPPORTED))
                else "–"
                for lead in LEADS
            ]
            yield f"| {seeds} | {' | '.join(cells)} |"
