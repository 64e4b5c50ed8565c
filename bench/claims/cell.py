"""Cells: a number of a reported table, to be met within a margin."""

from bench.claims.case import OWN, Case, more, required
from bench.claims.comparability import differences, in_words
from bench.claims.finding import Finding, Measured, NoContestError, Verdict
from bench.claims.statistics import Interval, images_needed
from bench.metrics.definitions import DEFINITIONS, MetricDefinition
from bench.paper import Cell, Reported
from bench.util.errors import UserError, nearest


def judge_cell(case: Case, claim: Cell) -> Finding:
    """Only where the measurement was made as the paper says that its own was."""
    table = case.paper.tables[claim.table]
    row, column = table.rows[claim.row], table.columns[claim.column]
    printed = row.cells.get(claim.column)
    if printed is None or not row.ours:
        what = "the paper prints no number there" if printed is None else "the row is not the paper's own method"
        raise NoContestError(Verdict.NOT_COMPARABLE, f"Nothing measured here can meet this cell: {what}.")
    definition = _definition(column.metric, f"table {claim.table}, column {claim.column}")
    case.require(OWN)
    own = case.side(OWN)
    interval = required(own.series(claim.mask_set, definition.id), own, claim.mask_set, definition.id).interval()
    text = f"{own.name} {interval.text(definition.digits, definition.unit)}; the paper prints {printed}"
    measured = (Measured(claim.mask_set, definition.id, text),)
    said = table.protocols[row.protocol]
    unlike = differences(said, column, own.records[0], interval.n, claim.mask_set, definition)
    if unlike:
        return Finding(claim, Verdict.NOT_COMPARABLE, in_words(unlike), measured)
    verdict, why = _weigh(case, interval, printed, claim.margin, definition)
    return Finding(claim, verdict, case.where(own.seeds) + why, measured)


def _weigh(
    case: Case, interval: Interval, printed: Reported, margin: float, definition: MetricDefinition
) -> tuple[Verdict, str]:
    """Equivalence: the interval within the tolerance of the printed value supports, outside it contradicts."""
    if (why := case.no_evidence([interval])) is not None:
        return Verdict.INCONCLUSIVE, why
    assert interval.low is not None and interval.high is not None  # noqa: PT018
    tolerance = margin + printed.half_width
    least, most = printed.value - tolerance, printed.value + tolerance
    text = interval.text(definition.digits, definition.unit)
    around = f"{printed} ± {tolerance:g} {definition.unit}".rstrip()
    if least <= interval.low and interval.high <= most:
        return Verdict.SUPPORTED, f"{text} lies within {around}."
    if interval.high < least or interval.low > most:
        gain = (interval.low > most) == (definition.better == "higher")
        side = "" if definition.better == "truth" else f", on the {'better' if gain else 'worse'} side"
        return Verdict.CONTRADICTED, f"{text} lies outside {around}{side}."
    needs = [images_needed(interval, bound) for bound in (least, most)]
    needed = max((need for need in needs if need is not None), default=None) if None not in needs else None
    return (
        Verdict.INCONCLUSIVE,
        f"{text} reaches over an end of {around}; {more(needed, interval, 'would settle it')}.",
    )


def _definition(name: str, where: str) -> MetricDefinition:
    if name not in DEFINITIONS:
        raise UserError(f"paper.toml, {where}: there is no metric '{name}'.{nearest(name, list(DEFINITIONS))}")
    return DEFINITIONS[name]
