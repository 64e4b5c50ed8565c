"""A campaign: requests for a queue. Which tasks they are, which of them are done or under way, which remain."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.cluster import slurm
from bench.cluster.array import SPARE, Array, arrange, data_of
from bench.cluster.profile import LOCAL, Placement, Profile
from bench.cluster.state import IN_FLIGHT, Watch
from bench.cluster.task import Task
from bench.contract.accepted import accepted
from bench.data import Data, packed
from bench.data.loading import to_pack
from bench.data.protocol import Protocol
from bench.methods.base import DataFacts, Method, Stage
from bench.methods.settings import DEFAULT
from bench.methods.torchscript import PREFIX
from bench.runs import rates
from bench.runs.building import build_method
from bench.runs.cached_training import training_settings, up_to_stages
from bench.runs.left import images_left, steps_left
from bench.runs.rates import Rate
from bench.runs.records import NUMBERS
from bench.runs.request import Request
from bench.runs.worklist import Worklist
from bench.training.device import open_fabric
from bench.training.processes import check_shared
from bench.util.errors import UserError
from bench.util.files import sha256
from bench.util.progress import Progress

SEGMENTS = 4
"""Jobs in a training's chain where nothing is known of how long it takes."""
ALL = 10**9
"""How protocols say `all images`."""


@dataclass(frozen=True)
class Campaign:
    """Requests, and where and how long they run. They differ in the method only, and all their paths are absolute."""

    requests: Sequence[Request]
    profile: Profile
    placement: Placement = field(default_factory=Placement)
    direct: bool = False
    """Whether one command on this machine is to make all runs, without a queue."""

    @property
    def request(self) -> Request:
        """For what all have in common."""
        return self.requests[0]

    @property
    def out(self) -> Path:
        return self.request.out


def campaign(requests: Sequence[Request], placement: Placement, direct: bool = False) -> Campaign:
    """Raises UserError for what is wrong with the profile, or cannot be queued."""
    for request in requests:
        if request.key.startswith(PREFIX) or request.networks:
            raise UserError(
                f"{request.key}: networks trained elsewhere are not queued. Score them here with `evaluate`."
            )
        if request.force:
            raise UserError("--force does not work with --cluster: delete the folders of the runs to redo.")
        if request.processes > 1:
            raise UserError("--processes is for this machine only. With --cluster, use --nodes and --gpus-per-node.")
    made = Campaign([request.rooted() for request in requests], placement.profile(), placement, direct)
    if made.profile.name != LOCAL:
        slurm.check_out(made.out)
    return made


@dataclass(frozen=True)
class Planned:
    """A task of a campaign, and what is known before it is submitted."""

    task: Task
    state: str = ""
    """Its state, where it has one; `done` also for a record that was made without a queue."""
    steps: Mapping[str, int] = field(default_factory=dict)
    """Training steps still to come, by stage."""
    images: Mapping[str, int] = field(default_factory=dict)
    """Images still to score, by mask set; none where it is not known yet how many there are. Of data: those to pack."""
    shared: Sequence[str] = ()
    """For each stage but the last, the hash of all that the networks at its end depend on: runs may take it over."""

    @property
    def to_do(self) -> bool:
        return self.state != "done" and self.state not in IN_FLIGHT


