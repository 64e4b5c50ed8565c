"""`reproduce`: plan → train → evaluate → record → judge → report. Each step reads what the one before it wrote."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from lightning_fabric import Fabric
from rich.console import Console

from bench.contract.papers import refuse_mistakes
from bench.data import Data, load
from bench.masks.names import check_mask_sets
from bench.masks.sets import mask_set
from bench.methods.base import DataFacts, Settings
from bench.methods.catalog import Catalog, Entry
from bench.methods.pretrained import Pretrained
from bench.methods.settings import DEFAULT, build, overrides, parse_sets
from bench.paper import Scale
from bench.protocol import Protocol
from bench.report import gather, print_boards, print_verdicts, write_report
from bench.runs.experiment import Experiment, build_method, plan, scale_protocols
from bench.runs.records import NUMBERS, Record, Run, find_records
from bench.training.device import open_fabric
from bench.training.loop import Options
from bench.util.errors import UserError
from bench.util.files import check_writable
from bench.util.progress import Progress


@dataclass(frozen=True)
class Request:
    """What a user asked for on the command line."""

    key: str
    out: Path
    cache: Path
    scale: str = "quick"
    data: str | None = None
    mask_sets: Sequence[str] = ()
    variants: Sequence[str] = ()
    seeds: Sequence[int] = (0,)
    device: str = "auto"
    processes: int = 1
    """How many train together on this machine."""
    sets: Sequence[str] = ()
    """`KEY=VALUE`."""
    weights: Path | None = None
    options: Options = field(default_factory=Options)
    host: str | None = None
    """The paper whose protocol is taken; the method's own where None."""
    pretrained: Pretrained | None = None
    """Networks from elsewhere, for the method's own runs."""
    with_baselines: bool = False
    """Also run every other method that the paper.toml names."""


class Wanted(NamedTuple):
    """Runs that differ in their seed only, under whatever data."""

    entry: Entry
    variant: str
    seeds: Sequence[int]
    sets: dict[str, Any]


