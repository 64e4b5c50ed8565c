"""`reproduce`: plan → train → evaluate → record → judge → report. Each step reads what the one before it wrote."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.catalog import Catalog, Entry
from bench.claims import Finding, judge
from bench.contenders import by_protocol
from bench.data import Data, load
from bench.errors import UserError
from bench.experiment import Experiment, plan
from bench.files import check_writable
from bench.inpainter import Settings
from bench.masks.names import check_suites
from bench.masks.suite import suite
from bench.progress import Progress
from bench.protocol import Protocol, ProtocolOverrides, protocols
from bench.records import NUMBERS, Record, find_records
from bench.report import print_leaderboard, print_verdicts, write_report
from bench.settings import DEFAULT, build, overrides
from bench.spec import Order
from bench.training.device import open_fabric
from bench.training.loop import Options


@dataclass(frozen=True)
class Request:
    """What a user asked for on the command line."""

    key: str
    out: Path
    cache: Path
    scale: str = "quick"
    data: str | None = None
    suites: Sequence[str] = ()
    variants: Sequence[str] = ()
    seeds: Sequence[int] = (0,)
    device: str = "auto"
    sets: dict[str, Any] = field(default_factory=dict)
    weights: Path | None = None
    options: Options = field(default_factory=Options)


class Reproduction:
    """The runs of a request. What can be wrong with the request is told by the constructor, before any work."""

    def __init__(self, catalog: Catalog, request: Request, console: Console) -> None:
        self.catalog, self.request, self.console = catalog, request, console
        self.entry = catalog[request.key]
        self.paper = self.entry.paper() if self.entry.is_paper else None
        self.progress = Progress(console)
        for variant in self.variants:
            self._settings(variant)
        for spec in check_suites(request.suites):
            suite(spec)
        check_writable(request.out)
        self.fabric = open_fabric(request.device)

    @cached_property
    def variants(self) -> list[str]:
        """The method as printed, then the variants asked for; `all` means every one that differs at this scale."""
        asked, default = list(self.request.variants), self._settings(DEFAULT)
        if "all" in asked:
            asked = [name for name in (self.paper.variants if self.paper else {}) if self._settings(name) != default]
        return list(dict.fromkeys([DEFAULT, *asked]))

    def _settings(self, variant: str) -> Settings:
        values = overrides(self.paper, self.request.scale, variant) | self.request.sets
        return build(self.entry.load().settings_class, values, self.request.key)

    def protocols(self) -> list[Protocol]:
        request = self.request
        scale = self.paper.scales.get(request.scale) if self.paper else None
        return protocols(request.scale, scale.protocol if scale else ProtocolOverrides(), request.data, request.suites)

    def each_data(self) -> Iterator[tuple[Protocol, Data]]:
        for protocol in self.protocols():
            with self.progress.task(f"data {protocol.data_name}") as report:
                data = load(protocol, self.request.cache, lambda done, total, what: report(what, done, total))
            yield protocol, data

    def runs(self, protocol: Protocol, data: Data, variants: Sequence[str] | None = None) -> list[Experiment]:
        """The method's own runs: each variant with each seed."""
        names = self.variants if variants is None else variants
        return [
            self._plan(self.entry, protocol, data, name, seed, self.request.sets)
            for name in names
            for seed in self.request.seeds
        ]

    def floors(self, protocol: Protocol, data: Data) -> list[Experiment]:
        others = [entry for entry in self.catalog.floors() if entry.key != self.entry.key]
        return [self._plan(entry, protocol, data, DEFAULT, 0, {}) for entry in others]

    def _plan(
        self, entry: Entry, protocol: Protocol, data: Data, variant: str, seed: int, sets: dict[str, Any]
    ) -> Experiment:
        request = self.request
        return plan(
            entry,
            request.scale,
            protocol,
            data,
            request.out,
            self.fabric,
            variant=variant,
            sets=sets,
            seed=seed,
            lpips_folder=request.weights,
            options=request.options,
        )

    def make(self, force: bool = False) -> None:
        """Make every record that is missing."""
        for protocol, data in self.each_data():
            runs = [*self.floors(protocol, data), *self.runs(protocol, data)]
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
    named = [side for claim in paper.claims if isinstance(claim, Order) for side in (claim.better, claim.worse)]
    others = {side.removeprefix("method:") for side in named if side.startswith("method:")}
    records = current_records(catalog, out, {key, *floors, *(others & catalog.entries.keys())})
    if not any(record.run.method == key for record in records):
        raise UserError(f"{out} holds no record of {key}. Make one: python -m bench reproduce {key}")
    paths = write_report(out, key, paper, records, floors, cache, f"python -m bench reproduce {key}")
    settled: list[Finding] = []
    for group in by_protocol(records):
        if any(record.run.method == key and record.run.origin == "run" for record in group):
            run = group[0].run
            findings = judge(paper, key, group, floors)
            settled = [finding for finding in findings if not finding.depends_on_data]
            print_leaderboard(console, key, group, floors)
            measured = [finding for finding in findings if finding.depends_on_data]
            print_verdicts(console, measured, f"Claims, {run.protocol.data_name}, {run.scale} scale")
    print_verdicts(console, settled, "Claims that need no measurement")
    if any(record.run.scale == "quick" for record in records):
        console.print(f"Ablations: python -m bench reproduce {key} --variant all   (or one: show {key} lists them)")
    return paths


def current_records(catalog: Catalog, out: Path, keys: set[str]) -> list[Record]:
    """The records under `out` of these methods, made by the code as it now is, and all scored from pictures, last."""
    code = {key: catalog[key].code() for key in keys}
    found = sorted(find_records(out), key=lambda record: record.run.origin == "external")
    return [
        record
        for record in found
        if record.run.numbers == NUMBERS
        and (record.run.origin == "external" or record.run.code == code.get(record.run.method))
    ]
