"""A training on two nodes of a real SLURM, of which one loses its process."""

import json
import os
import signal
from pathlib import Path

import demanding
import pytest
import torch
from queued import profile, queue, states, wait_until, wait_until_over

from bench.cluster.task import Folder, tasks_folder
from bench.data import load
from bench.data.protocol import ProtocolOverrides, protocols
from bench.training import checkpoint

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

SETS = ("steps=20", "seconds=0.2")


@pytest.fixture
def faces(cache, monkeypatch):
    monkeypatch.setenv("INPAINT_BENCH_CACHE", str(cache))
    load(protocols("smoke", ProtocolOverrides())[0], cache)
    return cache


def tasks_of(job):
    """The processes of a job's tasks, by rank."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            env = dict(line.split("=", 1) for line in path.read_text().split("\0") if "=" in line)
            words = path.with_name("cmdline").read_text()
        except OSError:
            continue
        if env.get("SLURM_JOB_ID") == job and "SLURM_PROCID" in env and "submitit.core._submit" in words:
            found[int(env["SLURM_PROCID"])] = (int(path.parent.name), env["SLURMD_NODENAME"])
    return found


def weights(out):
    (path,) = out.rglob("trained-*.pt")
    return {(name, key): value for name, one in checkpoint.load(path).items() for key, value in one.items()}


def test_two_nodes_train_as_one_process_does_though_one_of_them_is_lost(slurm, faces, bench, tmp_path):
    """Gloo, a task on each node, a gradient penalty; the other node's task is killed on the way."""
    asked = {"keys": ("demanding",), "include": (Path(demanding.__file__),), "changes": SETS}
    two = profile(nodes=2, segments=2, extra={"exclude": "n3,n4,n5"})
    (name,) = queue(tmp_path / "two", faces, two, **asked)
    folder = Folder(tasks_folder(tmp_path / "two") / name)
    wait_until(lambda: list((tmp_path / "two").rglob("step-00-00000000[5-9]*.pt")))
    job = json.loads(folder.heartbeat_file.read_text())["job"]
    raw = slurm.ask("squeue", "-h", "-j", job, "-o", "%A")
    tasks = tasks_of(raw)
    assert sorted(node for _, node in tasks.values()) == ["n1", "n2"]
    os.kill(tasks[1][0], signal.SIGKILL)
    sets = [word for pair in SETS for word in ("--set", pair)]
    one = ("--include", demanding.__file__, "--scale", "smoke", *sets, "--out", tmp_path / "one")
    assert bench("train", "demanding", *one)[0] == 0
    wait_until_over(tmp_path / "two")
    assert states(tmp_path / "two") == {name: "done"}, folder.events()
    events = [event["event"] for event in folder.events()]
    assert events.count("started") == 3
    assert "lost" in events
    assert json.loads(next((tmp_path / "two").rglob("record.json")).read_text())["training"]["processes"] == [2]
    alone, together = weights(tmp_path / "one"), weights(tmp_path / "two")
    assert alone.keys() == together.keys()
    for key, value in alone.items():
        assert torch.allclose(value.double(), together[key].double(), rtol=1e-4, atol=5e-6), key
