"""What the printed numbers of a table say by themselves, before anything is measured. Nothing here imports torch."""

from dataclasses import dataclass
from typing import Literal

from bench.paper.claims import Arithmetic
from bench.paper.paper import Paper
from bench.paper.tables import Reported, Table
from bench.util.errors import UserError

TOLERANCE = 0.15
"""On one protocol k moves by a few per cent between methods; rows further apart than this are on different scales."""

GREY_PEAK = 255.0

Verdict = Literal["supported", "contradicted"]


@dataclass(frozen=True)
class ArithmeticResult:
    """The verdict of a claim that the printed numbers settle, and the reason in one or two sentences."""

    verdict: Verdict
    why: str


@dataclass(frozen=True)
class OneScale:
    """Whether the rows of a table can have been measured on one scale."""

    constants: dict[str, float]
    """k by row, in the table's order."""
    groups: tuple[tuple[str, ...], ...]
    """The rows of one scale together, by rising k."""
    verdict: Verdict
    why: str


@dataclass(frozen=True)
class Standing:
    """How a row stands in one column, by the column's own direction."""

    column: str
    best: bool
    """True where no other row is better; a tie counts."""
    ahead_of: tuple[str, ...]
    behind: tuple[str, ...]


@dataclass(frozen=True)
class Gain:
    """By how many per cent of another row's number a row is better, by the column's own direction."""

    percent: float
    low: float
    high: float
    """The least and the most that the printed digits of both numbers allow."""


def check(claim: Arithmetic, paper: Paper) -> ArithmeticResult:
    """Settle a claim by the printed numbers. Raises UserError where the table does not hold enough numbers for it."""
    table = paper.tables[claim.table]
    if claim.check == "one scale":
        found = one_scale(table, claim.l1, claim.psnr)
        return ArithmeticResult(found.verdict, found.why)
    if claim.check == "percent over row" and claim.percent is not None:
        return _percent_over(table, claim.row, claim.over, claim.column, claim.percent)
    if claim.check == "shares of total":
        return _shares(table, claim.row, claim.counts, claim.shares, claim.total)
    if claim.check == "exclusive":
        return _exclusive(table, claim.row, claim.counts, claim.total)
    return _best_in(table, claim.row, claim.needs)


def scale_constants(table: Table, l1: str, psnr: str) -> dict[str, float]:
    """The constant k = l1 / 10^(-PSNR/20) of each row that has both cells, in the table's order.

    k is the mean absolute error over the root of the mean squared error, times a factor that depends only on the unit
    of l1. Rows of one protocol therefore have nearly one k, whatever the method.
    """
    rows = {key: row.cells for key, row in table.rows.items() if l1 in row.cells and psnr in row.cells}
    return {key: cells[l1].value * 10.0 ** (cells[psnr].value / 20.0) for key, cells in rows.items()}


def one_scale(table: Table, l1: str, psnr: str) -> OneScale:
    """Sort the rows into scales: within one, no k is more than `TOLERANCE` above the lowest, rounding allowed for.

    Raises UserError when fewer than two rows have both cells.
    """
    constants = scale_constants(table, l1, psnr)
    if len(constants) < 2:
        raise UserError(f"{table.title}: fewer than two rows have both {l1} and {psnr}; drop the 'one scale' claim.")
    groups: list[list[str]] = []
    for key in sorted(constants, key=lambda row: constants[row]):
        if groups and constants[key] <= constants[groups[-1][0]] * _room(table, (groups[-1][0], key), l1, psnr):
            groups[-1].append(key)
        else:
            groups.append([key])
    verdict: Verdict = "supported" if len(groups) == 1 else "contradicted"
    why = _scale_text(table, constants, groups)
    return OneScale(constants, tuple(tuple(group) for group in groups), verdict, why)


def best_in_columns(table: Table, row: str) -> tuple[Standing, ...]:
    """How `row` stands in each column that it has a cell in, by the column's direction as the table declares it."""
    standings = []
    for column, cell in table.rows[row].cells.items():
        sign = 1.0 if table.columns[column].better == "higher" else -1.0
        lead = {
            key: sign * (cell.value - other.cells[column].value)
            for key, other in table.rows.items()
            if key != row and column in other.cells
        }
        ahead = tuple(key for key, value in lead.items() if value > 0)
        behind = tuple(key for key, value in lead.items() if value < 0)
        standings.append(Standing(column, not behind, ahead, behind))
    return tuple(standings)


