"""What `settle`, `plan` and `reproduce` say of open claims: one table, one sentence."""

from collections.abc import Collection, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.cluster.show import span
from bench.methods.settings import DEFAULT
from bench.paper.arithmetic import and_list
from bench.settling.journal import Journal
from bench.settling.price import Offer
from bench.settling.question import Need, Question
from bench.settling.settlement import Settlement, hours_up


def answered(questions: Sequence[Question]) -> str:
    """`12 of 31`."""
    return f"{sum(one.answered for one in questions)} of {len(questions)}"


def print_claims(
    console: Console, questions: Sequence[Question], found: Sequence[Offer], hours: float | None, at_once: int
) -> None:
    """Which claims are open, what they lack and what that costs, cheapest first; then those that no run answers.

    `hours` is the budget, None where there is none.
    """
    say(console, f"Claims that a measurement can answer: {answered(questions)} are answered.")
    if found:
        console.print(_table(found, {one.paper for one in questions}, hours is not None))
    for why, names in _hopeless(questions).items():
        say(console, f"No further run answers {and_list(names)}: {why}")
    if found:
        say(console, _sum(found, hours, at_once))


def _table(found: Sequence[Offer], papers: Collection[str], budget: bool) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for name in ("claim", "verdict now", "further runs", "cost", *(["budget"] if budget else [])):
        table.add_column(name, justify="right" if name == "cost" else "left", overflow="fold")
    for one in found:
        cost = "?" if one.seconds is None else span(one.seconds)
        row = [_name(one.question, papers), str(one.question.finding.verdict), further_runs(one.adds), cost]
        style = "" if one.taken or not budget else "dim"
        table.add_row(*map(Text, row), *([Text("in" if one.taken else "out")] if budget else []), style=style)
    return table


def _name(question: Question, papers: Collection[str]) -> str:
    """With its paper where there are several."""
    name, data = question.finding.claim.id, question.protocol.data_name
    name = name if data == "faces" else f"{name} ({data})"
    return f"{question.paper} {name}" if len(papers) > 1 else name


def further_runs(needs: Sequence[Need]) -> str:
    """`p and no_gan, seeds 0 to 2; 6 floors`."""
    trained: dict[tuple[int, ...], list[str]] = {}
    floors, seeds = [], dict[str, list[int]]()
    for need in needs:
        if need.planned.task.trains:
            seeds.setdefault(_contender(need), []).append(need.wanted.seed)
        else:
            floors.append(_contender(need))
    for name, each in seeds.items():
        trained.setdefault(tuple(sorted(each)), []).append(name)
    parts = [f"{and_list(names)}, {_seeds(each)}" for each, names in trained.items()]
    return (
        "; ".join([*parts, *([f"{len(floors)} floors" if len(floors) > 1 else floors[0]] if floors else [])])
        or "those above"
    )


def _contender(need: Need) -> str:
    one = need.wanted
    if one.method == one.paper:
        return one.paper if one.variant == DEFAULT else one.variant
    return one.method if one.variant == DEFAULT else f"{one.method}/{one.variant}"


def _seeds(each: Sequence[int]) -> str:
    if len(each) == 1:
        return f"seed {each[0]}"
    if list(each) == list(range(each[0], each[-1] + 1)) and len(each) > 2:
        return f"seeds {each[0]} to {each[-1]}"
    return f"seeds {and_list([str(seed) for seed in each])}"


def _hopeless(questions: Sequence[Question]) -> dict[str, list[str]]:
    """Open questions that no run answers, by the reason."""
    found, papers = dict[str, list[str]](), {one.paper for one in questions}
    for one in questions:
        if why := one.why_not:
            found.setdefault(why, []).append(_name(one, papers))
    return found


def _sum(found: Sequence[Offer], hours: float | None, at_once: int) -> str:
    crew = f"{at_once} runs at a time" if at_once > 1 else "one run at a time"
    taken = [one for one in found if one.taken]
    runs, seconds = sum(len(one.adds) for one in taken), sum(one.seconds or 0.0 for one in taken)
    what = f"{counted(runs, 'run')} that may answer {counted(len(taken), 'claim')}"
    text = f"To run: {what}, about {span(seconds)} with {crew}"
    if hours is None:
        return f"{text}."
    text += f" (budget {hours:g} h)."
    out = [one for one in found if not one.taken]
    if not out:
        return text
    more = sum(one.seconds or 0.0 for one in out)
    return f"{text} Out of it: {counted(len(out), 'claim')}, {span(more)} more."


def counted(count: int, what: str) -> str:
    """`1 claim`, `2 claims`."""
    return f"{count} {what}{'s' if count != 1 else ''}"


def print_nothing(
    console: Console, questions: Sequence[Question], found: Sequence[Offer], hours: float, journal: Journal
) -> None:
    """One line: why there is nothing to do."""
    text = f"Nothing to do: {answered(questions)} claims are answered"
    priced = [one.seconds for one in found if one.seconds is not None]
    if not found:
        say(console, f"{text}, and no run answers the others." if answers_left(questions) else f"{text}.")
    elif priced:
        enough = hours_up(journal.spent + priced[0])
        say(console, f"{text} within {hours:g} h; the next takes {span(priced[0])}: --hours {enough} reaches it.")
    else:
        say(console, f"{text}; nothing is known of how long the others' runs take.")


def answers_left(questions: Sequence[Question]) -> bool:
    return any(not one.answered for one in questions)


def print_settlement(console: Console, made: Settlement) -> None:
    """What was decided, what was not and why, hours spent; nothing where this call had nothing to do."""
    if not made.worked:
        return
    for one in made.newly:
        say(console, f"Answered: {_name(one, {each.paper for each in made.questions})}: {one.finding.said}")
    for why, names in _open(made).items():
        say(console, f"Open: {and_list(names)}: {why}")
    spent = f"{span(made.journal.spent)} of the budget of {made.hours:g} h by estimate"
    rounds = counted(len(made.journal.rounds), "round")
    clock = f"{span(made.journal.took)} on the clock"
    say(console, f"{answered(made.questions)} claims answered after {rounds}: {spent}, {clock}.")


def _open(made: Settlement) -> dict[str, list[str]]:
    """Names by the reason: first what more hours reach, in their order."""
    found, papers = dict[str, list[str]](), {one.paper for one in made.questions}
    reached = [one.question for one in made.offers]
    known = {one.id for one in reached}
    for one in [*reached, *(one for one in made.questions if one.id not in known and not one.answered)]:
        found.setdefault(made.why(one), []).append(_name(one, papers))
    return found


def hint(found: Sequence[Offer], words: str) -> str:
    """What `settle`, by the command `words`, would do about open claims, and how long that takes where it is known."""
    timed, text = (
        [one for one in found if one.seconds is not None],
        f"More runs may answer {counted(len(found), 'claim')}",
    )
    if not timed:
        return f"{text}: {words}"
    cost = f"about {span(timed[-1].until)}" + (f" for {len(timed)} of them" if len(timed) < len(found) else "")
    return f"{text}, {cost}: {words} --hours {hours_up(timed[-1].until)}"


def say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
