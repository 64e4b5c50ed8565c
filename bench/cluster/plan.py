"""`plan` and `--dry-run`: what is there, what would run, what it costs, what is missing, the exact batch scripts."""

import os
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from bench.cluster import slurm
from bench.cluster.array import Array, Submission
from bench.cluster.calibrate import calibrate
from bench.cluster.campaign import Campaign, Plan, Planned, make_plan
from bench.cluster.estimate import Estimate
from bench.cluster.profile import LOCAL, Profile
from bench.cluster.show import span
from bench.methods.catalog import find as find_methods
from bench.methods.settings import DEFAULT
from bench.metrics.weights import TRUNKS, find, reason
from bench.paper.arithmetic import and_list
from bench.runs import rates
from bench.runs.side_by_side import at_once

DRY = "dry-run"


def print_plan(console: Console, asked: Campaign) -> None:
    """Everything but the submission itself."""

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    plan = make_plan(asked, console)
    if not plan.missing:
        _calibrate(console, plan)
    estimate = Estimate(plan)
    say(f"Output: {asked.out}")
    for text in plan.missing:
        say(f"Missing data: {text}")
    for planned in plan.to_do:
        if planned.task.kind == "data" and planned.task.protocol is not None:
            first = "that is done first" if asked.direct else "a separate job does that first"
            say(f"Data: {planned.task.protocol.data} is not packed yet; {first}")
    trunk = TRUNKS["lpips"]
    weights = find(trunk, asked.request.lpips)
    say(f"LPIPS weights: {weights or reason(trunk, asked.request.lpips)}")
    console.print(_table(plan, estimate))
    for text in _trainings(plan):
        say(text)
    say(_cost(plan, estimate))
    if not asked.direct:
        print_arrays(console, plan)


def _calibrate(console: Console, plan: Plan) -> None:
    """Measure on this machine what no run has recorded."""
    unknown = [planned.task for planned in Estimate(plan).unknown()]
    if not unknown and (not plan.runs_to_do or rates.find(plan.campaign.out, rates.START)):
        return
    with console.status(f"calibrating {len(unknown)} methods and data sets on this machine"):
        made = calibrate(unknown, plan.campaign.out)
    for name, why in made.trouble.items():
        console.print(f"No estimate of {name}: {why}", highlight=False, markup=False, soft_wrap=True)
    if made.share < rates.BUSY:
        load = f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} processors"
        text = f"This machine is busy ({load}): the calibration got {100 * made.share:.0f} % of one processor."
        console.print(f"{text} Its processor time counts, as on a quiet machine.", highlight=False, soft_wrap=True)


def _table(plan: Plan, estimate: Estimate) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("method", "data", "runs", "done", "under way", "to run", "each", "by", "segments"):
        table.add_column(name, justify="right" if name in ("runs", "done", "under way", "to run", "each") else "left")
    for (method, data), group in _groups(plan).items():
        todo = [planned for planned in group if planned.to_do]
        done = sum(planned.state == "done" for planned in group)
        row = [method, data, str(len(group)), str(done), str(len(group) - len(todo) - done), str(len(todo))]
        if todo:
            costs = [cost.wall for planned in todo if (cost := estimate.of(planned)) is not None]
            segments = str(plan.segments(todo[0])) if todo[0].task.trains and not plan.campaign.direct else ""
            by = str(estimate.rates.get(todo[0].task.id, ""))
            row += [span(sum(costs) / len(costs)) if costs else "?", by, segments]
        table.add_row(*row)
    return table


def _groups(plan: Plan) -> dict[tuple[str, str], list[Planned]]:
    groups: dict[tuple[str, str], list[Planned]] = {}
    for planned in plan.tasks:
        task = planned.task
        if task.kind == "run" and task.protocol is not None:
            key = task.request.key
            name = key if task.variant == DEFAULT else f"{key} ({task.variant})"
            groups.setdefault((name, task.protocol.data_name), []).append(planned)
    return groups


