"""`plan` and `--dry-run`: what is there, what would run, what it costs, what is missing, the exact batch scripts."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from bench.cluster import rates, slurm
from bench.cluster.array import Array, Submission
from bench.cluster.calibrate import calibrate
from bench.cluster.campaign import Campaign, Plan, Planned, make_plan
from bench.cluster.profile import LOCAL, Profile
from bench.cluster.rates import Rate
from bench.cluster.show import span
from bench.methods.catalog import find as find_methods
from bench.methods.settings import DEFAULT
from bench.metrics.weights import TRUNKS, find, reason
from bench.paper.arithmetic import and_list

DRY = "dry-run"


def print_plan(console: Console, asked: Campaign) -> None:
    """Everything but the submission itself."""

    def say(text: str) -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    plan = make_plan(asked, console)
    known = _rates(console, plan)
    say(f"Output: {asked.out}")
    for text in plan.missing:
        say(f"Missing data: {text}")
    for planned in plan.to_do:
        if planned.task.kind == "data" and planned.task.protocol is not None:
            say(f"Data: {planned.task.protocol.data} is not packed yet; a separate job does that first")
    trunk = TRUNKS["lpips"]
    weights = find(trunk, asked.request.lpips)
    say(f"LPIPS weights: {weights or reason(trunk, asked.request.lpips)}")
    console.print(_table(plan, known))
    for text in _trainings(plan):
        say(text)
    say(_cost(plan, known))
    _print_arrays(console, plan)


def _rates(console: Console, plan: Plan) -> dict[str, Rate]:
    """Task -> rate, calibrated on this machine where no run has recorded one."""
    profile = plan.campaign.profile
    gpu = profile.gpus_of("train") > 0
    tasks = [planned.task for planned in plan.runs_to_do]
    unknown = {rates.name_of(task): task for task in tasks if rates.find(task, gpu) is None}
    if unknown and not plan.missing:
        with console.status(f"calibrating {len(unknown)} methods on this machine"):
            trouble = calibrate(list(unknown.values()))
        for name, why in trouble.items():
            console.print(f"No estimate of {name}: {why}", highlight=False, markup=False, soft_wrap=True)
    found = {task.id: rates.find(task, gpu, profile.processes) for task in tasks}
    return {name: rate for name, rate in found.items() if rate is not None}


def hours(planned: Planned, rate: Rate | None) -> tuple[float, float] | None:
    """Of training and of scoring one run; None where nothing is known."""
    if rate is None or (rate.train is None and rate.evaluate is None):
        return None
    return (rate.train or 0.0) * planned.steps / 3600, (rate.evaluate or 0.0) * planned.images / 3600


def _table(plan: Plan, known: dict[str, Rate]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("method", "data", "runs", "done", "under way", "to run", "each", "by", "segments"):
        table.add_column(name, justify="right" if name in ("runs", "done", "under way", "to run", "each") else "left")
    for (method, data), group in _groups(plan).items():
        todo = [planned for planned in group if planned.to_do]
        done = sum(planned.state == "done" for planned in group)
        row = [method, data, str(len(group)), str(done), str(len(group) - len(todo) - done), str(len(todo))]
        if todo:
            rate = known.get(todo[0].task.id)
            each = hours(todo[0], rate)
            segments = str(plan.segments(todo[0])) if todo[0].task.trains else ""
            row += [span(3600 * sum(each)) if each is not None else "?", str(rate or ""), segments]
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
            what = f"{trained} trainings, seed{'s' if len(seeds) > 1 else ''} {listed}"
            yield f"{request.key}: {what}. Its scale {request.scale}: {cost}"


def _cost(plan: Plan, known: dict[str, Rate]) -> str:
    each = [hours(planned, known.get(planned.task.id)) for planned in plan.runs_to_do]
    profile = plan.campaign.profile
    gpus = profile.gpus_of("train")
    # What a job holds counts, on all its nodes, whether it is busy or not.
    training = sum(value[0] for value in each if value is not None) * (gpus or profile.processes)
    scoring = sum(value[1] for value in each if value is not None) * (profile.gpus_of("evaluate") if gpus else 1)
    what = f"{training + scoring:.2f} {'GPU' if gpus else 'CPU'}-hours"
    what += f", each training by {_crew(profile)}" if profile.processes > 1 else ""
    unknown = sum(value is None for value in each)
    sources = sorted({str(rate) for rate in known.values() if rate.device})
    left_out = f"; {unknown} runs are not counted: no estimate for them" if unknown else ""
    return f"Estimate: {what} for {len(each)} runs ({'; '.join(sources) or 'no estimate'}){left_out}"


def _crew(profile: Profile) -> str:
    each = f"{profile.gpus_per_node} GPUs" if profile.gpus_per_node > 1 else "1 process"
    return f"{profile.nodes} nodes with {each} each" if profile.nodes > 1 else f"{profile.processes} GPUs of one node"


def _print_arrays(console: Console, plan: Plan) -> None:
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
