"""Cluster profiles: one small TOML file says how a cluster wants to be asked.

A profile is found by its name in slurm/ of the current folder, in slurm/ of the clone, and among the examples that come
with the package, in this order; or by its path.
"""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.methods.catalog import ROOT
from bench.util.errors import UserError, nearest
from bench.util.files import read_bytes
from bench.util.text import unseen

YOURS = Path("slurm")
"""Where a user's own profiles lie, seen from the current folder."""
EXAMPLES = Path(__file__).parent / "profiles"
LOCAL = "local"
OPTION = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)+|[a-z][a-z0-9]+")
"""A long option of sbatch, without its dashes."""
_OURS = "every submission sets it; leave it out"
_KEYS = {"time": "minutes", "cpus-per-task": "cpus", "mem": "memory_gb", "ntasks-per-node": "gpus_per_node"}
_KEYS |= {name: name for name in ("partition", "account", "qos", "constraint", "nodes", "requeue")}
_SET = (
    "array", "chdir", "dependency", "error", "export", "export-file", "input", "job-name", "kill-on-invalid-dep",
    "no-requeue", "ntasks", "open-mode", "output", "parsable", "quiet", "signal", "test-only", "wait", "wrap",
)  # fmt: skip
OWN = dict.fromkeys(_SET, _OURS) | {one: f"write {key} = ... outside of [extra]" for one, key in _KEYS.items()}
"""Options of sbatch that [extra] must not set, and why."""


class Resources(BaseModel):
    """What one job asks for. In a profile's [data], [evaluate] and [report], what is left out is as for training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minutes: int = Field(default=240, ge=1, le=10**7)
    """Time limit of one job. A training is cut into segments of this length."""
    segments: int | None = Field(default=None, ge=1, le=500)
    """How many jobs a task may take, one after the other. None: from the estimate, where there is one."""
    cpus: int = Field(default=4, ge=1, le=10_000)
    memory_gb: float = Field(default=16.0, gt=0, le=100_000)
    gpus: str = ""
    """How this cluster asks for a GPU: an sbatch option without its dashes, e.g. `gres=gpu:1`. Empty: none."""
    partition: str = ""
    qos: str = ""
    constraint: str = ""

    @model_validator(mode="after")
    def _values_are_lines(self) -> Self:
        # A line feed would end the batch script's line of options, and what follows would run as a command.
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, str) and not value.isprintable():
                raise ValueError(f"{name} = {value!r} has a line feed or a tab in it; remove it")
        return self

    @model_validator(mode="after")
    def _gpus_is_an_option(self) -> Self:
        if self.gpus and "=" not in self.gpus:
            raise ValueError(
                f'gpus = "{self.gpus}" is not an sbatch option; write e.g. "gres=gpu:1" or "gpus-per-node=1"'
            )
        return self

    @property
    def gpu_count(self) -> int:
        """GPUs asked for: the number at the end of `gpus`."""
        tail = self.gpus.replace("=", ":").rpartition(":")[2]
        return int(tail) if tail.isdigit() else int(bool(self.gpus))


class Profile(Resources):
    """A cluster. `name` is the file's."""

    name: str
    account: str = ""
    nodes: int = Field(default=1, ge=1, le=10_000)
    """How many nodes train one run together."""
    gpus_per_node: int = Field(default=0, ge=0, le=1000)
    """How many GPUs, with a process for each, train one run on each node. 0: one process, and `gpus` as it stands."""
    requeue: bool = False
    """Whether preempted and lost jobs may go back into the queue under their own id. Never needed."""
    array_cap: int = Field(default=1000, ge=1, le=10**7)
    """Most elements of a job array: the cluster's MaxArraySize less one."""
    at_once: int = Field(default=256, ge=1, le=10**7)
    """Most elements of an array that run at the same time."""
    setup: list[str] = []
    """Lines of shell before the work, e.g. `module load ...`."""
    container: str = ""
    """What stands before `python`, e.g. `apptainer exec --nv image.sif`."""
    python: str = ""
    """Empty: the one that submits, or the container's `python`."""
    srun: bool = True
    """False where a job's own `srun` is not allowed."""
    stop_early_seconds: int = Field(default=180, ge=0, le=86_400)
    """How long before its time limit a training saves itself and ends."""
    heartbeat_seconds: float = Field(default=10.0, gt=0, le=3600)
    extra: dict[str, str | int | float | bool] = {}
    """Further sbatch options, none of OWN. true: a bare flag; false and "": left out."""
    data: dict[str, Any] = {}
    evaluate: dict[str, Any] = {}
    report: dict[str, Any] = {}

    def resources(self, kind: str) -> Resources:
        """What a job of this kind (data, train, evaluate, report) asks for."""
        own = {name: getattr(self, name) for name in Resources.model_fields}
        if kind == "train":
            return Resources(**(own | {"gpus": self._gpus(self.gpus_per_node)}))
        # Only training is shared among processes.
        return Resources(
            **(own | {"segments": None, "gpus": self._gpus(min(1, self.gpus_per_node))} | getattr(self, kind))
        )

    @property
    def each(self) -> int:
        """Processes that train one run on each node."""
        return max(1, self.gpus_per_node)

    @property
    def processes(self) -> int:
        """Processes that train one run together."""
        return self.nodes * self.each

    def gpus_of(self, kind: str) -> int:
        """GPUs of one job, on all its nodes."""
        return self.resources(kind).gpu_count * (self.nodes if kind == "train" else 1)

    def _gpus(self, count: int) -> str:
        """`gpus` with another number on each node; as it stands for 0."""
        if not count:
            return self.gpus
        name, _, what = (self.gpus or "gpus-per-node=1").partition("=")
        head, _, tail = what.rpartition(":")
        kind = head if tail.isdigit() else what
        return f"{name}={kind}:{count}" if kind else f"{name}={count}"

    @model_validator(mode="after")
    def _extra_is_of_sbatch(self) -> Self:
        for name, value in self.extra.items():
            plain = name.replace("_", "-")
            if OPTION.fullmatch(name) is None:
                raise ValueError(f"[extra] {name!r} is no sbatch option; write its long name without dashes")
            if plain in OWN:
                raise ValueError(f"[extra] {name}: {OWN[plain]}")
            if not str(value).isprintable():
                raise ValueError(f"[extra] {name} = {value!r} has a line feed or a tab in it; remove it")
        return self

    @model_validator(mode="after")
    def _sections_are_resources(self) -> Self:
        for kind in ("data", "evaluate", "report"):
            self.resources(kind)
        return self

    @model_validator(mode="after")
    def _processes_can_start(self) -> Self:
        if self.processes > 1 and not self.srun:
            raise ValueError("a training with several processes is started by srun: leave out srun = false")
        if self.gpus and self.processes > 1 and self.gpus.partition("=")[0] not in ("gres", "gpus-per-node"):
            known = '"gpus-per-node=1" or "gres=gpu:1"'
            raise ValueError(f'gpus = "{self.gpus}": with several processes, request GPUs per node, as {known}')
        return self


