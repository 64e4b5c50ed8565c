"""Whether what a claim names is there: variants, tables, metrics. An error tells the key, for its line."""

from collections.abc import Collection, Iterable, Mapping

from bench.metrics.probed import TOLD, definition_of, known
from bench.paper.base import misfit, misplaced
from bench.paper.claims import BEST_FLOOR, HOLE_SHARE, Arithmetic, Bound, Cell, Claim, Order, Trend
from bench.paper.tables import Table


def check_claims(claims: Iterable[Claim], variants: Collection[str], tables: Mapping[str, Table]) -> None:
    """Raise PydanticCustomError for the first name that is not known. Keys of methods are for the catalog to know."""
    for index, claim in enumerate(claims):
        at = ("claims", index)
        for key in ("better", "worse", "of", "against"):
            if (side := getattr(claim, key, None)) is not None:
                _check_side((*at, key), side, variants, floors=isinstance(claim, Order))
        if isinstance(claim, Order | Bound | Trend):
            _check_metric((*at, "metric"), claim.metric, directed=isinstance(claim, Order))
        if isinstance(claim, Trend) and claim.along != HOLE_SHARE:
            _check_metric((*at, "with"), claim.along, others=[HOLE_SHARE])
        if isinstance(claim, Cell | Arithmetic):
            _check_table(at, claim, tables)


def _check_side(at: tuple[str | int, ...], side: str, variants: Collection[str], floors: bool) -> None:
    kind, _, name = side.partition(":")
    if kind == "variant" and name != "default" and name not in variants:
        raise misfit(at, name, "variant of this paper", variants)
    if kind not in ("variant", "method") and not (floors and side == BEST_FLOOR):
        forms = "variant:NAME, method:KEY or best floor" if floors else "variant:NAME or method:KEY"
        raise misplaced(at, f"'{side}' cannot be {'compared' if floors else 'measured'}; write {forms}")


def _check_metric(at: tuple[str | int, ...], name: str, directed: bool = False, others: Collection[str] = ()) -> None:
    found = definition_of(name)
    if name.startswith("told_"):  # the name in 0.1.0; said for one release
        raise misplaced(at, f"'{name}' was renamed: write {TOLD}{name.removeprefix('told_')}")
    if found is None or name == TOLD:
        raise misfit(at, name, "metric", [*others, *known()])
    if not found.per_image:
        raise misplaced(at, f"'{name}' is one number for all images together; claims need one for each image")
    if directed and found.better == "neither":
        raise misplaced(at, f"'{name}' has no better side, so nothing can be ordered by it; make it a bound")


def _check_table(at: tuple[str | int, ...], claim: Cell | Arithmetic, tables: Mapping[str, Table]) -> None:
    table = tables.get(claim.table)
    if table is None:
        raise misfit((*at, "table"), claim.table, "table of this paper", tables)
    for key in ("column", "l1", "psnr"):
        name = getattr(claim, key, "")
        if name and name not in table.columns:
            raise misfit((*at, key), name, f"column of {claim.table}", table.columns)
    for key in ("counts", "shares"):
        for name in getattr(claim, key, []):
            if name not in table.columns:
                raise misfit((*at, key), name, f"column of {claim.table}", table.columns)
    for key in ("row", "over"):
        name = getattr(claim, key, "")
        if name and name not in table.rows:
            raise misfit((*at, key), name, f"row of {claim.table}", table.rows)
