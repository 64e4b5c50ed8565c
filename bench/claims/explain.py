"""Explain: which definition of a metric would turn what was measured into what the paper prints. It only suggests.

The arithmetic of the printed numbers needs no record; the definitions need the record of a run.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.claims.contenders import by_protocol
from bench.methods.settings import DEFAULT
from bench.metrics.definitions import DEFINITIONS, MetricDefinition
from bench.metrics.summary import summarise
from bench.paper import Arithmetic, Cell, Paper, Reported, Table
from bench.paper.arithmetic import TOLERANCE, OneScale, and_list, bound_notes, one_scale
from bench.runs.records import Record, read_record
from bench.util.errors import UserError

UNITS = {"% of the range": 100.0, "% of a range of 2": 200.0, "grey levels": 255.0}
"""What an l1 of the largest possible error is, in each unit that papers print it in."""
SPREAD = 1.1
"""A PSNR averaged over unlike images lifts k by some per cent above its bound."""


@dataclass(frozen=True)
class Scales:
    """The k of each row of a table, and where the rows part."""

    table: Table
    l1: str
    psnr: str
    found: OneScale
    flags: tuple[str, ...]
    """One sentence for each row that is not on the scale that most rows, or else the first, are on."""
    bounds: tuple[str, ...]
    """What the root of the hole's share says of the rows."""


@dataclass(frozen=True)
class Meaning:
    """The measured value under one definition."""

    definition: MetricDefinition
    value: float
    """The mean over seeds; NaN where it was not measured."""
    declared: bool
    """True for the definition that paper.toml names: the only one that a verdict uses."""
    truth: float = math.nan
    """For a TV: that of the truth, by the same definition."""


@dataclass(frozen=True)
class Explained:
    """One reported cell of the paper's own row, under every definition of the same family on one mask set."""

    table: str
    column: str
    printed: Reported
    unit: str
    margin: float
    mask_set: str
    where: str
    """Data set, scale, images and seeds of the measurement."""
    scale: str
    meanings: tuple[Meaning, ...]

    def gap(self, meaning: Meaning) -> float:
        return meaning.value - self.printed.value

    def explains(self, meaning: Meaning) -> bool:
        """True where the value lies within the printed number's rounding and the margin that paper.toml declared."""
        return abs(self.gap(meaning)) <= self.printed.half_width + self.margin

    @property
    def suggestion(self) -> str:
        """One sentence."""
        names = [f"{one.definition.title} ({one.definition.id})" for one in self.meanings if self.explains(one)]
        around = f"{self.printed} ± {self.printed.half_width + self.margin:g}"
        if not names:
            return f"No definition gives {around} here."
        return f"{and_list(names)} {'gives' if len(names) == 1 else 'give'} {around} here."


def family(definition_id: str) -> str:
    """What a definition is a definition of: `psnr`, `ssim`, `l1` (with l2), `tv`, `lpips`, `mse`."""
    first = definition_id.partition("_")[0]
    return "l1" if first == "l2" else first


def definitions(definition_id: str) -> list[MetricDefinition]:
    """All definitions of the same family, without the truth's own values."""
    return [one for one in DEFINITIONS.values() if family(one.id) == family(definition_id) and not _of_truth(one.id)]


def scales(paper: Paper) -> list[Scales]:
    """The consistency of each table that has an l1 and a PSNR in at least two rows."""
    found = []
    for key, table in paper.tables.items():
        pair = _pair(paper, key)
        if pair is None or sum(all(name in row.cells for name in pair) for row in table.rows.values()) < 2:
            continue
        one = one_scale(table, *pair)
        found.append(Scales(table, *pair, one, _flags(table, one), _bounds(table, one, *pair)))
    return found


def own_records(key: str, records: Sequence[Record]) -> list[Record]:
    """The records of the paper's method as printed."""
    wanted = (key, DEFAULT, "run")
    return [record for record in records if (record.run.method, record.run.variant, record.run.origin) == wanted]


def explain(paper: Paper, records: Sequence[Record]) -> list[Explained]:
    """Every reported cell of the paper's own rows under every definition, as `records` of its method measured it."""
    found = []
    for group in by_protocol(records):
        for name, table in paper.tables.items():
            for row_name, row in table.rows.items():
                for column, printed in row.cells.items() if row.ours else ():
                    found += _cell(paper, group, name, row_name, column, printed)
    return found


def all_definitions(records: Sequence[Record], mask_set: str) -> list[Meaning]:
    """Every definition that was measured on a mask set, over records that differ in nothing but the seed."""
    found = [_meaning(records, mask_set, one, "") for one in DEFINITIONS.values() if not _of_truth(one.id)]
    return [one for one in found if not math.isnan(one.value)]


