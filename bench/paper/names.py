"""Whether what a paper.toml names is there: variants, tables, metrics, mask sets, data sets. Nothing imports torch."""

from collections.abc import Collection, Iterator
from math import isfinite

from bench.data.names import DATASETS
from bench.masks.names import DRAWN, check_mask_sets, mask_set_name, mask_set_names
from bench.metrics.definitions import DEFINITIONS
from bench.metrics.probed import PROBED, TOLD, definition_of, known
from bench.paper.base import Keys, Mistake, misfit
from bench.paper.claims import BEST_FLOOR, HOLE_SHARE, Arithmetic, Bound, Cell, Claim, Judgement, Order, Trend, Wins
from bench.paper.paper import CLAIMED, Paper, Scale
from bench.paper.tables import Table
from bench.util.errors import UserError

SCALES = ("smoke", "quick", "paper")
"""What every paper.toml has."""
RESERVED = {"default": "the method as printed", "all": "every variant on the command line", CLAIMED: "what claims name"}
"""Names that no variant may have, and what they stand for."""
PROBED_ON = "center"
"""The mask set under which probes run."""


def mistakes(paper: Paper, unread: Collection[str] = ()) -> Iterator[Mistake]:
    """Every name that nothing else in the file, and no table of names in bench/, has.

    `unread` are tables whose content is not known. Keys of methods are for the catalog to know, settings for the
    method's class.
    """
    yield from _twins("claims", [claim.id for claim in paper.claims])
    yield from _twins("ledger", [entry.id for entry in paper.ledger])
    for name in SCALES:
        if name not in paper.scales:
            yield Mistake(("scales",), f"the scale '{name}' is missing; add [scales.{name}].")
    for name in RESERVED:
        if name in paper.variants:
            yield Mistake(("variants", name), f"'{name}' stands for {RESERVED[name]}; give the variant another name.")
    for key, scale in paper.scales.items():
        yield from _scale(("scales", key), key, scale, paper.variants)
    for key, table in paper.tables.items():
        yield from _table(("tables", key), table)
    for index, entry in enumerate(paper.ledger):
        for name in entry.variants:
            if name not in paper.variants:
                yield misfit(("ledger", index, "variants"), name, "variant of this paper", paper.variants)
    mask_sets = _mask_sets(paper)
    for index, claim in enumerate(paper.claims):
        yield from _claim(("claims", index), claim, paper, unread, mask_sets)


def _twins(key: str, ids: list[str]) -> Iterator[Mistake]:
    for index, name in enumerate(ids):
        if name in ids[:index]:
            yield Mistake((key, index, "id"), f"'{name}' is the id of two entries; give each its own.")


def _scale(at: Keys, key: str, scale: Scale, variants: Collection[str]) -> Iterator[Mistake]:
    if key not in SCALES:
        yield misfit(at, key, "scale", SCALES)
    for name in scale.variants:
        if name not in (*variants, CLAIMED):
            yield misfit((*at, "variants"), name, "variant of this paper", variants)
    for name in ("data", "mask_sets"):
        if getattr(scale.protocol, name) == []:
            yield Mistake((*at, "protocol", name), "nothing is named; name at least one, or leave the key out.")
    for name in scale.protocol.data or ():
        if name.partition("=")[0] not in DATASETS:
            yield misfit((*at, "protocol", "data"), name, "data set", DATASETS)
    try:
        check_mask_sets(scale.protocol.mask_sets or ())
    except UserError as error:
        yield Mistake((*at, "protocol", "mask_sets"), str(error))


def _table(at: Keys, table: Table) -> Iterator[Mistake]:
    for key, column in table.columns.items():
        if column.metric and column.metric not in DEFINITIONS:
            yield misfit((*at, "columns", key, "metric"), column.metric, "metric", DEFINITIONS)
    for key, row in table.rows.items():
        if row.protocol not in table.protocols:
            yield misfit((*at, "rows", key, "protocol"), row.protocol, "protocol of this table", table.protocols)
        for name in row.cells:
            if name not in table.columns:
                yield misfit((*at, "rows", key, "cells", name), name, "column of this table", table.columns)


def _mask_sets(paper: Paper) -> set[str]:
    """Names under which scores can be kept: drawn mask sets, folders of the known kinds, and those of the scales."""
    found = {*DRAWN, *mask_set_names()}
    for scale in paper.scales.values():
        for spec in scale.protocol.mask_sets or ():
            try:
                found.add(mask_set_name(spec))
            except UserError:  # told where the scale is looked at
                continue
    return found