FEW_MINUTES = 5
"""A shorter segment may end before its training has begun: loading modules and libraries alone can take a minute."""


def warnings(profile: Profile) -> list[str]:
    """What is allowed and hardly meant, in a line for each."""
    short = [kind for kind in ("train", "evaluate") if profile.resources(kind).minutes < FEW_MINUTES]
    if not short:
        return []
    minutes = min(profile.resources(kind).minutes for kind in short)
    what = f"minutes = {minutes} leaves a job of {' and '.join(short)} hardly time to load its libraries"
    return [f"{profile.name}: {what}; a job that ends before its first save is lost. Ask for {FEW_MINUTES} or more"]


def local_profile(workers: int) -> Profile:
    """The machine at hand: no limits, and a part that dies is tried again. Without `workers` its GPUs, if any."""
    gpus = "" if workers or not visible_gpus() else "gpus=1"
    return Profile(name=LOCAL, partition=LOCAL, minutes=10**7, segments=3, gpus=gpus)


def visible_gpus() -> list[str]:
    """The GPUs that may be used here, by what CUDA_VISIBLE_DEVICES calls them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name for name in named.split(",") if name]
    if shutil.which("nvidia-smi") is None:
        return []
    told = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30).stdout
    return [str(number) for number, line in enumerate(told.splitlines()) if line.startswith("GPU")]


class Placement(BaseModel):
    """Where queued runs go, and how many share what. None: as the profile has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cluster: str = LOCAL
    """slurm/<name>.toml, a TOML file, or `local`."""
    workers: int = 0
    """With `local`: how many run at a time on the processor; 0: one on each GPU."""
    segments: int | None = None
    """Jobs in a training's chain."""
    nodes: int | None = None
    """Nodes that train one run together."""
    gpus_per_node: int | None = None
    """GPUs, with a process for each, that train one run on each node."""

    def profile(self) -> Profile:
        return read_profile(self.cluster, self.workers, self.nodes, self.gpus_per_node)


def known_profiles() -> list[str]:
    return [LOCAL, *sorted({path.stem for folder in _folders() for path in folder.glob("*.toml")})]


def _folders() -> list[Path]:
    return [YOURS, ROOT / "slurm", EXAMPLES]


def read_profile(name: str, workers: int = 0, nodes: int | None = None, gpus_per_node: int | None = None) -> Profile:
    """The profile of this name, or of this TOML file; `workers` is for `local`, the numbers replace the profile's.

    Raises UserError that names the file, the key and the remedy.
    """
    if name == LOCAL:
        if (nodes or 1) > 1 or (gpus_per_node or 0) > 1:
            raise UserError("--cluster local gives each run one GPU. Use `train --processes N`, or a SLURM profile.")
        return local_profile(workers)
    path = _file(name)
    try:
        values = tomllib.loads(read_bytes(path).decode())
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not valid TOML: {error}.") from error
    if (found := unseen(values)) is not None:
        raise UserError(f"{path}: {'.'.join(map(str, found[0]))} holds the control character {found[1]}; remove it.")
    if not values.get("partition"):
        raise UserError(f'{path}: partition is missing. Write partition = "NAME"; `sinfo` lists the names.')
    _check_keys(path, values)
    values |= {key: value for key, value in (("nodes", nodes), ("gpus_per_node", gpus_per_node)) if value is not None}
    try:
        return Profile(name=path.stem, **values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        said = f"{key}: {first['msg']} (found {first['input']!r})" if key else first["msg"]
        raise UserError(f"{path}: {said}.") from error


def _file(name: str) -> Path:
    if name.endswith(".toml"):
        if not Path(name).is_file():
            raise UserError(f"--cluster {name}: there is no such file. Give the path of a TOML file.")
        return Path(name)
    for folder in _folders():
        if (folder / f"{name}.toml").is_file():
            return folder / f"{name}.toml"
    raise UserError(f"--cluster {name}: there is no profile {YOURS / name}.toml.{nearest(name, known_profiles())}")


def _check_keys(path: Path, values: dict[str, Any]) -> None:
    sections = {kind: values[kind] for kind in ("data", "evaluate", "report") if isinstance(values.get(kind), dict)}
    top = [name for name in Profile.model_fields if name != "name"]
    for where, known, found in [
        ("", top, values),
        *((f"[{k}] ", list(Resources.model_fields), v) for k, v in sections.items()),
    ]:
        for key in found:
            if key not in known:
                raise UserError(f"{path}: {where}unknown key '{key}'.{nearest(key, known)}")
