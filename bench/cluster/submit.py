"""`submit` and `reproduce --cluster`: tasks become jobs in a queue."""

import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from bench.cluster import local, slurm, snapshot
from bench.cluster.array import Array, Submission, write_submission
from bench.cluster.campaign import Campaign, Plan, make_plan
from bench.cluster.profile import LOCAL, Profile
from bench.cluster.queue import cancel_jobs, cluster_name
from bench.cluster.task import Folder, Task, tasks_folder
from bench.util.errors import UserError
from bench.util.files import locked


def submit(
    asked: Campaign, console: Console, planned_by: Callable[[Campaign, Console], Plan] = make_plan
) -> tuple[Plan, Submission | None]:
    """Put into the queue what is neither done nor under way; no submission where that is nothing.

    `planned_by` says which runs there are: those of all requests, or a choice.
    """
    if asked.profile.name != LOCAL:
        slurm.check_here(asked.profile)
    with locked(asked.out / "cluster", lambda text: console.print(text, highlight=False)):
        plan = planned_by(asked, console)
        if plan.missing:
            raise UserError(plan.missing[0])
        if not plan.runs_to_do:
            return plan, None
        code = snapshot.take(asked.out, asked.request.include)
        tasks = [planned.task for planned in plan.to_do]
        submission = new_submission(asked.profile, code, plan.arrays(), asked.placement.workers)
        enqueue(asked.out, submission, tasks)
        return plan, submission


def new_submission(profile: Profile, code: Path, arrays: list[Array], workers: int) -> Submission:
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(2)}"
    cluster = "" if profile.name == LOCAL else cluster_name()
    return Submission(name=name, cluster=cluster, profile=profile, code=code, workers=workers, arrays=arrays)


def enqueue(out: Path, submission: Submission, tasks: Sequence[Task]) -> None:
    """Write the tasks' folders, then hand the arrays to the queue. The caller holds the lock."""
    if submission.profile.name == LOCAL:
        local.slots_folder()
    for task in tasks:
        folder = Folder(tasks_folder(out) / task.id)
        folder.put(task.model_copy(update={"submission": submission.name}))
        folder.log("submitted", submission=submission.name, cluster=submission.profile.name)
        folder.end_file.unlink(missing_ok=True)
    write_submission(out, submission)
    if submission.profile.name == LOCAL:
        local.start(out, submission)
        return
    for place in range(len(submission.arrays)):
        _submit_array(out, submission, place)


def _submit_array(out: Path, submission: Submission, place: int) -> None:
    """What sbatch refuses takes the earlier arrays of its own tasks with it: a chain is whole or not there."""
    array = submission.arrays[place]
    try:
        array.job = slurm.submit_array(out, submission, array)
    except UserError as error:
        chain = [one for one in submission.arrays if one.job and not set(one.tasks).isdisjoint(array.tasks)]
        cancel_jobs([one.job for one in chain])
        for one in chain:
            one.job = ""
        queued = {name for one in submission.arrays if one.job for name in one.tasks}
        every = {name for one in submission.arrays for name in one.tasks}
        left = f"{len(queued)} of {len(every)} tasks are in the queue; rerun the command to submit the rest."
        raise UserError(f"{error} {left}") from error
    finally:
        write_submission(out, submission)
