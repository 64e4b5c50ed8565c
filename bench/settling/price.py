"""What an answer costs: the runs that a claim lacks, beside those that are made for others anyway."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.cluster.campaign import Campaign, Plan
from bench.cluster.estimate import Estimate, Shared
from bench.cluster.task import Task
from bench.methods.settings import DEFAULT
from bench.runs.rates import Rate
from bench.runs.request import Request
from bench.settling.question import Need, Question, all_needs
from bench.util.processes import cores

ROUND_SHARE = 1 / 3
"""Of the budget that is left: what a round may take, so that its verdicts can direct the next."""
ROUND_SECONDS = 300.0
"""A round may always take so long: each starts its processes anew, and leaves cores idle at its end."""


@dataclass(frozen=True)
class Offer:
    """A question, and what its next look costs."""

    question: Question
    seconds: float | None
    """On the clock with all cores at work, beside the offers before it; None where nothing is known."""
    taken: bool
    """Whether it fits into the budget."""
    until: float
    """Seconds that it takes together with the offers before it."""
    adds: tuple[Need, ...]
    """Its runs that the offers before it do not make."""
    each: Mapping[str, float]
    """Their seconds, by id, where they are known."""


class Prices:
    """What runs would add to those that are bought already."""

    def __init__(self, asked: Campaign, questions: Sequence[Question], known: Mapping[str, Rate], at_once: int) -> None:
        """`known` are rates by name; `at_once` runs share the machine."""
        tasks = [need.planned for need in all_needs(questions).values()]
        self.estimate, self.direct, self.at_once = Estimate(Plan(asked, tasks), known), asked.direct, at_once
        self.shared = Shared.before(tasks)
        self.bought: set[str] = set()

    def of(self, lacks: Sequence[Need]) -> dict[str, float] | None:
        """The seconds that each of these runs adds to what is bought; None where they are not known."""
        shared, found = self.shared.copy(), dict[str, float]()
        for need in lacks:
            name = need.planned.task.id
            if name in self.bought:
                continue
            cost = self.estimate.cost(need.planned, shared.steps(need.planned) or {})
            if cost is None:
                return None
            found[name] = cost.wall / self.at_once
            shared.add(need.planned, self.direct)
        return found

    def buy(self, lacks: Sequence[Need]) -> None:
        """Later ones need not pay for these any more."""
        for need in lacks:
            if need.planned.task.id not in self.bought:
                self.bought.add(need.planned.task.id)
                self.shared.add(need.planned, self.direct)


def offers(questions: Sequence[Question], prices: Prices, budget: float, blind: bool = False) -> list[Offer]:
    """Every question that runs may answer, cheapest first; taken are those for which `budget` seconds last.

    `blind`: what nothing is known of is taken too.
    """
    found, until = list[Offer](), 0.0
    left = [question for question in questions if question.lacks]
    while left:
        priced = [(prices.of(question.lacks), question) for question in left]
        sums = [math.inf if more is None else sum(more.values()) for more, _ in priced]
        place = min(range(len(left)), key=sums.__getitem__)
        more, question = priced[place]
        until += sum(more.values()) if more is not None else 0.0
        taken = until <= budget if more is not None else blind
        adds = tuple(need for need in question.lacks if need.planned.task.id not in prices.bought)
        found.append(Offer(question, None if more is None else sums[place], taken, until, adds, more or {}))
        prices.buy(question.lacks)
        del left[place]
    return found


def first_round(found: Sequence[Offer], budget: float) -> list[Offer]:
    """Of the offers that are taken, those whose runs are made next, together."""
    most, chosen = max(ROUND_SECONDS, ROUND_SHARE * budget), list[Offer]()
    for one in found:
        if not one.taken or (chosen and sum(each.seconds or 0.0 for each in [*chosen, one]) > most):
            break
        chosen.append(one)
    return chosen


def gather_rates(asked: Campaign, needs: Sequence[Need]) -> dict[str, Rate]:
    """What is known of how long these runs take, by name. A variant that was never measured takes its method's time."""
    plan, known, usual = Plan(asked), dict[str, Rate](), dict[tuple[str, int], Rate]()
    for need in needs:
        name = need.planned.task.rate_name
        if name not in known and (rate := plan.rate(need.planned)) is not None:
            known[name] = rate
            usual.setdefault(_method(need), rate)
    stand_ins = {need.planned.task.rate_name: usual[_method(need)] for need in needs if _method(need) in usual}
    return stand_ins | known


def unmeasured(needs: Sequence[Need], known: Mapping[str, Rate]) -> list[Task]:
    """One task for each method that nothing is known of: as printed, where that is among them."""
    unknown = [need for need in needs if need.planned.task.rate_name not in known]
    ranked = sorted(unknown, key=lambda need: need.wanted.variant != DEFAULT)
    return list({_method(need): need.planned.task for need in reversed(ranked)}.values())


def _method(need: Need) -> tuple[str, int]:
    task = need.planned.task
    return task.request.key, task.protocol.resolution if task.protocol else 0


def runs_at_once(request: Request, gpu: bool) -> int:
    """How many runs share this machine."""
    if gpu or max(request.processes, request.threads) > 1:
        return 1
    return request.workers or cores()
