"""Several nodes and GPUs for one training: what is asked for, shown, estimated and refused. Without a SLURM."""

from pathlib import Path

import pytest

from bench.cluster import slurm
from bench.cluster.array import Submission, arrange
from bench.cluster.campaign import Campaign, Plan, Planned
from bench.cluster.estimate import Estimate
from bench.cluster.plan import _cost
from bench.cluster.profile import Profile, read_profile
from bench.cluster.task import Task
from bench.data.protocol import Protocol
from bench.runs import rates
from bench.runs.meter import Spent, Tally
from bench.runs.request import Request
from bench.util.errors import UserError

FACES = Protocol(data="faces", resolution=64, images=48, split=(50, 9, 1), test_images=6, mask_sets=("center",))


def profile(**more):
    return Profile(name="p", partition="gpu", minutes=60, **more)


def task(out):
    return Task(
        id="a",
        kind="run",
        request=Request(key="m", scale="paper", out=out, cache=out),
        protocol=FACES,
        trains=True,
        training="A",
    )


@pytest.mark.parametrize(
    ("gpus", "asked", "one"),
    [
        ("", "gpus-per-node=4", "gpus-per-node=1"),
        ("gpus-per-node=1", "gpus-per-node=4", "gpus-per-node=1"),
        ("gres=gpu", "gres=gpu:4", "gres=gpu:1"),
        ("gres=gpu:a100:2", "gres=gpu:a100:4", "gres=gpu:a100:1"),
    ],
)
def test_a_training_asks_for_all_its_gpus_and_all_else_for_one(gpus, asked, one):
    made = profile(gpus=gpus, nodes=2, gpus_per_node=4, report={"gpus": ""})
    assert (made.resources("train").gpus, made.resources("evaluate").gpus, made.resources("report").gpus) == (
        asked,
        one,
        "",
    )
    assert (made.each, made.processes) == (4, 8)
    assert (made.gpus_of("train"), made.gpus_of("evaluate"), made.gpus_of("report")) == (8, 1, 0)


def test_a_profile_without_them_asks_as_before():
    made = profile(gpus="gres=gpu:2")
    assert (made.resources("train").gpus, made.processes, made.gpus_of("train")) == ("gres=gpu:2", 1, 2)
    assert profile(nodes=3).processes == 3


def script(made, place):
    arrays = arrange([task(Path("/out"))], made, {"a": 1})
    submission = Submission(name="s", profile=made, code=Path("/out/code"), arrays=arrays)
    return slurm.script(Path("/out"), submission, arrays[place])


def test_the_batch_script_starts_a_process_for_each_gpu_in_training_alone():
    made = profile(gpus="gres=gpu:1", nodes=2, gpus_per_node=4)
    train, evaluate = script(made, 0), script(made, 1)
    for line in ("--nodes=2", "--ntasks-per-node=4", "--gres=gpu:4"):
        assert f"#SBATCH {line}\n" in train
    assert "srun --unbuffered --output /out/cluster/submissions/s/slurm/%j_%t_log.out --kill-on-bad-exit=1" in train
    for line in ("--nodes=1", "--ntasks-per-node=1", "--gres=gpu:1"):
        assert f"#SBATCH {line}\n" in evaluate
    assert "kill-on-bad-exit" not in evaluate


def put(asked, kind, seconds, device="A100", processes=1):
    tally = {"all": Tally(100, Spent(100 * seconds, 100 * seconds))}
    rates.put(asked.request.out, asked.rate_name, kind, tally, device, processes=processes)


def test_rates_are_those_of_as_many_processes_or_one_ones_shared_evenly(tmp_path):
    asked = task(tmp_path)

    def found(processes):
        return rates.find(tmp_path, asked.rate_name, gpu=True, processes=processes)

    put(asked, "train", 0.8)
    put(asked, "score", 0.5)
    shared = found(4)
    assert shared.cost("train", {"all": 1}).wall == pytest.approx(0.2)
    assert shared.cost("score", {"all": 1}).wall == pytest.approx(0.5)
    assert str(shared) == "recorded on A100, if 4 processes share it evenly"
    put(asked, "train", 0.3, processes=4)
    measured = found(4)
    assert [measured.cost(kind, {"all": 1}).wall for kind in ("train", "score")] == pytest.approx([0.3, 0.5])
    assert str(measured) == "recorded on A100"
    assert found(1).cost("train", {"all": 1}).wall == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("asked", "hours", "crew"),
    [
        ({"gpus": "gres=gpu:1"}, "3.00 GPU-hours", None),
        ({"gpus_per_node": 4}, "9.00 GPU-hours", "4 GPUs of one node"),
        ({"nodes": 2, "gpus_per_node": 4}, "17.00 GPU-hours", "2 nodes with 4 GPUs each"),
        ({"nodes": 2}, "5.00 CPU-hours", "2 nodes with 1 process each"),
    ],
)
def test_hours_count_what_a_job_holds(tmp_path, asked, hours, crew):
    """Two hours of training, one of scoring."""
    made, asked = profile(**asked), task(tmp_path)
    planned = Planned(asked, steps={"all": 7200}, images={"all": 3600})
    device = "A100" if made.gpus_of("train") else rates.CPU
    for processes in {1, made.processes}:
        put(asked, "train", 1.0, device, processes)
    put(asked, "score", 1.0, device)
    plan = Plan(Campaign([Request(key="m", out=tmp_path, cache=tmp_path)], made), [planned])
    told = _cost(plan, Estimate(plan))
    assert told.startswith(f"Estimate: {hours}")
    assert ("each training by" in told) == (crew is not None)
    assert crew is None or f"each training by {crew}" in told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("nodes = 0", "nodes"),
        ("nodes = 2\nsrun = false", "leave out srun = false"),
        ('gpus = "gpus=1"\nnodes = 2', 'gpus = "gpus=1": with several processes, request GPUs per node'),
        ("[evaluate]\nnodes = 2", "[evaluate] unknown key 'nodes'"),
    ],
)
def test_one_line_says_what_a_profile_may_not_ask(tmp_path, text, says):
    path = tmp_path / "mine.toml"
    path.write_text(f'partition = "a"\n{text}\n')
    with pytest.raises(UserError) as error:
        read_profile(str(path))
    assert says in str(error.value)
    assert len(str(error.value).splitlines()) == 1


def test_the_command_lines_numbers_replace_the_profiles(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('partition = "a"\nnodes = 4\ngpus_per_node = 2\n')
    assert read_profile(str(path)).processes == 8
    assert read_profile(str(path), nodes=1, gpus_per_node=8).processes == 8
    assert read_profile(str(path), nodes=1).resources("train").gpus == "gpus-per-node=2"
    assert read_profile("local", nodes=1, gpus_per_node=1).processes == 1
    with pytest.raises(UserError, match="--cluster local gives each run one GPU"):
        read_profile("local", nodes=2)
