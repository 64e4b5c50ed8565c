"""Cells: a number of a reported table, to be met within a margin."""

from functools import partial

from bench.claims.case import OWN, Case
from bench.claims.comparability import differences, in_words
from bench.claims.estimate import Estimate, advice
from bench.claims.finding import Decision, Finding, Measured, NoContestError, Verdict
from bench.metrics.definitions import DEFINITIONS, MetricDefinition
from bench.paper import Cell, Reported
from bench.util.errors import UserError, nearest


def judge_cell(case: Case, claim: Cell) -> Finding:
    """Compared only if the measurement was made the way the paper describes its own.

    The interval of the mean, widened by what the training seeds alone can move, is compared with the printed number.
    """
    table = case.paper.tables[claim.table]
    row, column = table.rows[claim.row], table.columns[claim.column]
    printed = row.cells.get(claim.column)
    if printed is None or not row.ours:
        what = "the paper prints no number there" if printed is None else "the row is not the paper's own method"
        raise NoContestError(Verdict.NOT_COMPARABLE, f"Nothing measured here corresponds to this cell: {what}.")
    definition = _definition(column.metric, f"table {claim.table}, column {claim.column}")
    case.require(OWN)
    (own,) = case.at_look(OWN)
    found = case.mean(own, claim.mask_set, definition.id)
    value = _text(found, definition)
    text = f"{own.name} {value}{found.note}; the paper prints {printed}"
    measured = (Measured(claim.mask_set, definition.id, text, found.interval),)
    said = table.protocols[row.protocol]
    unlike = differences(said, column, own.records[0], found.images.n, claim.mask_set, definition)
    if unlike:
        return Finding(claim, Verdict.NOT_COMPARABLE, in_words(unlike), measured)
    asked = (found, printed, claim.margin)
    made = case.decided((OWN,), [own], [found], partial(_answer, *asked), partial(_weigh, *asked, definition))
    return Finding(claim, made.verdict, case.where([own], [found]) + made.why, measured, made.seeds, made.p)


def _answer(found: Estimate, printed: Reported, margin: float, tail: float) -> Verdict:
    """Equivalence: the interval within the tolerance of the printed value supports, outside it contradicts."""
    interval, tolerance = found.at(tail), margin + printed.half_width
    assert interval.low is not None and interval.high is not None  # noqa: PT018
    least, most = printed.value - tolerance, printed.value + tolerance
    if least <= interval.low and interval.high <= most:
        return Verdict.SUPPORTED
    return Verdict.CONTRADICTED if interval.high < least or interval.low > most else Verdict.INCONCLUSIVE


def _weigh(found: Estimate, printed: Reported, margin: float, definition: MetricDefinition) -> Decision:
    verdict, interval = _answer(found, printed, margin, found.tail), found.interval
    assert interval.mean is not None and interval.low is not None  # noqa: PT018
    tolerance = margin + printed.half_width
    least, most = printed.value - tolerance, printed.value + tolerance
    text = _text(found, definition)
    around = f"{printed} ± {tolerance:g} {definition.unit}".rstrip()
    if verdict == Verdict.SUPPORTED:
        return Decision(verdict, f"{text} lies within {around}.")
    if verdict == Verdict.CONTRADICTED:
        gain = (interval.low > most) == (definition.better == "higher")
        side = "" if definition.better == "truth" else f", on the {'better' if gain else 'worse'} side"
        return Decision(verdict, f"{text} lies outside {around}{side}.")
    # The nearer end is the harder one to stay clear of.
    nearer = least if interval.mean - least < most - interval.mean else most
    more = advice(found, nearer)
    return Decision(verdict, f"{text} extends beyond {around}{more.words}.", more.seeds)


def _text(found: Estimate, definition: MetricDefinition) -> str:
    text = found.interval.text(definition.digits, definition.unit)
    infinite = found.images.infinite
    return f"{text}, infinite for {infinite} images and left out" if infinite else text


def _definition(name: str, where: str) -> MetricDefinition:
    if name not in DEFINITIONS:
        raise UserError(f"paper.toml, {where}: there is no metric '{name}'.{nearest(name, list(DEFINITIONS))}")
    return DEFINITIONS[name]