def where(records: Sequence[Record]) -> str:
    """`faces, quick scale, 200 images, 1 seed`."""
    run = records[0].run
    images, seeds = len(records[0].mask_set(run.protocol.mask_set_names[0])), len({one.run.seed for one in records})
    return f"{run.protocol.data_name}, {run.scale} scale, {images} images, {seeds} {'seed' if seeds == 1 else 'seeds'}"


def open_record(path: Path) -> Record:
    """The record in a run's folder, or in a record.json. Raises UserError where there is none."""
    folder = path.parent if path.name == "record.json" else path
    record = read_record(folder)
    if record is None:
        raise UserError(f"{folder} holds no record.json. Give a finished run's folder, or a paper that `list` shows.")
    return record


def _cell(
    paper: Paper, records: Sequence[Record], table: str, row: str, column: str, printed: Reported
) -> list[Explained]:
    claims = [
        claim
        for claim in paper.claims
        if isinstance(claim, Cell) and (claim.table, claim.row, claim.column) == (table, row, column)
    ]
    measured = records[0].run.protocol.mask_set_names
    asked = {claim.mask_set: claim.margin for claim in claims if claim.mask_set in measured}
    about = paper.tables[table].columns[column]
    if about.metric not in DEFINITIONS:
        return []
    return [
        Explained(
            table=paper.tables[table].title,
            column=about.title,
            printed=printed,
            unit=about.unit,
            margin=margin,
            mask_set=mask_set,
            where=where(records),
            scale=records[0].run.scale,
            meanings=tuple(_meaning(records, mask_set, one, about.metric) for one in definitions(about.metric)),
        )
        for mask_set, margin in (asked or dict.fromkeys(measured, 0.0)).items()
    ]


def _meaning(records: Sequence[Record], mask_set: str, definition: MetricDefinition, declared: str) -> Meaning:
    truth = _mean(records, mask_set, definition.truth) if definition.truth in DEFINITIONS else math.nan
    return Meaning(definition, _mean(records, mask_set, definition.id), definition.id == declared, truth)


def _mean(records: Sequence[Record], mask_set: str, definition_id: str) -> float:
    found = [summarise(record.mask_set(mask_set), definition_id) for record in records]
    return sum(found) / len(found)


def _pair(paper: Paper, key: str) -> tuple[str, str] | None:
    """The l1 and PSNR columns of a table: those of its 'one scale' claim, or the first of each family."""
    for claim in paper.claims:
        if isinstance(claim, Arithmetic) and claim.check == "one scale" and claim.table == key:
            return claim.l1, claim.psnr
    columns = paper.tables[key].columns
    firsts = [
        next((name for name, column in columns.items() if family(column.metric) == wanted), None)
        for wanted in ("l1", "psnr")
    ]
    return (firsts[0], firsts[1]) if firsts[0] and firsts[1] else None


def _flags(table: Table, found: OneScale) -> tuple[str, ...]:
    order = list(found.constants)
    most = max(found.groups, key=lambda group: (len(group), -min(order.index(row) for row in group)))
    named = and_list([f"{table.rows[row].label} ({found.constants[row]:.1f})" for row in order if row in most])
    middle = math.exp(sum(math.log(found.constants[row]) for row in most) / len(most))
    return tuple(
        f"{table.rows[row].label} (k {found.constants[row]:.1f}) is not on the same scale as {named}:"
        f" {100 * (found.constants[row] / middle - 1):+.0f} %, where {100 * TOLERANCE:.0f} % is allowed."
        for row in order
        if row not in most
    )


def _bounds(table: Table, found: OneScale, l1: str, psnr: str) -> tuple[str, ...]:
    """Since MAE <= sqrt(h) RMSE for an exact composite, k is at most sqrt(h) times the unit of l1."""
    notes = []
    for row, constant in found.constants.items():
        protocol = table.protocols[table.rows[row].protocol]
        share = protocol.fixed_share
        unknown = "the share varies" if isinstance(protocol.hole_share, tuple) else "the share is not stated"
        limits = {unit: full * math.sqrt(share or 1.0) for unit, full in UNITS.items()}
        fitting = [unit for unit, limit in limits.items() if constant <= SPREAD * limit]
        said = f"a hole of {100 * share:.0f} %" if share else f"a hole of any size ({unknown})"
        listed = ", ".join(f"{limit:.1f} in {unit}" for unit, limit in limits.items())
        fits = f"can be in {_or(fitting)}" if fitting else "is too large for any of these"
        notes.append(f"{table.rows[row].label}: k is at most {listed} for {said}; {constant:.1f} {fits}.")
    return (*notes, *bound_notes(table, l1, psnr))


def _of_truth(definition_id: str) -> bool:
    return definition_id.endswith("_truth")


def _or(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