@dataclass
class Plan:
    """All tasks of a campaign."""

    campaign: Campaign
    tasks: list[Planned] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Why data sets cannot be had."""

    @property
    def to_do(self) -> list[Planned]:
        return [planned for planned in self.tasks if planned.to_do]

    @property
    def runs_to_do(self) -> list[Planned]:
        return [planned for planned in self.to_do if planned.task.kind == "run"]

    def rate(self, planned: Planned) -> Rate | None:
        """What is known of how long the steps and images of a task take."""
        profile = self.campaign.profile
        return rates.find(self.campaign.out, planned.task.rate_name, profile.gpus_of("train") > 0, profile.processes)

    def arrays(self) -> list[Array]:
        segments = {planned.task.id: self.segments(planned) for planned in self.to_do if planned.task.trains}
        return arrange([planned.task for planned in self.to_do], self.campaign.profile, segments)

    def segments(self, planned: Planned) -> int:
        """How many jobs the chain of a training has."""
        profile = self.campaign.profile
        fixed = self.campaign.placement.segments or profile.segments
        if fixed:
            return fixed
        rate = self.rate(planned)
        training = rate.cost("train", planned.steps, as_made=True) if rate else None
        if training is None:
            return SEGMENTS
        return ceil(training.wall / slurm.training_seconds(profile)) + SPARE


def make_plan(asked: Campaign, console: Console) -> Plan:
    """Everything that is known before anything is submitted. Raises UserError for what is wrong with the campaign."""
    planner = Planner(asked)
    found: dict[str, Planned] = {}
    reports: list[Planned] = []
    for request in asked.requests:
        # The device is for the jobs, not for this machine.
        with _named_in_errors(request, asked):
            work = accepted(request, Progress(console), open_fabric("cpu"))
            runs = list(planner.runs(work))
        found |= {planned.task.id: planned for planned in runs}
        if work.entry.reproducible and any(planned.to_do for planned in runs):
            reports.append(planner.report(request, runs))
    return Plan(asked, [*planner.packs(found.values()), *found.values(), *reports], list(planner.missing.values()))


@contextmanager
def _named_in_errors(request: Request, asked: Campaign) -> Iterator[None]:
    """Where several methods were asked for, an error says which of them it is about."""
    try:
        yield
    except UserError as error:
        if len(asked.requests) == 1 or request.key in str(error):
            raise
        raise UserError(f"{request.key}: {error}") from error


class Planner:
    """Makes tasks; looks at each data set, method and state once."""

    def __init__(self, asked: Campaign) -> None:
        self.campaign = asked
        self.states = {status.task.id: status.state for status in Watch(asked.out).all()}
        self.missing: dict[str, str] = {}
        self._data: dict[str, Data | None] = {}

    def runs(self, work: Worklist) -> Iterator[Planned]:
        """All runs of a reproduction; of a baseline its own only."""
        for protocol in work.protocols():
            for asked in work.everything() if work.entry.reproducible else work.own():
                yield from self.each_seed(work, protocol, asked)

    def packs(self, runs: Iterable[Planned]) -> list[Planned]:
        """The packing of data that runs need and nobody has packed."""
        tasks: dict[str, Planned] = {}
        for planned in runs:
            asked = data_of(planned.task)
            if planned.to_do and self._data[asked] is None and asked not in self.missing:
                tasks.setdefault(asked, self._pack(planned.task, asked))
        return list(tasks.values())

    def report(self, request: Request, runs: Sequence[Planned]) -> Planned:
        key = request.key
        name = f"report-{key}-{sha256(json.dumps(sorted(planned.task.id for planned in runs)).encode())[:8]}"
        return Planned(Task(id=name, kind="report", request=request), self._open_state(name))

    def _pack(self, run: Task, asked: str) -> Planned:
        protocol = run.protocol
        assert protocol is not None
        name = f"data-{protocol.data_name}-{protocol.resolution}-{sha256(asked.encode())[:8]}"
        task = Task(id=name, kind="data", request=run.request, protocol=protocol)
        return Planned(task, self._open_state(name), images={"image": len(to_pack(protocol, run.request.cache))})

    def _open_state(self, name: str) -> str:
        """The state of what is done again for every campaign."""
        state = self.states.get(name, "")
        return "" if state == "done" else state

    def each_seed(self, work: Worklist, protocol: Protocol, asked: Request) -> Iterator[Planned]:
        """One of these runs for each of its seeds."""
        entry = work.catalog[asked.key]
        values = work.values(asked)
        host = work.host.key if work.host is not entry else None
        # Jobs run in another folder, so paths must be absolute.
        request = asked.but(paper=host, data=(protocol.data,), changes=asked.changes | values.places)
        blank = Task(
            id="", kind="run", request=request, protocol=protocol, settings=values.settings, places=values.places
        )
        data = self._known_data(blank)
        facts = (
            data.facts if data else DataFacts(protocol.resolution, min(protocol.images, protocol.train_images or 10**6))
        )
        method = build_method(entry, values.placed, facts, 0)
        stages = method.stages()
        for stage in stages:
            check_shared(stage, method.settings, self.campaign.profile.processes)
        images = len(data.test) if data else protocol.test_images
        first = work.experiment(asked, asked.seeds[0], protocol, data) if data else None
        for seed in dict.fromkeys(asked.seeds):
            task = _named(blank, entry.code(), method, seed, bool(stages))
            state, steps = self.states.get(task.id, ""), {stage.name: stage.steps for stage in stages}
            left = dict.fromkeys(protocol.mask_set_names, images) if images < ALL else {}
            if first is not None:
                run = first.run.model_copy(update={"seed": seed})
                folder = run.folder(asked.out)
                steps, left = steps_left(folder, stages), images_left(folder, protocol, images)
                made = replace(first, run=run, folder=folder).complete() is not None
                state = "done" if made else "" if state == "done" else state
            yield Planned(task, state, steps, left, shared=_shared(task, entry.code(), method, seed, stages))

    def _known_data(self, task: Task) -> Data | None:
        """The packed data, or None where it is to be packed, or missing."""
        asked = data_of(task)
        if asked not in self._data:
            assert task.protocol is not None
            try:
                self._data[asked] = packed(task.protocol, task.request.cache)
            except UserError as error:
                self._data[asked] = None
                self.missing[asked] = str(error)
        return self._data[asked]


def _shared(task: Task, code: str, method: Method, seed: int, stages: Sequence[Stage]) -> list[str]:
    assert task.protocol is not None
    images, found = _images(task.protocol), up_to_stages(task.settings, method, stages)
    return [_hash(task.request.key, one, code, seed, images) for one in found]


def _images(protocol: Protocol) -> list[Any]:
    """What the images of a training depend on."""
    return [protocol.data, protocol.resolution, protocol.images, protocol.split, protocol.train_images]


def _named(blank: Task, code: str, method: Method, seed: int, trains: bool) -> Task:
    """A run's task, with its id and with that of its training: hashes of what they depend on."""
    assert blank.protocol is not None
    kept, protocol, request = training_settings(blank.settings, method), blank.protocol, blank.request
    training = _hash(request.key, kept, code, NUMBERS, seed, _images(protocol))
    variant = blank.variant
    own = _hash(request.key, variant, blank.settings, code, NUMBERS, seed, protocol.model_dump(mode="json"))
    plain = "" if variant == DEFAULT else "+" + re.sub(r"[^\w.,=-]+", "", variant)[:60]
    name = f"{request.key}{plain}-{protocol.data_name}-{request.scale}-seed{seed}-{own}"
    asked = request.but(seeds=(seed,))
    return blank.model_copy(update={"id": name, "request": asked, "trains": trains, "training": training})


def _hash(*parts: Any) -> str:
    return sha256(json.dumps(parts, sort_keys=True).encode())[:8]