class Reproduction:
    """The runs of a request. What can be wrong with the request is told by the constructor, before any work."""

    def __init__(self, catalog: Catalog, request: Request, console: Console) -> None:
        self.catalog, self.request, self.console = catalog, request, console
        self.entry = catalog[request.key]
        refuse_mistakes(self.entry, catalog)
        self.paper = self.entry.description()
        self.sets = parse_sets(request.sets)
        self.seeds = list(dict.fromkeys(request.seeds))
        self.host = catalog[request.host] if request.host else self.entry
        if request.host:
            self.host.paper()
        self.progress = Progress(console)
        for variant in self.variants:
            self._settings(variant)
        self._check_networks()
        for spec in check_mask_sets(request.mask_sets):
            mask_set(spec)
        check_writable(request.out)
        self.fabric = self._open_fabric()

    def _open_fabric(self) -> Fabric:
        if self.request.processes == 1:
            return open_fabric(self.request.device)
        from bench.runs.workers import call

        return call(self.request.device, self.request.processes)

    @cached_property
    def variants(self) -> list[str]:
        """The method as printed, then the scale's variants and those asked for; `all` is every one that differs."""
        if self.request.pretrained is not None:
            return list(self.request.variants)
        asked, default = list(self.request.variants), self._settings(DEFAULT)
        if "all" in asked:
            asked = [name for name in (self.paper.variants if self.paper else {}) if self._settings(name) != default]
        return list(dict.fromkeys([DEFAULT, *(self._scale.variants if self._scale else ()), *asked]))

    @cached_property
    def rivals(self) -> list[Entry]:
        """The other methods to run beside the floors: the scale's, and all that are named if so asked."""
        names = list(self._scale.baselines if self._scale else ())
        if self.request.with_baselines and self.paper is not None:
            names += self.paper.methods
        left_out = {self.entry.key, *(floor.key for floor in self.catalog.floors())}
        return [self.catalog[name] for name in dict.fromkeys(names) if name not in left_out]

    @property
    def _scale(self) -> Scale | None:
        return self.paper.scales.get(self.request.scale) if self.paper else None

    def _check_networks(self) -> None:
        """Raise UserError where networks do not fit the pictures, or a script takes other inputs."""
        pretrained, facts = self.request.pretrained, DataFacts(256, 1)
        if pretrained is None and not self.entry.weights:
            self._check_resolutions()
            return
        if pretrained is not None:
            method = pretrained.build(pretrained.settings(self.request.scale, DEFAULT, self.sets), facts)
        else:
            method = build_method(self.entry, self.sets, facts, seed=0)
        fit = method.inpainter().sizes
        for side in (protocol.resolution for protocol in self.protocols()):
            if not fit.fit(side, side):
                where = f"scale {self.request.scale} of {self.host.key}"
                raise UserError(f"These networks take {fit}; {where} has {side}. Name another with --scale or --paper.")

    def _check_resolutions(self) -> None:
        """Raise UserError where the method refuses a resolution: building it tells, before any picture is packed."""
        asked = [name for name in self.request.variants if name != "all"]
        for variant in dict.fromkeys([DEFAULT, *asked]):
            values = overrides(self.paper, self.request.scale, variant) | self.sets
            for side in {protocol.resolution for protocol in self.protocols()}:
                build_method(self.entry, values, DataFacts(side, 1), seed=0)

    def _settings(self, variant: str) -> Settings | dict[str, Any]:
        if self.request.pretrained is not None:
            return self.request.pretrained.settings(self.request.scale, variant, self.sets)
        values = overrides(self.paper, self.request.scale, variant) | self.sets
        return build(self.entry.load().settings_class, values, self.request.key)

    def protocols(self) -> list[Protocol]:
        return scale_protocols(self.host, self.request.scale, self.request.data, self.request.mask_sets)

    def each_data(self) -> Iterator[tuple[Protocol, Data]]:
        for protocol in self.protocols():
            with self.progress.task(f"data {protocol.data_name}") as report:
                data = load(protocol, self.request.cache, lambda done, total, what: report(what, done, total))
            yield protocol, data

    def own(self, variants: Sequence[str] | None = None) -> list[Wanted]:
        """The method's own runs: each variant with each seed."""
        names = self.variants if variants is None else variants
        return [Wanted(self.entry, name, self.seeds, self.sets) for name in names]

    def wanted(self) -> list[Wanted]:
        """All runs of a reproduction, whatever the data: floors, the method's own, rivals with each seed."""
        floors = [Wanted(entry, DEFAULT, [0], {}) for entry in self.catalog.floors() if entry.key != self.entry.key]
        return [*floors, *self.own(), *(Wanted(entry, DEFAULT, self.seeds, {}) for entry in self.rivals)]

    def runs(self, protocol: Protocol, data: Data, variants: Sequence[str] | None = None) -> list[Experiment]:
        """The method's own runs under this protocol."""
        return [self.experiment(one, seed, protocol, data) for one in self.own(variants) for seed in one.seeds]

    def everything(self, protocol: Protocol, data: Data) -> list[Experiment]:
        """All runs of a reproduction under this protocol."""
        return [self.experiment(one, seed, protocol, data) for one in self.wanted() for seed in one.seeds]

    def experiment(self, wanted: Wanted, seed: int, protocol: Protocol, data: Data) -> Experiment:
        request = self.request
        return plan(
            wanted.entry,
            request.scale,
            protocol,
            data,
            request.out,
            self.fabric,
            variant=wanted.variant,
            sets=wanted.sets,
            seed=seed,
            lpips_folder=request.weights,
            options=request.options,
            host=self.host if self.host is not wanted.entry else None,
            pretrained=request.pretrained if wanted.entry is self.entry else None,
        )

    def make(self, force: bool = False) -> None:
        """Make every record that is missing."""
        for protocol, data in self.each_data():
            runs = self.everything(protocol, data)
            missing = [run for run in runs if force or run.complete() is None]
            self.console.print(
                f"{protocol.data_name}: {len(data.train.ids)} training and {len(data.test.ids)} test images of"
                f" {protocol.resolution}×{protocol.resolution}; {len(missing)} of {len(runs)} records to make",
                highlight=False,
            )
            for run in missing:
                run.make(self.progress, force)


def report(catalog: Catalog, key: str, out: Path, cache: Path, console: Console) -> list[Path]:
    """Judge and write the pages from the records under `out`, and print the leaderboards and verdicts."""
    entry = catalog[key]
    paper = entry.paper()
    floors = {floor.key for floor in catalog.floors()}
    records = current_records(catalog, out, {key, *floors, *(catalog.entries.keys() & paper.methods)})
    if not any(record.run.method == key for record in records):
        raise UserError(f"{out} holds no record of {key}. Make one: python -m bench reproduce {key}")
    pages = gather(key, paper, records, floors)
    paths = write_report(out, pages, floors, cache, f"python -m bench reproduce {key}")
    for chapter in pages.chapters:
        print_boards(console, chapter.boards, chapter.records)
        title = f"Claims, {chapter.run.protocol.data_name}, {chapter.run.scale} scale"
        print_verdicts(console, chapter.findings, title)
    print_verdicts(console, pages.settled, "Claims that need no measurement")
    if any(record.run.scale == "quick" for record in records):
        console.print(f"Ablations: python -m bench reproduce {key} --variant all   (or one: show {key} lists them)")
    return paths


def current_records(catalog: Catalog, out: Path, keys: set[str]) -> list[Record]:
    """The records under `out` of these methods, made by the code as it now is, and all from elsewhere, last."""
    code = {key: catalog[key].code() for key in keys}
    found = sorted(find_records(out), key=lambda record: record.run.origin != "run")

    def current(run: Run) -> bool:
        if run.origin == "run":
            return run.code == code.get(run.method)
        ours = run.origin == "pretrained" and run.method in catalog.entries
        return not ours or run.code == catalog[run.method].code(pretrained=True)

    return [record for record in found if record.run.numbers == NUMBERS and current(record.run)]
