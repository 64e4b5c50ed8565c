"""What a plan costs: each thing once, however many runs share it, and only what is left of it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bench.cluster.campaign import Plan, Planned
from bench.cluster.profile import LOCAL
from bench.cluster.state import IN_FLIGHT
from bench.runs import rates
from bench.runs.meter import Spent
from bench.runs.probes import FILLS
from bench.runs.rates import Rate
from bench.runs.spotcheck import PICTURES

PARTS = ("training", "scoring", "packing", "starting processes")


@dataclass(frozen=True)
class Cost:
    """Of one task, as it goes on a machine with nothing else to do."""

    training: Spent = field(default_factory=Spent)
    scoring: Spent = field(default_factory=Spent)
    """Filling and scoring, probes, spot check, and what else makes a record."""

    @property
    def wall(self) -> float:
        return self.training.wall + self.scoring.wall


@dataclass
class Shared:
    """The trainings that runs may take over from others, and the stages: each is made once."""

    trainings: set[str] = field(default_factory=set)
    stages: set[str] = field(default_factory=set)
    """Of trainings in the making. One after the other, or side by side, runs wait for a stage that another one makes;
    jobs of a queue start together."""

    @classmethod
    def before(cls, tasks: Iterable[Planned]) -> "Shared":
        """What is done and lies there, or is under way. A record may be kept without its networks."""
        runs = [planned for planned in tasks if planned.task.trains]
        return cls({planned.task.training for planned in runs if planned.state in IN_FLIGHT or not planned.steps})

    def steps(self, planned: Planned) -> dict[str, int] | None:
        """The steps that a run would train itself, by stage; None where another one does all of it."""
        if not planned.task.trains or planned.task.training in self.trainings:
            return None
        taken = {name: 0 for name, key in zip(planned.steps, planned.shared, strict=False) if key in self.stages}
        return {**planned.steps, **taken}

    def add(self, planned: Planned, direct: bool) -> None:
        """The run is to be made."""
        if planned.task.trains:
            self.trainings.add(planned.task.training)
        if direct:
            self.stages.update(planned.shared)

    def copy(self) -> "Shared":
        return Shared(set(self.trainings), set(self.stages))


class Estimate:
    """Of all that a plan would do. `known` are rates by name, in place of those that lie under the plan's output."""

    def __init__(self, plan: Plan, known: Mapping[str, Rate] | None = None) -> None:
        self.plan, self.profile = plan, plan.campaign.profile
        found = {
            planned.task.id: plan.rate(planned) if known is None else known.get(planned.task.rate_name)
            for planned in plan.to_do
        }
        self.rates = {name: rate for name, rate in found.items() if rate is not None}

    @property
    def trainers(self) -> set[str]:
        """The runs that train: of several that share a training one, and none where that is done or under way."""
        return set(self.steps)

    @cached_property
    def steps(self) -> dict[str, dict[str, int]]:
        """Run -> the steps that it trains itself, by stage."""
        found: dict[str, dict[str, int]] = {}
        shared = Shared.before(self.plan.tasks)
        for planned in self.plan.runs_to_do:
            if (steps := shared.steps(planned)) is not None:
                found[planned.task.id] = steps
                shared.add(planned, self.plan.campaign.direct)
        return found

    def unknown(self) -> list[Planned]:
        """What nothing is known of, or nothing good where it is this machine's work; one of each kind."""
        missing = [planned for planned in self.plan.runs_to_do if self.of(planned) is None or self._doubtful(planned)]
        missing += [planned for planned in self._packs() if self._packing(planned) is None]
        return list({planned.task.rate_name: planned for planned in missing}.values())

    def _doubtful(self, planned: Planned) -> bool:
        rate = self.rates.get(planned.task.id)
        return self.profile.name == LOCAL and rate is not None and rate.doubtful

    def of(self, planned: Planned) -> Cost | None:
        """Of a run; None where nothing is known."""
        return self.cost(planned, self.steps.get(planned.task.id, {}))

    def cost(self, planned: Planned, steps: Mapping[str, int]) -> Cost | None:
        """Of a run that trains so many steps itself, by stage."""
        rate = self.rates.get(planned.task.id)
        if rate is None or planned.task.protocol is None:
            return None
        training = rate.cost("train", steps)
        scoring = self._scoring(rate, planned)
        return None if training is None or scoring is None else Cost(training, scoring)

    def _scoring(self, rate: Rate, planned: Planned) -> Spent | None:
        protocol = planned.task.protocol
        assert protocol is not None
        most = max(planned.images.values(), default=0)
        probed = dict.fromkeys(map(str, protocol.probes), min(protocol.probe_images, most))
        probes = rate.cost("probe", probed)
        if probes is None:  # as long as so many fills
            probes = rate.cost("score", {"probes": sum(FILLS[name] * probed[name] for name in protocol.probes)})
        scores, again = rate.cost("score", planned.images), rate.cost("score", {"spot check": min(PICTURES, most)})
        if scores is None or probes is None or again is None:
            return None
        return scores + probes + again + (rate.cost("rest", {"run": 1}) or Spent())

    def _packs(self) -> list[Planned]:
        return [planned for planned in self.plan.to_do if planned.task.kind == "data"]

    def _packing(self, planned: Planned) -> Spent | None:
        rate = self.rates.get(planned.task.id)
        return None if rate is None else rate.cost("pack", planned.images)

    def _starting(self) -> Spent:
        """Libraries take seconds to load. A command, or each job of a queue, is a process; spot checks have another."""
        start = rates.find(self.plan.campaign.out, rates.START)
        starts = 2 if self.plan.campaign.direct else sum(self._starts())
        return (start.cost("start", {"process": starts}) if start else None) or Spent()

    def _starts(self) -> Iterator[int]:
        for planned in self.plan.to_do:
            trains = planned.task.id in self.trainers
            yield (2 if planned.task.kind == "run" else 1) + (self.profile.processes if trains else 0)

    def seconds(self) -> dict[str, float]:
        """By PARTS: of the processor, or of all GPUs that jobs hold, on all their nodes, busy or not."""
        costs = [cost for planned in self.plan.runs_to_do if (cost := self.of(planned)) is not None]
        training = sum((cost.training for cost in costs), Spent())
        scoring = sum((cost.scoring for cost in costs), Spent())
        if gpus := self.profile.gpus_of("train"):
            return {"training": training.wall * gpus, "scoring": scoring.wall * self.profile.gpus_of("evaluate")}
        packing = sum((self._packing(planned) or Spent() for planned in self._packs()), Spent())
        return dict(zip(PARTS, (one.cpu for one in (training, scoring, packing, self._starting())), strict=True))
