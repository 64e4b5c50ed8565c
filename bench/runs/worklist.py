"""The runs of a request, planned, checked and made: train → evaluate → record. Each reads what the one before wrote."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from lightning_fabric import Fabric

from bench.data import Data, told
from bench.data.protocol import Protocol
from bench.masks.names import check_mask_sets
from bench.masks.sets import mask_set
from bench.methods.base import DataFacts
from bench.methods.catalog import Entry
from bench.methods.pretrained import load_pretrained
from bench.methods.settings import DEFAULT, changes_for
from bench.methods.supplied import Values, chosen, hosted_by
from bench.methods.torchscript import find_called
from bench.paper.claims import key_and_variant
from bench.runs.building import build_method
from bench.runs.experiment import Experiment, plan
from bench.runs.packing import load_data
from bench.runs.records import Record
from bench.runs.replay import scale_protocols
from bench.runs.request import Request
from bench.training.device import open_fabric
from bench.util.errors import UserError
from bench.util.files import check_writable
from bench.util.progress import Progress


class Worklist:
    """The runs of a request. The constructor reports whatever is wrong with the request, before any work.

    `fabric`: where the runs are made, if not on the device and by the processes that the request names.
    """

    def __init__(self, request: Request, progress: Progress, fabric: Fabric | None = None) -> None:
        self.request, self.progress = request, progress
        self.catalog, self.entry = find_called(request.key, request.include, request.trust)
        self.paper = self.entry.description()
        self.host = self.catalog[request.paper] if request.paper else self.entry
        if request.paper:
            self.host.paper()
        self.pretrained = load_pretrained(self.entry, request.networks) if request.networks else None
        self.changes = changes_for(self.entry.key, request.changes, own=True)
        for variant in self.variants:
            self._settings(variant)
        self._check_networks()
        for spec in check_mask_sets(request.mask_sets):
            mask_set(spec)
        check_writable(request.out)
        self.fabric = fabric or self._open_fabric()

    def _open_fabric(self) -> Fabric:
        if self.request.processes == 1:
            return open_fabric(self.request.device)
        from bench.runs.workers import call

        return call(self.request.device, self.request.processes)

    @cached_property
    def variants(self) -> list[str]:
        """The method as printed, then the scale's variants and those asked for; `all` is every one that differs."""
        if self.pretrained is not None:
            return list(self.request.variants)
        asked, default = list(self.request.variants), self._settings(DEFAULT)
        if "all" in asked:
            asked = [name for name in (self.paper.variants if self.paper else {}) if self._settings(name) != default]
        also = self.paper.variants_at(self.request.scale) if self.paper else []
        return list(dict.fromkeys([DEFAULT, *also, *asked]))

    @cached_property
    def rivals(self) -> list[Request]:
        """The runs of other methods beside the floors: the scale's, and all that are named if so asked."""
        names = self.paper.baselines_at(self.request.scale) if self.paper else []
        if self.request.with_baselines and self.paper is not None:
            names += self.paper.rivals
        left_out = {self.entry.key, *(floor.key for floor in self.catalog.floors())}
        wanted = dict.fromkeys(key_and_variant(name) for name in names)
        return [self._other(self.catalog[key], self.seeds, variant) for key, variant in wanted if key not in left_out]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of a reproduction."""
        scale = self.paper.scales.get(self.request.scale) if self.paper else None
        return self.request.seeds_or(scale.seeds if scale else 1)

    def check_rivals(self) -> None:
        """Raise UserError for changes of methods that a reproduction does not run, and for settings that those that it
        does run do not have."""
        running = {asked.key for asked in self.rivals} | {floor.key for floor in self.catalog.floors()}
        for name in self.request.changes:
            who = name.rpartition(".")[0]
            if who and who != self.entry.key and self.catalog[who].key not in running:
                more = " Add --with-baselines." if self.paper and who in self.paper.methods else ""
                raise UserError(f"--set {name}: {who} is not among the methods that this runs.{more}")
        for asked in self.rivals:
            self.values(asked)

    def values(self, asked: Request) -> Values:
        """The settings of one of these runs, of this method or another."""
        hosted = hosted_by(self.host, asked.scale, asked.key)
        return chosen(self._entry(asked), asked.scale, asked.variant, asked.changes, hosted)

    def _entry(self, asked: Request) -> Entry:
        return self.entry if asked.key == self.request.key else self.catalog[asked.key]

    def _check_networks(self) -> None:
        """Raise UserError where networks do not fit the pictures, or a script takes other inputs."""
        pretrained, facts = self.pretrained, DataFacts(256, 1)
        if pretrained is None and not self.entry.weights:
            self._check_resolutions()
            return
        if pretrained is not None:
            method = pretrained.build(pretrained.settings(self.request.scale, DEFAULT, self.changes), facts)
        else:
            method = build_method(self.entry, self.changes, facts, seed=0)
        fit = method.inpainter().sizes
        for side in (protocol.resolution for protocol in self.protocols()):
            if not fit.fit(side, side):
                where = f"scale {self.request.scale} of {self.host.key}"
                raise UserError(
                    f"These networks take {fit}; {where} has {side}. Choose another with --scale or --paper."
                )

    def _check_resolutions(self) -> None:
        """Raise UserError where the method refuses a resolution: building it shows it, before any packing."""
        asked = [name for name in self.request.variants if name != "all"]
        for variant in dict.fromkeys([DEFAULT, *asked]):
            values = self.values(self.own([variant])[0])
            for side in {protocol.resolution for protocol in self.protocols()}:
                build_method(self.entry, values.placed, DataFacts(side, 1), seed=0)

    def _settings(self, variant: str) -> dict[str, Any]:
        if self.pretrained is not None:
            return self.pretrained.settings(self.request.scale, variant, self.changes)
        return self.values(self.own([variant])[0]).settings

    def protocols(self) -> list[Protocol]:
        request = self.request
        names: Sequence[str | None] = request.data or [None]
        return [one for name in names for one in scale_protocols(self.host, request.scale, name, request.mask_sets)]

    def each_data(self) -> Iterator[tuple[Protocol, Data]]:
        for protocol in self.protocols():
            data = load_data(protocol, self.request.cache, self.request.out, self.progress)
            for line in told(data):
                self.progress.say(line)
            yield protocol, data

    def own(self, variants: Sequence[str] | None = None) -> list[Request]:
        """The method's own runs: a request for each variant, which differ in their seed only.

        Named variants are those of `train` and `evaluate`, which make one training where no seeds are asked for.
        """
        names, seeds = (self.variants, self.seeds) if variants is None else (variants, self.request.seeds_or())
        return [self.request.but(variants=(name,), seeds=seeds, changes=self.changes) for name in names]

    def everything(self) -> list[Request]:
        """All runs of a reproduction, whatever the data: floors, the method's own, rivals with each seed."""
        floors = [self._other(entry, (0,)) for entry in self.catalog.floors() if entry.key != self.entry.key]
        return [*floors, *self.own(), *self.rivals]

    def of(self, method: str, variant: str, seeds: Sequence[int]) -> Request:
        """The runs of one contender: the method's own, in one variant, or another method's under its protocol."""
        if method == self.entry.key:
            return self.own([variant])[0].but(seeds=tuple(seeds))
        return self._other(self.catalog[method], seeds, variant)

    def _other(self, entry: Entry, seeds: Sequence[int], variant: str = DEFAULT) -> Request:
        """Another method, under this one's protocol."""
        changes = changes_for(entry.key, self.request.changes, own=False)
        return self.request.but(
            key=entry.key, paper=self.host.key, variants=(variant,), seeds=tuple(seeds), changes=changes, networks=()
        )

    def experiments(self, asked: Sequence[Request], protocol: Protocol, data: Data) -> list[Experiment]:
        return [self.experiment(one, seed, protocol, data) for one in asked for seed in dict.fromkeys(one.seeds)]

    def experiment(self, asked: Request, seed: int, protocol: Protocol, data: Data) -> Experiment:
        own, entry = asked.key == self.request.key, self._entry(asked)
        host = self.host if self.host is not entry else None
        return plan(entry, asked, seed, protocol, data, self.fabric, host, self.pretrained if own else None)

    def _alone(self) -> None:
        """Raise UserError for changes of other methods."""
        for name in self.request.changes:
            if name.rpartition(".")[0] not in ("", self.entry.key):
                raise UserError(f"--set {name}: only `reproduce` runs other methods beside {self.entry.key}.")

    def train(self) -> None:
        """Train the variant that is asked for, with each seed, on each data set."""
        self._alone()
        for protocol, data in self.each_data():
            for run in self.experiments(self.own([self.request.variant]), protocol, data):
                self.progress.line(f"Run: {run.folder}")
                run.train_only(self.progress)
                self.progress.line(f"Trained: {run.folder}")

    def evaluate(self) -> Iterator[Record]:
        """The records of the variants that are asked for, with each seed, on each data set."""
        self._alone()
        for protocol, data in self.each_data():
            for run in self.experiments(self.own(self.request.variants or [DEFAULT]), protocol, data):
                yield run.make(self.progress, self.request.force)

    def reproduce(self) -> None:
        """Make every record of a reproduction that is missing."""
        from bench.runs.side_by_side import Job, make

        asked = [(one, seed) for one in self.everything() for seed in dict.fromkeys(one.seeds)]
        for protocol, data in self.each_data():
            runs = [
                (self.experiment(one, seed, protocol, data), Job(self.request, one, seed, protocol))
                for one, seed in asked
            ]
            missing = [run for run in runs if self.request.force or run[0].complete() is None]
            self.progress.line(
                f"{protocol.data_name}: {len(data.train.ids)} training and {len(data.test.ids)} test images of"
                f" {protocol.resolution}×{protocol.resolution}; {len(missing)} of {len(runs)} records to create"
            )
            make(missing, self.progress)