def _claim(
    at: Keys, claim: Claim, paper: Paper, unread: Collection[str], mask_sets: Collection[str]
) -> Iterator[Mistake]:
    for key in ("margin", "share", "below", "above", "flat"):
        if (number := getattr(claim, key, None)) is not None and not isfinite(number):
            yield Mistake((*at, key), f"{number} is no value to compare with; write a number.")
    for key, other in (("worse", "better"), ("against", "of")):
        side = getattr(claim, key, None)
        if side is not None and _plain(side) == _plain(getattr(claim, other)):
            yield Mistake((*at, key), f"'{side}' is what {other} names too; a claim compares two things.")
    for key in ("better", "worse", "of", "against"):
        if (side := getattr(claim, key, None)) is not None:
            yield from _side((*at, key), side, paper.variants, floors=isinstance(claim, Order | Wins))
    if not isinstance(claim, Judgement) and claim.alternative_to:
        others = [other.id for other in paper.claims if other.id != claim.id]
        if claim.alternative_to not in others:
            yield misfit((*at, "alternative_to"), claim.alternative_to, "other claim of this paper", others)
    if isinstance(claim, Order | Wins | Bound | Trend):
        yield from _metric((*at, "metric"), claim.metric, directed=isinstance(claim, Order | Wins))
        metrics = [claim.metric, *([claim.along] if isinstance(claim, Trend) else [])]
        yield from _claimed_mask_sets((*at, "mask_sets"), claim.mask_sets, mask_sets, metrics)
    if isinstance(claim, Trend) and claim.along != HOLE_SHARE:
        yield from _metric((*at, "with"), claim.along, others=[HOLE_SHARE])
    if isinstance(claim, Cell):
        yield from _claimed_mask_sets((*at, "mask_set"), [claim.mask_set], mask_sets, [])
    if isinstance(claim, Cell | Arithmetic) and claim.table not in unread:
        yield from _place(at, claim, paper)


def _plain(side: str) -> str:
    """The side without a variant that is the default."""
    return side.removesuffix("/default") if side.startswith("method:") else side


def _side(at: Keys, side: str, variants: Collection[str], floors: bool) -> Iterator[Mistake]:
    kind, _, name = side.partition(":")
    if kind == "variant" and name != "default" and name not in variants:
        yield misfit(at, name, "variant of this paper", variants)
    if kind not in ("variant", "method") and not (floors and side == BEST_FLOOR):
        forms = "variant:NAME, method:KEY[/VARIANT] or best floor" if floors else "variant:NAME or method:KEY[/VARIANT]"
        yield Mistake(at, f"'{side}' cannot be {'compared' if floors else 'measured'}; write {forms}.")


def _metric(at: Keys, name: str, directed: bool = False, others: Collection[str] = ()) -> Iterator[Mistake]:
    found = definition_of(name)
    if name.startswith("told_"):  # the name in 0.1.0; said for one release
        yield Mistake(at, f"'{name}' was renamed: write {TOLD}{name.removeprefix('told_')}.")
    elif found is None or name == TOLD:
        yield misfit(at, name, "metric", [*others, *known()])
    elif not found.per_image:
        yield Mistake(at, f"'{name}' is one number for all images together; claims need one per image.")
    elif directed and found.better == "neither":
        yield Mistake(at, f"'{name}' has no better direction, so nothing can be ordered by it; use a bound.")


def _claimed_mask_sets(
    at: Keys, names: Collection[str], mask_sets: Collection[str], metrics: Collection[str]
) -> Iterator[Mistake]:
    probed = next((metric for metric in metrics if metric in PROBED), None)
    for name in names:
        if name not in mask_sets and not name.startswith("masks-"):
            yield misfit(at, name, "mask set", mask_sets)
        elif probed and name != PROBED_ON:
            yield Mistake(at, f"'{probed}' belongs to a probe, and probes run under {PROBED_ON} only, not {name}.")


def _place(at: Keys, claim: Cell | Arithmetic, paper: Paper) -> Iterator[Mistake]:
    table = paper.tables.get(claim.table)
    if table is None:
        yield misfit((*at, "table"), claim.table, "table of this paper", paper.tables)
        return
    named = [(key, getattr(claim, key, "")) for key in ("column", "l1", "psnr")]
    named += [(key, name) for key in ("counts", "shares") for name in getattr(claim, key, [])]
    for key, name in named:
        if name and name not in table.columns:
            yield misfit((*at, key), name, f"column of {claim.table}", table.columns)
    for key in ("row", "over"):
        name = getattr(claim, key, "")
        if name and name not in table.rows:
            yield misfit((*at, key), name, f"row of {claim.table}", table.rows)
    if isinstance(claim, Cell):
        yield from _measurable((*at, "column"), claim, table)


def _measurable(at: Keys, claim: Cell, table: Table) -> Iterator[Mistake]:
    """Whether a measurement could meet the cell of the paper's own row."""
    column, row = table.columns.get(claim.column), table.rows.get(claim.row)
    if column is None or row is None or not row.ours or claim.column not in row.cells:
        return
    if not column.metric:
        yield Mistake(at, f"column '{claim.column}' of {claim.table} names no metric; add `metric` to it.")
