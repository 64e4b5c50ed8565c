"""From what is asked for to tasks: which there are, which are done or under way, which remain."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.cluster import rates, slurm
from bench.cluster.array import SPARE, Array, arrange, data_of
from bench.cluster.profile import Profile
from bench.cluster.state import IN_FLIGHT, Watch
from bench.cluster.task import Task
from bench.data import Data, packed
from bench.methods.base import DataFacts, Method
from bench.methods.catalog import Catalog
from bench.methods.settings import build, overrides, variant_name
from bench.protocol import Protocol
from bench.reproduce import Reproduction, Request, Wanted
from bench.runs.experiment import build_method
from bench.runs.records import NUMBERS
from bench.training.processes import check_shared
from bench.util.errors import UserError
from bench.util.files import sha256

SEGMENTS = 4
"""Jobs in a training's chain where nothing is known of how long it takes."""
ALL = 10**9
"""How protocols say `all images`."""


@dataclass(frozen=True)
class Order:
    """What a user asked for on the command line."""

    keys: Sequence[str]
    out: Path
    cache: Path
    profile: Profile
    scale: str = "quick"
    data: Sequence[str] = ()
    mask_sets: Sequence[str] = ()
    variants: Sequence[str] = ()
    seeds: Sequence[int] = (0,)
    device: str = "auto"
    sets: Sequence[str] = ()
    weights: Path | None = None
    include: Sequence[Path] = ()
    checkpoint_seconds: float = 30.0
    with_baselines: bool = False
    workers: int = 0
    segments: int | None = None

    def request(self, key: str, data: str | None) -> Request:
        """As `reproduce` would ask for one method and data set. The device is for the jobs, not for this machine."""
        return Request(
            key,
            self.out,
            self.cache,
            self.scale,
            data,
            mask_sets=self.mask_sets,
            variants=self.variants,
            seeds=self.seeds,
            device="cpu",
            sets=self.sets,
            weights=self.weights,
            with_baselines=self.with_baselines,
        )


def absolute(spec: str) -> str:
    """`NAME=PATH` with the path from the root: jobs run in another folder."""
    name, equals, path = spec.partition("=")
    return f"{name}={Path(path).expanduser().absolute()}" if equals else spec


@dataclass(frozen=True)
class Planned:
    """A task of an order, and what is known before it is submitted."""

    task: Task
    state: str = ""
    """Its state, where it has one; `done` also for a record that was made without a queue."""
    steps: int = 0
    """Training steps, of all stages."""
    images: int = 0
    """Images to score, over all mask sets; 0 where that is not known yet."""

    @property
    def to_do(self) -> bool:
        return self.state != "done" and self.state not in IN_FLIGHT


