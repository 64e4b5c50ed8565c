"""Submission through submitit: one sbatch for each array, joined by dependencies."""

import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import submitit
from submitit.core.utils import DelayedSubmission, JobPaths
from submitit.slurm.slurm import SlurmExecutor, _make_sbatch_string

from bench.cluster import worker
from bench.cluster.array import Array, Submission, dependency, submission_folder
from bench.cluster.part import JOB_START, JobPart
from bench.cluster.profile import Profile
from bench.cluster.queue import ask
from bench.cluster.task import Folder, Kind, tasks_folder
from bench.util.errors import UserError, nearest

if TYPE_CHECKING:
    from lightning_fabric import Fabric

SIGNAL_SECONDS = 60
"""How long before its time limit a job is warned, at most. A training has saved itself and ended by then."""
PORTS = range(15_000, 32_000)
"""Where the first process of a training listens, by the job's id: below what systems give out by themselves."""
NO_LIMIT = 10**6
"""submitit counts time-outs down; our chains are bounded by themselves."""


class Segment:
    """What submitit pickles: paths and settings only."""

    def __init__(self, part: JobPart, requeue: bool) -> None:
        self.part, self.requeue = part, requeue

    def __call__(self) -> None:
        environment = submitit.JobEnvironment()
        fabric = None
        if environment.num_tasks > 1:
            if worker.nothing_to_do(self.part, Folder(self.part.folder)):
                return
            fabric = join(environment, self.part)
        # submitit's own handler puts the job back into the queue, but breaks off what is under way.
        announced = None if self.requeue else signal.Signals[f"SIG{environment.USR_SIG}"]
        code = worker.run(self.part, environment.job_id, str(environment.paths.stdout), fabric, announced)
        if code:
            raise SystemExit(code)

    def checkpoint(self) -> DelayedSubmission | None:
        """Called on preemption. Nothing is saved here: training has saved regularly, and the next job resumes it."""
        worker.SIGNALLED.set()
        return DelayedSubmission(self) if self.requeue and shutil.which("scontrol") else None


def join(environment: submitit.JobEnvironment, part: JobPart) -> "Fabric":
    """Bring the processes of a training together. Returns in the first one only; the others serve it, then end."""
    from bench.runs.workers import serve
    from bench.training.device import open_fabric
    from bench.training.processes import Place

    place = Place(
        environment.local_rank,
        environment.node,
        environment.num_tasks // environment.num_nodes,
        environment.num_nodes,
        environment.hostnames[0],
        PORTS.start + int(environment.raw_job_id) % len(PORTS),
    )
    device = Folder(part.folder).task().request.device
    if place.rank > 0:
        serve(place, device)
    return open_fabric(device, place)


def check_out(out: Path) -> None:
    """Raise UserError for a folder in whose name SLURM would replace something."""
    if set(str(out)) & set("%\\\n"):
        raise UserError(f"--out {out}: SLURM replaces % and \\ in the names of logs. Choose a folder without them.")


def check_here(profile: Profile) -> None:
    """Raise UserError where there is no SLURM, or where it does not know a partition of the profile."""
    if shutil.which("sbatch") is None or shutil.which("srun") is None:
        raise UserError("sbatch not found. Log in where jobs are submitted, or use --cluster local or --dry-run.")
    told = ask("sinfo", "-h", "-o", "%R")
    known = sorted(set((told or "").split()))
    for kind in get_args(Kind):
        name = profile.resources(kind).partition
        if known and name not in known:
            raise UserError(f"{profile.name}: this cluster has no partition '{name}'.{nearest(name, known)}")


def submit_array(out: Path, submission: Submission, array: Array) -> str:
    """Hand an array to SLURM; returns its job id. Raises UserError with what sbatch said."""
    parts = [part_of(out, submission, array, index) for index in range(len(array.tasks))]
    segments = [Segment(part, submission.profile.requeue) for part in parts]
    return _submit(_folder(out, submission), submission, array, segments)


def submit_one(folder: Path, submission: Submission, array: Array, call: Callable[[], None]) -> str:
    """Hand one call to SLURM, with what jobs of this kind ask for; returns its job id."""
    return _submit(folder / "slurm", submission, array, [call])


def _submit(folder: Path, submission: Submission, array: Array, calls: Sequence[Callable[[], None]]) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)  # jobs run the pickles in it
    with clean_environment():
        try:
            executor = SlurmExecutor(folder, NO_LIMIT, python=_python(submission.profile))
            executor.update_parameters(**_parameters(submission, array))
            jobs = executor.submit_array(calls)
        except RuntimeError as error:  # submitit's own errors are kinds of it
            raise UserError(f"sbatch refused {array.name} of {len(calls)}: {_last_line(error)}.") from error
    return str(jobs[0].job_id).partition("_")[0]


