"""A claim under one protocol as a question: how it stands, and which runs its answer needs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from bench.api.reproduction import evidence
from bench.claims import FEWEST_GROUPS, OWN, Finding, Verdict, judge
from bench.claims.contenders import by_protocol, contest
from bench.cluster.campaign import Planned, Planner
from bench.contract.accepted import accepted
from bench.contract.reach import beyond, measured, metrics_of
from bench.data import Data, packed
from bench.data.protocol import Protocol
from bench.methods.settings import DEFAULT
from bench.metrics import Lpips
from bench.paper import Claim, Trace
from bench.paper.claims import BEST_FLOOR, contender_of
from bench.runs.experiment import Experiment
from bench.runs.packing import load_data
from bench.runs.request import Request
from bench.runs.side_by_side import Job
from bench.training.device import open_fabric
from bench.util.errors import UserError
from bench.util.progress import Progress


class Wanted(BaseModel):
    """One run of a contender, under a paper's protocol."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    paper: str
    data: str
    """As the protocol names it."""
    method: str
    variant: str
    seed: int


@dataclass(frozen=True)
class Need:
    """A run that a question needs, and how far it is."""

    wanted: Wanted
    planned: Planned

    @property
    def missing(self) -> bool:
        return self.planned.state != "done"


@dataclass(frozen=True)
class Question:
    """A claim of a paper under one protocol."""

    paper: str
    finding: Finding
    protocol: Protocol
    needs: tuple[Need, ...] = ()
    """For the next look at it; none where no run answers it, or where it is answered."""
    hindrance: str = ""
    """Why no run under this protocol answers it."""

    @property
    def id(self) -> str:
        return f"{self.paper} {self.finding.claim.id} {self.protocol.data_name}"

    @property
    def lacks(self) -> list[Need]:
        return [need for need in self.needs if need.missing]

    @property
    def answered(self) -> bool:
        return self.finding.decisive

    @property
    def why_not(self) -> str:
        """Why no run answers it, where none does; else empty."""
        if self.answered or self.lacks:
            return ""
        if self.finding.verdict == Verdict.NOT_COMPARABLE:
            return self.finding.why.partition(":")[0]  # the page lists the differences
        return self.hindrance or self.finding.why


