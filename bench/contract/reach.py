"""Reach: which claims `reproduce PAPER --scale SCALE` leaves open, whatever it measures, and what would answer them.

What hangs on the measurements (how wide an interval is, whether a protocol is comparable) is for the verdict.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from bench.claims.case import FEWEST_GROUPS, OWN, SMOKE
from bench.claims.looks import FEWEST_SEEDS
from bench.data.names import BUILT_IN
from bench.data.protocol import Protocol, protocols
from bench.methods.catalog import Catalog, Entry
from bench.methods.settings import DEFAULT
from bench.metrics.probed import PROBED, PROBES, definition_of
from bench.paper import Arithmetic, Bound, Cell, Claim, Judgement, Order, Paper, Trace, Trend, Wins
from bench.paper.arithmetic import and_list
from bench.paper.claims import BEST_FLOOR


@dataclass(frozen=True)
class Gap:
    """A claim that a plain `reproduce` at a scale leaves open."""

    claim: str
    why: str
    command: str
    """What would answer it; empty where no command does."""


@dataclass(frozen=True)
class Needs:
    """What a claim asks for beyond what a scale runs."""

    variants: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    mask_sets: tuple[str, ...] = ()
    seeds: bool = False
    scale: tuple[str, ...] = ()
    """Reasons that only another scale, or a change of this one, takes away."""

    @property
    def why(self) -> str:
        parts = [*self.scale]
        parts += [f"needs {_counted('variant', self.variants)}"] if self.variants else []
        parts += [f"needs {and_list(list(self.methods))}"] if self.methods else []
        parts += [f"needs {_counted('mask set', self.mask_sets)}"] if self.mask_sets else []
        parts += [f"needs {FEWEST_SEEDS} seeds"] if self.seeds else []
        return "; ".join(parts)


def reach(entry: Entry, catalog: Catalog) -> dict[str, list[Gap]]:
    """By scale, every claim that a plain `reproduce` cannot answer, in the order of paper.toml.

    Claims that no run is asked for (arithmetic, judgement) are left out, and cells that are not the paper's own.
    """
    paper = entry.paper()
    floors = {floor.key for floor in catalog.floors()}
    found: dict[str, list[Gap]] = {}
    for scale in paper.scales:
        gaps = [(claim, _needs(claim, paper, entry.key, scale, floors)) for claim in measured(paper)]
        found[scale] = [
            Gap(claim.id, needs.why, _command(claim, paper, entry, scale, needs, floors))
            for claim, needs in gaps
            if needs.why
        ]
    return found


def measured(paper: Paper) -> list[Claim]:
    """The claims that a measurement can answer."""
    return [claim for claim in paper.claims if not isinstance(claim, Arithmetic | Judgement) and _own(claim, paper)]


def _own(claim: Claim, paper: Paper) -> bool:
    if not isinstance(claim, Cell):
        return True
    row = paper.tables[claim.table].rows[claim.row]
    return row.ours and claim.column in row.cells


def _needs(claim: Claim, paper: Paper, key: str, scale: str, floors: set[str]) -> Needs:
    protocol = _protocols(paper, scale)[0]
    ours, theirs = (DEFAULT, *paper.variants_at(scale)), (key, *floors, *paper.baselines_at(scale))
    sides = [side.partition(":")[::2] for side in claim.sides if side != BEST_FLOOR]
    variants = [name for kind, name in sides if kind == "variant" and name not in ours]
    methods = [name for kind, name in sides if kind == "method" and name not in theirs]
    mask_sets = [name for name in _mask_sets(claim) if name not in protocol.mask_set_names]
    return Needs(
        tuple(dict.fromkeys(variants)),
        tuple(dict.fromkeys(methods)),
        tuple(mask_sets),
        _rests_on_seeds(claim, floors) and paper.scales[scale].seeds < FEWEST_SEEDS,
        tuple(_beyond(claim, paper, scale, protocol)),
    )


def _rests_on_seeds(claim: Claim, floors: set[str]) -> bool:
    """Whether several trainings are needed: wherever a side is trained, since another seed alone moves its scores.

    A side may borrow its spread from a method that has it (bench/claims/seed_spread.py); a plain run has no lender.
    """
    sides = (OWN,) if isinstance(claim, Cell) else claim.sides
    return any(side != BEST_FLOOR and side.partition(":")[2] not in floors for side in sides)


def _beyond(claim: Claim, paper: Paper, scale: str, protocol: Protocol) -> Iterator[str]:
    if scale == "smoke":
        yield SMOKE.partition(".")[0]
    metrics = _metrics(claim, paper)
    for probe, definitions in PROBES.items():
        if probe not in protocol.probes and any(PROBED.get(metric) in definitions for metric in metrics):
            yield f"needs the probe {probe} in [scales.{scale}.protocol]"
    for metric in metrics:
        about = definition_of(metric)
        if about is not None and protocol.resolution < about.smallest_side:
            yield f"{metric} needs pictures of at least {about.smallest_side} pixels"
    if not isinstance(claim, Trace) and scale != "smoke" and protocol.test_images < FEWEST_GROUPS:
        yield f"needs {FEWEST_GROUPS} test images"


def _metrics(claim: Claim, paper: Paper) -> list[str]:
    if isinstance(claim, Cell):
        return [paper.tables[claim.table].columns[claim.column].metric]
    if isinstance(claim, Trend):
        return [claim.metric, claim.along]
    return [claim.metric] if isinstance(claim, Order | Wins | Bound) else []


def _mask_sets(claim: Claim) -> list[str]:
    if isinstance(claim, Cell):
        return [claim.mask_set]
    return list(claim.mask_sets) if isinstance(claim, Order | Wins | Bound | Trend) else []


def _protocols(paper: Paper, scale: str) -> list[Protocol]:
    return protocols(scale, paper.scales[scale].protocol)


def _command(claim: Claim, paper: Paper, entry: Entry, scale: str, needs: Needs, floors: set[str]) -> str:
    """At this scale, or at the first other one that can answer; empty where none can."""
    if needs.scale:
        others = [name for name in paper.scales if name not in ("smoke", scale)]
        wanted = {name: _needs(claim, paper, entry.key, name, floors) for name in others}
        scale = next((name for name, found in wanted.items() if not found.scale), "")
        if not scale:
            return ""
        needs = wanted[scale]
    words = ["python", "-m", "bench", "reproduce", entry.key]
    words += ["--scale", scale] if scale != "quick" else []
    words += [word for name in needs.variants for word in ("--variant", name)]
    words += ["--with-baselines"] if needs.methods else []
    asked = _protocols(paper, scale)[0].mask_sets
    words += [word for name in (*asked, *needs.mask_sets) for word in ("--masks", name)] if needs.mask_sets else []
    words += [word for seed in range(FEWEST_SEEDS) for word in ("--seed", str(seed))] if needs.seeds else []
    data = [one.data_name for one in _protocols(paper, scale) if one.data_name not in BUILT_IN]
    words += ["--data", f"{data[0]}=PATH"] if data else []
    words += ["--include", str(entry.path)] if entry.origin == "--include" else []
    return shlex.join(words)


def _counted(what: str, names: tuple[str, ...]) -> str:
    return f"{what}{'s' if len(names) > 1 else ''} {and_list(list(names))}"