def gain(table: Table, row: str, over: str, column: str) -> Gain:
    """How much better `row` is than `over` in `column`, in per cent of the number of `over`.

    Raises UserError where a cell is empty, or the number of `over` is not clearly above 0.
    """
    own, other = (table.rows[key].cells.get(column) for key in (row, over))
    if own is None or other is None or other.value <= other.half_width:
        labels = and_list([table.rows[key].label for key in (row, over)])
        raise UserError(f"{table.title}: {labels} need numbers in {column}, the second above 0; drop the claim.")
    sign = 1.0 if table.columns[column].better == "higher" else -1.0
    ends = [
        sign * 100.0 * (mine / theirs - 1.0)
        for mine in (own.value - own.half_width, own.value + own.half_width)
        for theirs in (other.value - other.half_width, other.value + other.half_width)
    ]
    return Gain(sign * 100.0 * (own.value / other.value - 1.0), min(ends), max(ends))


def mae_bound(psnr_db: float, hole_share: float, peak: float = GREY_PEAK) -> float:
    """The largest mean absolute error over the whole image, in units of `peak`, that a composite can have.

    Where the known pixels are exact, MAE_full <= sqrt(hole_share) * RMSE_full (Cauchy and Schwarz, over the hole); the
    two are equal only for an error that is the same at every pixel of the hole. `hole_share` is in (0, 1]. For a PSNR
    averaged over images the bound holds for their geometric mean, so a spread between images lifts it by some per cent.
    """
    if not 0.0 < hole_share <= 1.0:
        raise ValueError(f"hole_share must be in (0, 1], not {hole_share}")
    return float(hole_share**0.5 * peak * 10.0 ** (-psnr_db / 20.0))


def bound_notes(table: Table, l1: str, psnr: str) -> list[str]:
    """One sentence for each row whose protocol fixes the hole's share: its l1 against `mae_bound`, in grey levels."""
    notes = []
    for row in table.rows.values():
        share = table.protocols[row.protocol].fixed_share
        if share is None or l1 not in row.cells or psnr not in row.cells:
            continue
        bound = mae_bound(row.cells[psnr].value, share)
        side = "above" if row.cells[l1].value > bound else "within"
        notes.append(
            f"{row.label}: an exact composite with {100 * share:.0f} % missing has at {row.cells[psnr]} dB an l1 of"
            f" at most about {bound:.2f} grey levels; {row.cells[l1]} is {side} that."
        )
    return notes


def _room(table: Table, rows: tuple[str, str], l1: str, psnr: str) -> float:
    factor = 1.0 + TOLERANCE
    for key in rows:
        cells = table.rows[key].cells
        factor *= (1.0 + _relative(cells[l1])) * 10.0 ** (cells[psnr].half_width / 20.0)
    return factor


def _relative(cell: Reported) -> float:
    return cell.half_width / abs(cell.value) if cell.value else 0.0


def _scale_text(table: Table, constants: dict[str, float], groups: list[list[str]]) -> str:
    def listed(keys: list[str]) -> str:
        return and_list([f"{table.rows[key].label} {constants[key]:.2f}" for key in keys])

    rule = f"k = l1 / 10^(-PSNR/20) varies by less than {100 * TOLERANCE:.0f} % between rows of one protocol"
    if len(groups) == 1:
        return f"{rule}; here it does: {listed(list(constants))}."
    ratio = max(constants.values()) / min(constants.values())
    parts = "; ".join(listed(group) for group in groups)
    return f"The rows lie on {len(groups)} scales: {parts}. {rule}; here the largest is {ratio:.2f} times the smallest."


def _best_in(table: Table, row: str, needs: int) -> ArithmeticResult:
    standings = best_in_columns(table, row)
    won = [table.columns[standing.column].title for standing in standings if standing.best]
    lost = [standing for standing in standings if not standing.best]
    label = table.rows[row].label
    counted = f"{label} is best in {len(won)} of {len(standings)} columns"
    said = f"{counted} ({and_list(won)})" if won else counted
    if len(won) >= needs:
        return ArithmeticResult("supported", f"{said}; {needs} are claimed.")
    ways = "; or ".join(_way(table, row, standing) for standing in lost)
    return ArithmeticResult("contradicted", f"{said}; {needs} are claimed. That would need {ways}.")