class Subject:
    """A paper whose claims are to be settled. With `direct` its runs are made here, by this process or others."""

    def __init__(self, request: Request, progress: Progress, direct: bool = True) -> None:
        # Queued runs have their own device.
        self.request, self.work = request, accepted(request, progress, None if direct else open_fabric("cpu"))
        self.key, self.paper = request.key, self.work.entry.paper()
        self.floors = {floor.key for floor in self.work.catalog.floors()}
        self.data: dict[str, Data | None] = {}
        self.protocols = {protocol.data: protocol for protocol in self.work.protocols()}

    def load(self, progress: Progress) -> None:
        """Have all data packed."""
        for name, protocol in self.protocols.items():
            self.data[name] = load_data(protocol, self.request.cache, self.request.out, progress)

    def questions(self, planner: Planner) -> list[Question]:
        """All that measurements can answer, in the paper's order."""
        found = evidence(self.work.catalog, self.request)
        groups = {contest(group[0].run): group for group in by_protocol(found.records)}
        claims = {claim.id for claim in measured(self.paper)}
        listed, needs = [], Needs(self, planner)
        for protocol in self.protocols.values():
            data = self._data(protocol)
            records = groups.get(self._contest(protocol, data), []) if data else []
            for finding in judge(self.paper, self.key, records, self.floors, found.places):
                if finding.claim.id in claims:
                    listed.append(self._question(finding, protocol, needs))
        return listed

    def _question(self, finding: Finding, protocol: Protocol, needs: "Needs") -> Question:
        if finding.decisive:
            return Question(self.key, finding, protocol)
        if why := self._hindrance(finding.claim, protocol):
            return Question(self.key, finding, protocol, hindrance=why)
        return Question(self.key, finding, protocol, tuple(needs.of(finding, protocol)))

    def _hindrance(self, claim: Claim, protocol: Protocol) -> str:
        if why := beyond(claim, self.paper, self.request.scale, protocol):
            return why
        if "lpips" in metrics_of(claim, self.paper) and Lpips.open(self.request.lpips) is None:
            return f"LPIPS cannot be measured: {Lpips.missing()}"
        groups = len(set(data.test.groups)) if (data := self._data(protocol)) else FEWEST_GROUPS
        if groups < FEWEST_GROUPS and not isinstance(claim, Trace):
            return f"{groups} independent groups of images are too few; at least {FEWEST_GROUPS} are needed"
        return ""

    def _data(self, protocol: Protocol) -> Data | None:
        """The packed data; None where they would have to be packed, or had, first."""
        if protocol.data not in self.data:
            try:
                self.data[protocol.data] = packed(protocol, self.request.cache)
            except UserError:
                self.data[protocol.data] = None
        return self.data[protocol.data]

    def _contest(self, protocol: Protocol, data: Data) -> str:
        return contest(self.work.experiment(self.work.of(self.key, DEFAULT, (0,)), 0, protocol, data).run)

    def contenders(self, planner: Planner) -> list[Need]:
        """One run of each contender of a claim that runs may answer."""
        needs = Needs(self, planner)
        return [
            need
            for protocol in self.protocols.values()
            for claim in measured(self.paper)
            if not self._hindrance(claim, protocol)
            for need in needs.first(claim, protocol)
        ]

    def sides(self, claim: Claim) -> list[tuple[str, str]]:
        """Method and variant of all contenders: the floors too, which every page shows."""
        sides = [contender_of(side, self.key) for side in claim.sides or (OWN,) if side != BEST_FLOOR]
        floors = [(floor.key, DEFAULT) for floor in self.work.catalog.floors()]
        return list(dict.fromkeys([*floors, *sides]))

    def job(self, wanted: Wanted) -> tuple[Experiment, Job]:
        """A run, as `reproduce` would make it. The data are packed."""
        protocol = self.protocols[wanted.data]
        data = self._data(protocol)
        assert data is not None
        asked = self.work.of(wanted.method, wanted.variant, (wanted.seed,))
        return self.work.experiment(asked, wanted.seed, protocol, data), Job(self.request, asked, wanted.seed, protocol)


class Needs:
    """The runs that claims need; each contender is looked at once."""

    def __init__(self, subject: Subject, planner: Planner) -> None:
        self.subject, self.planner = subject, planner
        self._known: dict[tuple[str, str, str, int], list[Need]] = {}

    def of(self, finding: Finding, protocol: Protocol) -> Iterator[Need]:
        """All runs for the next look at a claim; none where more of them answer nothing."""
        for method, variant in self.subject.sides(finding.claim) if finding.seeds else ():
            count = 1 if method in self.subject.floors else finding.seeds
            yield from self._seeds(protocol, method, variant, count)

    def first(self, claim: Claim, protocol: Protocol) -> Iterator[Need]:
        """One run of each side."""
        for method, variant in self.subject.sides(claim):
            yield from self._seeds(protocol, method, variant, 1)

    def _seeds(self, protocol: Protocol, method: str, variant: str, count: int) -> list[Need]:
        asked = (protocol.data, method, variant, count)
        if asked not in self._known:
            work, key = self.subject.work, self.subject.key
            runs = self.planner.each_seed(work, protocol, work.of(method, variant, range(count)))
            self._known[asked] = [
                Need(Wanted(paper=key, data=protocol.data, method=method, variant=variant, seed=seed), planned)
                for seed, planned in enumerate(runs)
            ]
        return self._known[asked]


def all_needs(questions: Sequence[Question]) -> Mapping[str, Need]:
    """Each run once, by its id: papers may share them."""
    return {need.planned.task.id: need for question in reversed(questions) for need in question.needs}
