"""From tasks to arrays, their dependencies and their batch script."""

from pathlib import Path

import pytest

from bench.cluster import slurm
from bench.cluster.array import Submission, arrange, dependency
from bench.cluster.profile import Profile
from bench.cluster.task import Task
from bench.data.protocol import Protocol
from bench.runs.request import Request

OUT = Path("/out")
REQUEST = Request(key="m", out=OUT, cache=OUT)


def protocol(data="faces"):
    return Protocol(data=data, resolution=64, images=48, split=(50, 9, 1), test_images=6, mask_sets=("center",))


def run(name, training="", data="faces"):
    return Task(
        id=name,
        kind="run",
        request=REQUEST,
        protocol=protocol(data),
        trains=bool(training),
        training=training,
    )


def profile(**more):
    return Profile(name="p", partition="main", minutes=60, array_cap=10, **more)


def shape(arrays):
    return [(array.name, tuple(array.tasks), tuple(array.after), array.matched) for array in arrays]


def test_a_chain_of_segments_then_evaluations_then_the_report():
    tasks = [run("a", "A"), run("b", "B"), run("floor"), Task(id="r", kind="report", request=REQUEST)]
    assert shape(arrange(tasks, profile(), {"a": 2, "b": 2})) == [
        ("train 1/2", ("a", "b"), (), False),
        ("train 2/2", ("a", "b"), (0,), True),
        ("evaluate 1/2", ("a", "b"), (1,), True),
        ("evaluate 2/2", ("a", "b"), (2,), True),
        ("evaluate 1/2", ("floor",), (), False),
        ("evaluate 2/2", ("floor",), (4,), True),
        ("report", ("r",), (3, 5), False),
    ]


def test_runs_that_share_a_training_wait_for_the_one_that_trains():
    arrays = arrange([run("a", "A"), run("twin", "A")], profile(evaluate={"segments": 1}), {"a": 1, "twin": 1})
    assert shape(arrays) == [
        ("train", ("a",), (), False),
        ("evaluate", ("a",), (0,), True),
        ("evaluate", ("twin",), (0,), False),
    ]


def test_only_the_runs_that_need_a_data_set_wait_for_its_packing():
    pack = Task(id="d", kind="data", protocol=protocol("photos"), request=REQUEST)
    arrays = arrange([pack, run("a"), run("b", data="photos")], profile(evaluate={"segments": 1}), {})
    assert shape(arrays) == [
        ("data", ("d",), (), False),
        ("evaluate", ("a",), (), False),
        ("evaluate", ("b",), (0,), False),
    ]


def test_arrays_keep_under_the_cap_and_chains_of_other_lengths_apart():
    tasks = [run(f"r{number:02}", f"R{number}") for number in range(25)]
    segments = {task.id: 1 for task in tasks} | {"r24": 3}
    arrays = arrange(tasks, profile(evaluate={"segments": 1}), segments)
    assert max(len(array.tasks) for array in arrays) == 10
    trained = [name for array in arrays if array.kind == "train" and array.part == 1 for name in array.tasks]
    assert sorted(trained) == [task.id for task in tasks]
    assert [array.name for array in arrays if array.tasks == ["r24"]] == [
        "train 1/3",
        "train 2/3",
        "train 3/3",
        "evaluate",
    ]


def test_dependencies_are_written_as_sbatch_reads_them():
    tasks = [run("a", "A"), run("b", "B"), Task(id="r", kind="report", request=REQUEST)]
    arrays = arrange(tasks, profile(), {"a": 2, "b": 2})
    for number, array in enumerate(arrays):
        array.job = str(100 + number)
    assert [dependency(array, arrays) for array in arrays] == [
        "",
        "aftercorr:100?afterany:100",
        "aftercorr:101?afterany:101",
        "aftercorr:102?afterany:102",
        "afterany:103",
    ]
    assert [arrays[0].element(1), arrays[4].element(0)] == ["100_1", "104"]


GOLDEN = """#!/bin/bash

# Parameters
#SBATCH --account=ab1234
#SBATCH --array=0-1%2
#SBATCH --chdir=/out/cluster/code/0123
#SBATCH --constraint=a100
#SBATCH --cpus-per-task=4
#SBATCH --dependency='aftercorr:7?afterany:7'
#SBATCH --exclusive
#SBATCH --gres=gpu:a100:1
#SBATCH --job-name=bench-train
#SBATCH --mem=16384M
#SBATCH --no-requeue
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --open-mode=append
#SBATCH --output=/out/cluster/submissions/s/slurm/%A_%a_0_log.out
#SBATCH --partition=main
#SBATCH --signal=USR2@60
#SBATCH --time=60

# setup
export INPAINT_BENCH_JOB_START=$(date +%s)
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$SLURM_CPUS_PER_TASK}
module load cuda
export PYTHONPATH=/out/cluster/code/0123${PYTHONPATH:+:$PYTHONPATH}

# command
export SUBMITIT_EXECUTOR=slurm
srun --unbuffered --output /out/cluster/submissions/s/slurm/%A_%a_%t_log.out apptainer exec x.sif python -u -m \
submitit.core._submit /out/cluster/submissions/s/slurm
"""


def test_the_batch_script():
    asked = profile(
        account="ab1234",
        constraint="a100",
        gpus="gres=gpu:a100:1",
        setup=["module load cuda"],
        container="apptainer exec x.sif",
        extra={"exclusive": True, "exclude": "", "hold": False},
    )
    arrays = arrange([run("a", "A"), run("b", "B")], asked, {"a": 2, "b": 2})
    arrays[0].job = "7"
    submission = Submission(name="s", profile=asked, code=Path("/out/cluster/code/0123"), arrays=arrays)
    assert slurm.script(OUT, submission, arrays[1]) == GOLDEN


@pytest.mark.parametrize(("minutes", "seconds"), [(240, 240 * 60 - 180), (10, 480), (1, 48)])
def test_a_segment_keeps_time_for_saving(minutes, seconds):
    assert slurm.training_seconds(Profile(name="p", partition="p", minutes=minutes)) == seconds
