"""What a plan costs: each thing once, however many runs share it, and only what is left of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from bench.cluster.campaign import Plan, Planned
from bench.cluster.profile import LOCAL
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


class Estimate:
    """Of all that a plan would do."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self.profile = plan, plan.campaign.profile
        self.rates = {planned.task.id: rate for planned in plan.to_do if (rate := plan.rate(planned)) is not None}

    @cached_property
    def trainers(self) -> set[str]:
        """The runs that train: of several that share a training one, and none where that is done or under way."""
        runs = [planned for planned in self.plan.tasks if planned.task.trains]
        theirs = {planned.task.training for planned in runs if not planned.to_do or not planned.steps}
        first = {planned.task.training: planned.task.id for planned in reversed(runs)}
        return {name for training, name in first.items() if training not in theirs}

    @cached_property
    def steps(self) -> dict[str, dict[str, int]]:
        """Run -> the steps that it trains itself, by stage. One after the other, or side by side, runs take stages over
        that others have made; jobs of a queue start together."""
        found: dict[str, dict[str, int]] = {}
        made: set[str] = set()
        for planned in self.plan.runs_to_do:
            if planned.task.id in self.trainers:
                steps = dict(planned.steps)
                if self.plan.campaign.direct:
                    steps |= {name: 0 for name, key in zip(steps, planned.shared, strict=False) if key in made}
                    made.update(planned.shared)
                found[planned.task.id] = steps
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
        rate = self.rates.get(planned.task.id)
        if rate is None or planned.task.protocol is None:
            return None
        training = rate.cost("train", self.steps.get(planned.task.id, {}))
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