def _trainings(plan: Plan) -> Iterator[str]:
    """For each paper how many trainings there are, done or not, with which seeds, and what its paper.toml says of their
    cost."""
    for request in plan.campaign.requests:
        entry, tasks = find_methods(request.include)[request.key], [one.task for one in plan.tasks if one.task.trains]
        runs = [one for one in tasks if request.key in (one.request.key, one.request.paper)]
        if entry.is_paper and runs:
            trained = len({(one.training, *one.request.seeds) for one in runs})
            seeds = sorted({seed for one in runs for seed in one.request.seeds})
            cost = entry.paper().scales[request.scale].cost
            listed = and_list([str(seed) for seed in seeds])
            what = f"{trained} training{'s' if trained != 1 else ''}, seed{'s' if len(seeds) > 1 else ''} {listed}"
            yield f"{request.key}: {what}. Its scale {request.scale}: {cost}"


def _cost(plan: Plan, estimate: Estimate) -> str:
    """The sum, and what it is made of."""
    runs, profile, parts = plan.runs_to_do, plan.campaign.profile, estimate.seconds()
    if not runs:
        return "Nothing is left to do: what is not done is under way"
    costs = [cost for planned in runs if (cost := estimate.of(planned)) is not None]
    unit, total = "GPU" if profile.gpus_of("train") else "CPU", sum(parts.values())
    what = f"{total / 3600:.2f} {unit}-hours ({span(total)})"
    what += f", each training by {_crew(profile)}" if profile.processes > 1 else ""
    made_of = ", ".join(f"{name} {span(seconds)}" for name, seconds in parts.items() if seconds)
    sources = sorted({str(estimate.rates[planned.task.id]) for planned in runs if planned.task.id in estimate.rates})
    missing = len(runs) - len(costs)
    left_out = f"; {missing} runs are not counted: no estimate for them" if missing else ""
    alone = span(sum(cost.wall for cost in costs))
    if count := _at_once(plan, estimate):
        alone += f", {count} at a time {span(sum(cost.wall for cost in costs) / count)} or somewhat more"
    return (
        f"Estimate: {what} for {len(runs)} runs ({'; '.join(sources) or 'no estimate'}){left_out}\n"
        f"  {made_of or 'nothing is known'}; one after the other on a quiet machine {alone}"
    )


def _at_once(plan: Plan, estimate: Estimate) -> int:
    """How many runs a direct command makes at a time; 0 for one, and for a queue."""
    asked, request = plan.campaign, plan.campaign.request
    if not asked.direct or asked.profile.gpus_of("train") or max(request.processes, request.threads) > 1:
        return 0
    steps = sum(sum(steps.values()) for steps in estimate.steps.values())
    count = at_once(len(plan.runs_to_do), steps, request.workers)
    return count if count > 1 else 0


def _crew(profile: Profile) -> str:
    each = f"{profile.gpus_per_node} GPUs" if profile.gpus_per_node > 1 else "1 process"
    return f"{profile.nodes} nodes with {each} each" if profile.nodes > 1 else f"{profile.processes} GPUs of one node"


def print_arrays(console: Console, plan: Plan) -> None:
    """The arrays that would be submitted, and one batch script of each kind."""
    if not plan.runs_to_do or plan.missing:
        return
    asked = plan.campaign
    submission = Submission(
        name=DRY, profile=asked.profile, code=asked.out / "cluster" / "code" / DRY, arrays=plan.arrays()
    )
    for place, array in enumerate(submission.arrays):
        array.job = f"JOB{place + 1}"
        after = ", ".join(submission.arrays[one].job for one in array.after)
        line = f"{array.job}: {array.name}, {len(array.tasks)} elements" + (f", after {after}" if after else "")
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if asked.profile.name != LOCAL:
        for array in _one_of_each(submission.arrays):
            console.print(f"--- batch script of {array.job} ({array.name})", highlight=False, markup=False)
            console.print(slurm.script(asked.out, submission, array), highlight=False, markup=False, soft_wrap=True)


def _one_of_each(arrays: Sequence[Array]) -> list[Array]:
    return list({array.kind: array for array in reversed(arrays)}.values())[::-1]