@dataclass
class Plan:
    """All tasks of an order."""

    order: Order
    tasks: list[Planned] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Why data sets cannot be had."""

    @property
    def to_do(self) -> list[Planned]:
        return [planned for planned in self.tasks if planned.to_do]

    @property
    def runs_to_do(self) -> list[Planned]:
        return [planned for planned in self.to_do if planned.task.kind == "run"]

    def arrays(self) -> list[Array]:
        segments = {planned.task.id: self.segments(planned) for planned in self.to_do if planned.task.trains}
        return arrange([planned.task for planned in self.to_do], self.order.profile, segments)

    def segments(self, planned: Planned) -> int:
        """How many jobs the chain of a training has."""
        profile = self.order.profile
        fixed = self.order.segments or profile.segments
        if fixed:
            return fixed
        rate = rates.find(planned.task, profile.gpus_of("train") > 0, profile.processes)
        if rate is None or rate.train is None:
            return SEGMENTS
        return ceil(rate.train * planned.steps / slurm.training_seconds(profile)) + SPARE


def make_plan(catalog: Catalog, order: Order, console: Console) -> Plan:
    """Everything that is known before anything is submitted. Raises UserError for what is wrong with the order."""
    planner = Planner(catalog, order)
    found: dict[str, Planned] = {}
    reports: dict[str, list[Planned]] = {}
    for key in order.keys:
        names: Sequence[str | None] = order.data or [None]
        for data in names:
            work = Reproduction(catalog, order.request(key, data), console)
            runs = list(planner.runs(work))
            found |= {planned.task.id: planned for planned in runs}
            if work.entry.is_paper:
                reports.setdefault(key, []).extend(runs)
    made = [planner.report(key, runs) for key, runs in reports.items() if any(planned.to_do for planned in runs)]
    return Plan(order, [*planner.packs(found.values()), *found.values(), *made], list(planner.missing.values()))


class Planner:
    """Makes tasks; looks at each data set, method and state once."""

    def __init__(self, catalog: Catalog, order: Order) -> None:
        self.catalog, self.order = catalog, order
        self.states = {status.task.id: status.state for status in Watch(order.out).all()}
        self.missing: dict[str, str] = {}
        self._data: dict[str, Data | None] = {}
        self.common: dict[str, Any] = {
            "out": order.out,
            "cache": order.cache,
            "weights": order.weights,
            "include": list(order.include),
            "device": order.device,
            "checkpoint_seconds": order.checkpoint_seconds,
        }

    def runs(self, work: Reproduction) -> Iterator[Planned]:
        """All runs of a reproduction; of a baseline its own only."""
        for protocol in work.protocols():
            for wanted in work.wanted() if work.entry.is_paper else work.own():
                yield from self._each_seed(work, protocol, wanted)

    def packs(self, runs: Iterable[Planned]) -> list[Planned]:
        """The packing of data that runs need and nobody has packed."""
        tasks: dict[str, Planned] = {}
        for planned in runs:
            asked = data_of(planned.task)
            if planned.to_do and self._data[asked] is None and asked not in self.missing:
                tasks.setdefault(asked, self._pack(planned.task.protocol, asked))
        return list(tasks.values())

    def report(self, key: str, runs: Sequence[Planned]) -> Planned:
        name = f"report-{key}-{sha256(json.dumps(sorted(planned.task.id for planned in runs)).encode())[:8]}"
        task = Task(id=name, kind="report", key=key, scale=self.order.scale, **self.common)
        return Planned(task, self._open_state(name))

    def _pack(self, protocol: Protocol | None, asked: str) -> Planned:
        assert protocol is not None
        name = f"data-{protocol.data_name}-{protocol.resolution}-{sha256(asked.encode())[:8]}"
        return Planned(Task(id=name, kind="data", protocol=protocol, **self.common), self._open_state(name))

    def _open_state(self, name: str) -> str:
        """The state of what is done again for every order."""
        state = self.states.get(name, "")
        return "" if state == "done" else state

    def _each_seed(self, work: Reproduction, protocol: Protocol, wanted: Wanted) -> Iterator[Planned]:
        entry, order = wanted.entry, self.order
        values = overrides(entry.description(), order.scale, wanted.variant) | wanted.sets
        settings = build(entry.load().settings_class, values, entry.key).model_dump(mode="json")
        host = work.host.key if work.host is not entry else ""
        blank = Task(
            id="",
            kind="run",
            key=entry.key,
            host=host,
            scale=order.scale,
            protocol=protocol,
            variant=wanted.variant,
            sets=wanted.sets,
            settings=settings,
            **self.common,
        )
        data = self._known_data(blank)
        facts = data.facts if data else DataFacts(protocol.resolution, min(protocol.images, 10**6))
        method = build_method(entry, settings, facts, 0)
        stages = method.stages()
        for stage in stages:
            check_shared(stage, method.settings, order.profile.processes)
        steps = sum(stage.steps for stage in stages)
        images = len(data.test) if data else protocol.test_images
        images = images * len(protocol.mask_sets) if images < ALL else 0
        first = work.experiment(wanted, wanted.seeds[0], protocol, data) if data else None
        for seed in wanted.seeds:
            task = _named(blank, entry.code(), method, seed, steps > 0)
            state = self.states.get(task.id, "")
            if first is not None:
                run = first.run.model_copy(update={"seed": seed})
                made = replace(first, run=run, folder=run.folder(order.out)).complete() is not None
                state = "done" if made else "" if state == "done" else state
            yield Planned(task, state, steps, images)

    def _known_data(self, task: Task) -> Data | None:
        """The packed data, or None where it is to be packed, or missing."""
        asked = data_of(task)
        if asked not in self._data:
            assert task.protocol is not None
            try:
                self._data[asked] = packed(task.protocol, self.order.cache)
            except UserError as error:
                self._data[asked] = None
                self.missing[asked] = str(error)
        return self._data[asked]


def _named(blank: Task, code: str, method: Method, seed: int, trains: bool) -> Task:
    """A run's task, with its id and with that of its training: hashes of what they depend on."""
    assert blank.protocol is not None
    kept = {name: value for name, value in blank.settings.items() if name not in method.after_training}
    protocol = blank.protocol
    images = [protocol.data, protocol.resolution, protocol.images, protocol.split]
    training = _hash(blank.key, kept, code, NUMBERS, seed, images)
    variant = variant_name(blank.variant, blank.sets)
    own = _hash(blank.key, variant, blank.settings, code, NUMBERS, seed, protocol.model_dump(mode="json"))
    plain = "" if variant == "default" else "+" + re.sub(r"[^\w.,=-]+", "", variant)[:60]
    name = f"{blank.key}{plain}-{protocol.data_name}-{blank.scale}-seed{seed}-{own}"
    return blank.model_copy(update={"id": name, "seed": seed, "trains": trains, "training": training})


def _hash(*parts: Any) -> str:
    return sha256(json.dumps(parts, sort_keys=True).encode())[:8]
