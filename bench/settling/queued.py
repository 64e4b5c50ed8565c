"""`settle --cluster`: one round of a settlement as arrays in a queue. The queue's own files say what is under way."""

from collections.abc import Sequence

from rich.console import Console

from bench.cluster.campaign import Campaign, Plan, Planner, campaign
from bench.cluster.plan import print_arrays
from bench.cluster.profile import Placement, warnings
from bench.cluster.show import print_submitted
from bench.cluster.submit import submit
from bench.runs.request import Request
from bench.settling.price import Offer, Prices, gather_rates, offers
from bench.settling.question import Question, Subject, all_needs
from bench.settling.show import answered, print_claims, say
from bench.util.progress import Progress

AGAIN = "Once they are done, the same command judges them and submits what is then missing."


class QueuedRound:
    """Papers under one output folder, and what one submission may do for their open claims."""

    def __init__(self, requests: Sequence[Request], hours: float, placement: Placement, console: Console) -> None:
        self.asked, self.hours = campaign(requests, placement), hours
        self.subjects = [Subject(one, Progress(console), direct=False) for one in self.asked.requests]
        self.questions: list[Question] = []
        self.found: list[Offer] = []

    def plan(self, asked: Campaign, console: Console) -> Plan:
        """The runs of all offers within the budget, with the packs and reports that go with them."""
        planner = Planner(asked)
        self.questions = [one for subject in self.subjects for one in subject.questions(planner)]
        needs = all_needs(self.questions)
        prices = Prices(asked, self.questions, gather_rates(asked, list(needs.values())), 1)
        self.found = offers(self.questions, prices, 3600 * self.hours, blind=True)
        chosen = all_needs([one.question for one in self.found if one.taken])
        runs = {name: need.planned for name, need in chosen.items() if need.missing}
        reports = []
        for subject in self.subjects:
            own = [runs[name] for name, need in chosen.items() if name in runs and need.wanted.paper == subject.key]
            if any(one.to_do for one in own):
                reports.append(planner.report(subject.request, own))
        return Plan(asked, [*planner.packs(runs.values()), *runs.values(), *reports], list(planner.missing.values()))


def settle_queued(
    requests: Sequence[Request], hours: float, placement: Placement, console: Console, dry_run: bool = False
) -> None:
    """Submit the runs that open claims lack, as far as `hours` of processors or GPUs last by what is known of them.

    What is under way is not submitted twice. Runs of which nothing is known count nothing.
    """
    work = QueuedRound(requests, hours, placement, console)
    for text in warnings(work.asked.profile):
        say(console, f"Warning: {text}.")
    say(console, f"Output: {work.asked.out}")
    if dry_run:
        plan = work.plan(work.asked, console)
        for text in plan.missing:
            say(console, f"Missing data: {text}")
        print_claims(console, work.questions, work.found, hours, 1)
        print_arrays(console, plan)
        return
    plan, submission = submit(work.asked, console, work.plan)
    print_claims(console, work.questions, work.found, hours, 1)
    if submission is not None:
        print_submitted(console, submission, work.asked.out, [planned.task.id for planned in plan.to_do])
        say(console, AGAIN)
    elif plan.tasks:
        say(console, f"Nothing to submit: all {len(plan.tasks)} runs are under way. {AGAIN}")
    else:
        say(console, f"Nothing to submit: {answered(work.questions)} claims are answered.")
    say(console, f"Output: {work.asked.out}")
