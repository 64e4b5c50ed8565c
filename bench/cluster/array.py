"""From tasks to job arrays: chains of training segments, then the evaluation, then the report."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.cluster.profile import Profile
from bench.cluster.task import Kind, Task, load_json, put_json
from bench.util.errors import UserError

SPARE = 1
"""Segments beyond the estimate, for those that are lost."""


class Array(BaseModel):
    """Jobs that ask for the same. Element i does part `part` of task i."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    part: int = 1
    parts: int = 1
    tasks: list[str]
    after: list[int] = []
    """Places, in the submission, of the arrays that must have ended."""
    matched: bool = False
    """Element i need only wait for element i of `after`, where that ended well."""
    job: str = ""
    """The scheduler's id, once it is submitted."""

    def element(self, index: int) -> str:
        """The scheduler's id of one element."""
        return f"{self.job}_{index}" if len(self.tasks) > 1 else self.job

    @property
    def name(self) -> str:
        return f"{self.kind} {self.part}/{self.parts}" if self.parts > 1 else self.kind


class Submission(BaseModel):
    """What one command put into a queue."""

    model_config = ConfigDict(extra="forbid")

    name: str
    cluster: str = ""
    """The cluster's own name: another cluster's scheduler knows nothing of these jobs."""
    profile: Profile
    code: Path
    """The snapshot that the jobs run."""
    workers: int = 0
    """With profile `local`: how many tasks share the processor; 0: one for each GPU."""
    arrays: list[Array]


def submission_folder(out: Path, name: str) -> Path:
    return out / "cluster" / "submissions" / name


def read_submission(out: Path, name: str) -> Submission | None:
    """The submission, or None where it is gone or was never finished."""
    path = submission_folder(out, name) / "submission.json"
    found = load_json(path)
    try:
        return None if found is None else Submission.model_validate(found)
    except (ValidationError, UserError) as error:
        raise UserError(f"{path} is not a valid submission. Delete its folder and submit again.") from error


def write_submission(out: Path, submission: Submission) -> None:
    folder = submission_folder(out, submission.name)
    folder.mkdir(parents=True, exist_ok=True)
    put_json(folder / "submission.json", submission.model_dump(mode="json"))


def arrange(tasks: Sequence[Task], profile: Profile, segments: dict[str, int]) -> list[Array]:
    """The arrays of these tasks, in an order in which each comes after those it waits for.

    `segments` says for the ids of training runs how many jobs their chain has. Of runs that share a training one has
    the chain; the others are evaluated after it.
    """
    arrays: list[Array] = []
    packs = {data_of(task): _add(arrays, Array(kind="data", tasks=[task.id])) for task in tasks if task.kind == "data"}
    runs = [task for task in tasks if task.kind == "run"]
    leaders = {task.training: task.id for task in reversed(runs) if task.trains}
    leading = [task for task in runs if task.trains and leaders[task.training] == task.id]
    ends: dict[str, int] = {}
    chained = [(packs.get(data_of(task), -1), segments[task.id], task.id) for task in leading]
    for (pack, parts), names in _grouped(chained):
        for chunk in _chunks(names, profile.array_cap):
            last = _chain(arrays, "train", chunk, parts, _places(pack))
            ends |= dict.fromkeys(chunk, last)
            _chain(arrays, "evaluate", chunk, evaluations(profile), [last], matched=True)
    others = [task for task in runs if not task.trains or leaders[task.training] != task.id]
    trained = {task.id: ends[leaders[task.training]] if task.trains else -1 for task in others}
    for (pack, end), names in _grouped((packs.get(data_of(task), -1), trained[task.id], task.id) for task in others):
        for chunk in _chunks(names, profile.array_cap):
            _chain(arrays, "evaluate", chunk, evaluations(profile), _places(pack, end))
    last_ones = [place for place, array in enumerate(arrays) if array.kind == "evaluate" and array.part == array.parts]
    arrays += [Array(kind="report", tasks=[task.id], after=last_ones) for task in tasks if task.kind == "report"]
    return arrays


def evaluations(profile: Profile) -> int:
    """Jobs in a chain of evaluations: a second one resumes where the first was lost."""
    return profile.resources("evaluate").segments or 1 + SPARE


def dependency(array: Array, arrays: Sequence[Array]) -> str:
    """What `sbatch --dependency` says of it.

    `aftercorr` starts an element when its own predecessor has ended well; where that was lost, the element waits for
    the whole array, however it ends.
    """
    earlier = [arrays[place] for place in array.after]
    any_end = ":".join(["afterany", *(one.job for one in earlier)]) if earlier else ""
    if array.matched and len(array.tasks) > 1:
        return f"aftercorr:{earlier[0].job}?{any_end}"
    return any_end


def _chain(
    arrays: list[Array], kind: Kind, tasks: list[str], parts: int, after: list[int], matched: bool = False
) -> int:
    for part in range(1, parts + 1):
        array = Array(kind=kind, part=part, parts=parts, tasks=tasks, after=after, matched=matched)
        after, matched = [_add(arrays, array)], True
    return after[0]


def _add(arrays: list[Array], array: Array) -> int:
    arrays.append(array)
    return len(arrays) - 1


def _grouped(items: Iterable[tuple[int, int, str]]) -> list[tuple[tuple[int, int], list[str]]]:
    """Ids by the two numbers before them."""
    groups: dict[tuple[int, int], list[str]] = {}
    for one, two, name in items:
        groups.setdefault((one, two), []).append(name)
    return sorted(groups.items())


def _places(*places: int) -> list[int]:
    return [place for place in places if place >= 0]


def data_of(task: Task) -> str:
    """What decides the pack of images that a task reads."""
    asked = task.protocol
    if asked is None:
        return ""
    return repr((asked.data, asked.resolution, asked.images, asked.split, asked.train_images, asked.test_images))


def _chunks(tasks: list[str], cap: int) -> list[list[str]]:
    return [tasks[start : start + cap] for start in range(0, len(tasks), cap)]