def _percent_over(table: Table, row: str, over: str, column: str, claimed: Reported) -> ArithmeticResult:
    """Supported where the printed digits allow a gain that rounds to the claimed one."""
    found = gain(table, row, over, column)
    agrees = found.low <= claimed.value + claimed.half_width and found.high >= claimed.value - claimed.half_width
    about = table.columns[column]
    own, other = table.rows[row].cells[column], table.rows[over].cells[column]
    why = f"{about.title} {own} is {_better_by(found.percent)} than {table.rows[over].label}'s {other}"
    why += f" ({own.value - other.value:+.2f} dB)" if about.unit == "dB" else ""
    why += f"; {claimed} % is claimed."
    rest = [key for key in table.rows if key not in (row, over) and column in table.rows[key].cells]
    others = [f"{table.rows[key].label} {gain(table, row, key, column).percent:+.2f} %" for key in rest]
    why += f" Over the other rows: {and_list(others)}." if others else ""
    why += " dB are logarithmic, so a percentage of them means nothing." if about.unit == "dB" else ""
    return ArithmeticResult("supported" if agrees else "contradicted", why)


def _shares(table: Table, row: str, counts: list[str], shares: list[str], total: int) -> ArithmeticResult:
    """Supported where every printed percentage is its count over `total`, all rounded or all cut to their digits."""
    pairs = list(zip(_cells(table, row, counts), _cells(table, row, shares), strict=True))
    exact = [100.0 * count.value / total for count, _ in pairs]
    off = [share - printed.value for share, (_, printed) in zip(exact, pairs, strict=True)]
    units = [2 * printed.half_width for _, printed in pairs]
    rounded = all(abs(gap) <= unit / 2 for gap, unit in zip(off, units, strict=True))
    cut = all(0 <= gap < unit for gap, unit in zip(off, units, strict=True))
    parts = [
        f"{count} is {share:.2f} % (printed {printed})" for share, (count, printed) in zip(exact, pairs, strict=True)
    ]
    how = (
        ""
        if rounded
        else " Truncated to whole digits, not rounded."
        if cut
        else " Neither rounding nor truncation gives these."
    )
    return ArithmeticResult("supported" if rounded or cut else "contradicted", f"Of {total}, {and_list(parts)}.{how}")


def _exclusive(table: Table, row: str, counts: list[str], total: int) -> ArithmeticResult:
    """Supported where no case needs to be counted twice."""
    cells = _cells(table, row, counts)
    both = round(sum(cell.value for cell in cells)) - total
    said = f"{' + '.join(map(str, cells))} = {both + total} of {total}"
    if both <= 0:
        return ArithmeticResult("supported", f"{said}: no case needs to be counted twice.")
    return ArithmeticResult("contradicted", f"{said}: at least {both} are counted more than once.")


def _cells(table: Table, row: str, columns: list[str]) -> list[Reported]:
    cells = table.rows[row].cells
    empty = [column for column in columns if column not in cells]
    if empty:
        raise UserError(f"{table.title}: {table.rows[row].label} has no number in {and_list(empty)}; drop the claim.")
    return [cells[column] for column in columns]


def _better_by(percent: float) -> str:
    return f"{abs(percent):.2f} % {'better' if percent >= 0 else 'worse'}"


def _way(table: Table, row: str, standing: Standing) -> str:
    column = table.columns[standing.column]
    other = "lower" if column.better == "higher" else "higher"
    value = table.rows[row].cells[standing.column]
    rivals = and_list(
        [f"{table.rows[key].label}'s {table.rows[key].cells[standing.column]}" for key in standing.behind]
    )
    if standing.ahead_of:
        ahead = and_list([table.rows[key].label for key in standing.ahead_of])
        return f"{column.title} compared with {ahead} alone ({value} against {rivals})"
    return f"{column.title} to count as '{other} is better' ({value} against {rivals})"


def and_list(words: list[str]) -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