def script(out: Path, submission: Submission, array: Array) -> str:
    """The batch script of an array, as sbatch gets it. Needs no SLURM."""
    folder, many = _folder(out, submission), len(array.tasks) > 1
    python = _python(submission.profile) or shlex.quote(sys.executable)
    command = f"{python} -u -m submitit.core._submit {shlex.quote(str(folder))}"
    parameters = _parameters(submission, array) | ({"map_count": len(array.tasks)} if many else {})
    return _make_sbatch_string(command=command, folder=folder, **parameters)


def part_of(out: Path, submission: Submission, array: Array, index: int) -> JobPart:
    """What element `index` of an array does."""
    profile = submission.profile
    return JobPart(
        folder=tasks_folder(out) / array.tasks[index],
        submission=submission.name,
        code=submission.code,
        kind=array.kind,
        part=array.part,
        parts=array.parts,
        seconds=training_seconds(profile),
        heartbeat_seconds=profile.heartbeat_seconds,
        gpus=profile.gpus_of(array.kind),
    )


def training_seconds(profile: Profile) -> float:
    """How much of a segment is for training: a fifth of a short one is kept for saving, not more."""
    limit = 60.0 * profile.minutes
    return limit - min(profile.stop_early_seconds, limit / 5)


@contextmanager
def clean_environment() -> Iterator[None]:
    """Without the variables of a job that we may be in: they would reach the new job. SLURM_CONF is the cluster's."""
    conf = os.environ.get("SLURM_CONF")
    with submitit.helpers.clean_env():
        if conf is not None:
            os.environ["SLURM_CONF"] = conf
        try:
            yield
        finally:
            os.environ.pop("SLURM_CONF", None)


def _folder(out: Path, submission: Submission) -> Path:
    return submission_folder(out, submission.name) / "slurm"


def _python(profile: Profile) -> str | None:
    if profile.container:
        return f"{profile.container} {profile.python or 'python'}"
    return profile.python or None


def _parameters(submission: Submission, array: Array) -> dict[str, Any]:
    profile = submission.profile
    resources = profile.resources(array.kind)
    shared = array.kind == "train" and profile.processes > 1
    asked: dict[str, Any] = {
        "job_name": f"bench-{array.kind}",
        "partition": resources.partition,
        "account": profile.account,
        "qos": resources.qos,
        "constraint": resources.constraint,
        "time": resources.minutes,
        "mem": f"{round(resources.memory_gb * 1024)}M",
        "cpus_per_task": resources.cpus,
        "nodes": profile.nodes if shared else 1,
        "ntasks_per_node": profile.each if shared else 1,
        # Where one process dies, the others end too, and the next segment goes on.
        "srun_args": ["--kill-on-bad-exit=1"] if shared else [],
        "dependency": dependency(array, submission.arrays),
    }
    return {name: value for name, value in asked.items() if value} | {
        "wckey": None,
        "array_parallelism": profile.at_once,
        "signal_delay_s": min(SIGNAL_SECONDS, 6 * resources.minutes),
        "stderr_to_stdout": True,
        "use_srun": profile.srun,
        "setup": _setup(submission),
        "additional_parameters": _options(submission, resources.gpus),
    }


def _options(submission: Submission, gpus: str) -> dict[str, Any]:
    profile = submission.profile
    name, _, value = gpus.partition("=")
    options: dict[str, Any] = {name: value} if gpus else {}
    options |= {"requeue": True} if profile.requeue else {"no-requeue": True}
    # In the snapshot's folder Python finds the snapshot first, with or without PYTHONPATH.
    options["chdir"] = str(submission.code)
    return options | {key: value for key, value in profile.extra.items() if value is not False and value != ""}


def _setup(submission: Submission) -> list[str]:
    return [
        f"export {JOB_START}=$(date +%s)",
        "export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$SLURM_CPUS_PER_TASK}",
        *submission.profile.setup,
        f"export PYTHONPATH={shlex.quote(str(submission.code))}${{PYTHONPATH:+:$PYTHONPATH}}",
    ]


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in re.split(r"[\r\n]+", str(error)) if line.strip()]
    told = [line for line in lines if line.startswith("sbatch: error")]
    return (told or lines or ["no reason given"])[0].removeprefix("sbatch: error: ").rstrip(".")


def job_log(out: Path, submission: Submission, job: str) -> Path:
    """The scheduler's own log of a job."""
    return job_log_in(_folder(out, submission), job)


def job_log_in(folder: Path, job: str) -> Path:
    return JobPaths(folder, job_id=job).stdout
