"""Rounds: choose, make, judge, and choose again, until nothing that is open fits into the budget."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

from bench.api.reproduction import Reproduction, evidence, report
from bench.cluster.calibrate import calibrate
from bench.cluster.campaign import Planner, campaign
from bench.cluster.profile import Placement
from bench.cluster.show import span
from bench.runs.rates import Rate
from bench.runs.records import NUMBERS
from bench.runs.request import Request
from bench.runs.side_by_side import make
from bench.settling.journal import Journal, Round, read_journal
from bench.settling.price import Offer, Prices, first_round, gather_rates, offers, runs_at_once, unmeasured
from bench.settling.question import Question, Subject, Wanted, all_needs
from bench.settling.settlement import Settlement
from bench.settling.show import answered, counted, print_claims, print_nothing
from bench.util.files import locked
from bench.util.progress import Progress

WORTH_SECONDS = 30.0
"""Of a round, which are worth the start of further processes even where little is trained."""


class Settling:
    """Papers under one output folder, settled by this machine. The requests differ in their paper only."""

    def __init__(self, requests: Sequence[Request], progress: Progress) -> None:
        self.campaign, self.progress = campaign(requests, Placement(), direct=True), progress
        self.request, self.out = requests[0], requests[0].out
        self.subjects = {request.key: Subject(request, progress) for request in requests}
        self.at_once = runs_at_once(self.request, self.campaign.profile.gpus_of("train") > 0)

    def questions(self) -> list[Question]:
        """Judged by the records as they now are."""
        planner = Planner(self.campaign)
        return [one for subject in self.subjects.values() for one in subject.questions(planner)]

    def rates(self, measure: bool) -> dict[str, Rate]:
        """What is known of all contenders; with `measure`, the others are calibrated first."""
        planner = Planner(self.campaign)
        needs = [need for subject in self.subjects.values() for need in subject.contenders(planner)]
        known = gather_rates(self.campaign, needs)
        if measure and (unknown := unmeasured([need for need in needs if need.missing], known)):
            with self.progress.task(f"calibrate {len(unknown)} methods on this machine"):
                made = calibrate(unknown, self.out)
            for name, why in made.trouble.items():
                self.progress.line(f"No estimate of {name}: {why}")
            known = gather_rates(self.campaign, needs)
        return known

    def forecast(self, hours: float, measure: bool) -> tuple[list[Question], list[Offer]]:
        """All questions, and what those that runs may answer cost, as `settle` would begin."""
        for subject in self.subjects.values() if measure else ():
            subject.load(self.progress)
        journal, questions = read_journal(self.out, self._asked()), self.questions()
        known = journal.rates if journal else self.rates(measure)
        spent = journal.spent if journal else 0.0
        prices = Prices(self.campaign, questions, known, self.at_once)
        return questions, offers(questions, prices, 3600 * hours - spent)

    def settle(self, hours: float) -> Settlement:
        """Make runs for as long as the budget lasts, and the papers' pages. What earlier calls have spent counts."""
        with locked(self.out / "settling", self.progress.say):
            for subject in self.subjects.values():
                subject.load(self.progress)
            journal = read_journal(self.out, self._asked()) or self._begin()
            worked, told = self._go_on(journal), False
            while True:
                questions, budget = self.questions(), 3600 * hours - journal.spent
                found = offers(questions, Prices(self.campaign, questions, journal.rates, journal.at_once), budget)
                chosen = first_round(found, budget)
                if chosen and not told:
                    print_claims(self.progress.console, questions, found, hours, journal.at_once)
                if not chosen:
                    break
                worked = told = True
                journal.rounds.append(_round(chosen))
                journal.write(self.out)
                self._make(journal, questions, found)
            if not worked:
                print_nothing(self.progress.console, questions, found, hours, journal)
            return Settlement(self._reports(), questions, found, journal, hours, worked)

    def _begin(self) -> Journal:
        before = {question.id: str(question.finding.verdict) for question in self.questions()}
        return Journal(asked=self._asked(), at_once=self.at_once, rates=self.rates(measure=True), before=before)

    def _asked(self) -> dict[str, object]:
        """What a settlement's choices depend on, but for its hours, which may be raised."""
        subjects = self.subjects.values()
        keys = {key for one in subjects for key in (one.key, *one.floors, *one.paper.methods)}
        catalog = next(iter(subjects)).work.catalog
        code = {key: catalog[key].code() for key in sorted(keys & catalog.entries.keys())}
        shared = self.request.model_dump(mode="json", include={"scale", "data", "device", "threads"})
        return {"papers": sorted(self.subjects), "numbers": NUMBERS, "code": code, **shared}

    def _go_on(self, journal: Journal) -> bool:
        """Make what is left of the last round, if it was interrupted."""
        if not journal.rounds or not self._missing(journal.rounds[-1]):
            return False
        self.progress.line(f"Going on with round {len(journal.rounds)}")
        self._make(journal, self.questions(), [])
        return True

    def _missing(self, one: Round) -> list[Wanted]:
        return [wanted for wanted in one.runs if self.subjects[wanted.paper].job(wanted)[0].complete() is None]

    def _make(self, journal: Journal, questions: Sequence[Question], found: Sequence[Offer]) -> None:
        """The runs of the last round that are missing."""
        this, missing = journal.rounds[-1], self._missing(journal.rounds[-1])
        jobs = [self.subjects[wanted.paper].job(wanted) for wanted in missing]
        told = f"{answered(questions)} claims answered"
        what = f"{counted(len(jobs), 'run')} for {counted(len(this.questions), 'claim')}"
        self.progress.line(f"Round {len(journal.rounds)}: {what}; {told}")
        left = sum(one.seconds or 0.0 for one in found if one.taken) or this.estimated
        began, before, lock, done = time.monotonic(), this.took, threading.Lock(), 0

        def hear(folder: Path) -> None:
            nonlocal done
            with lock:
                done += 1
                this.took = before + time.monotonic() - began
                journal.write(self.out)
                rest = span(max(0.0, left - this.estimated * done / len(jobs)))
                self.progress.line(f"{done} of {len(jobs)} runs; {told}, about {rest} left")

        make(jobs, self.progress, hear, journal.at_once if this.estimated > WORTH_SECONDS else 0)

    def _reports(self) -> dict[str, Reproduction]:
        """The pages of each paper that has a record by now."""
        made = {}
        for key, subject in self.subjects.items():
            found = evidence(subject.work.catalog, subject.request)
            if any(record.run.method == key for record in found.records):
                made[key] = report(subject.work.catalog, subject.request)
        return made


def _round(chosen: Sequence[Offer]) -> Round:
    """The runs of these offers, each once, the longest first: a short one last leaves no core idle for long."""
    needs = all_needs([one.question for one in chosen])
    seconds = {name: each for one in chosen for name, each in one.each.items()}
    runs = [needs[name].wanted for name in sorted(seconds, key=lambda name: -seconds[name])]
    return Round(questions=[one.question.id for one in chosen], runs=runs, estimated=sum(seconds.values()))
