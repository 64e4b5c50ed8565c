"""Real runs on a real SLURM: the whole chain, and what may befall it.

Everything is submitted at once by `campaign`, since jobs mostly wait; each test then looks at its own part.
"""

import json
import os
import subprocess
import sys
import threading

import pytest
from queued import (
    PLODDER,
    bench_process,
    profile,
    queue,
    results,
    states,
    statuses,
    wait_until,
    wait_until_over,
)  # fmt: skip

from bench.cluster.array import read_submission
from bench.cluster.slurm import script
from bench.cluster.task import Folder, tasks_folder
from bench.data import load
from bench.data.protocol import ProtocolOverrides, protocols

pytestmark = [pytest.mark.slow, pytest.mark.cluster]

SETS = ("steps=80", "seconds=0.1")
WORDS = ("plodder", "--include", PLODDER, "--scale", "smoke", "--set", SETS[0], "--set", SETS[1])
PROFILE = """partition = "main"
minutes = 10
cpus = 1
memory_gb = 4
segments = 2
heartbeat_seconds = 0.5
extra = { nodelist = "n1" }
[evaluate]
segments = 1
"""


class Survivor:
    """One run of the plodder in a folder of its own, and what shall befall it once it is well under way."""

    def __init__(self, home, cache, name, befall, **asked):
        self.out, self.name = home / name, name
        self.befall, self.befallen = befall, befall is None
        extra = asked.pop("extra", {"nodelist": "n1"})
        self.id = queue(self.out, cache, profile(extra=extra, **asked), changes=SETS)[0]
        self.folder = Folder(tasks_folder(self.out) / self.id)

    def beat(self):
        try:
            return json.loads(self.folder.heartbeat_file.read_text())
        except (FileNotFoundError, ValueError):
            return {}

    def look(self):
        """Strike once it has done a quarter."""
        beat = self.beat()
        if not self.befallen and beat.get("done", 0) >= 20:
            self.befall(beat)
            self.befallen = True
        return self.befallen

    def log(self):
        return [event["event"] for event in self.folder.events()]

    def nodes(self):
        return [event["node"] for event in self.folder.events() if event["event"] == "started"]


def seen(out):
    return {name: (one.state, one.node) for name, one in statuses(out).items()}


class Campaign:
    """All that runs, and the undisturbed run that it is held against."""

    def __init__(self, slurm, home, cache):
        self.slurm, self.home, self.cache = slurm, home, cache
        flags = home / "flags"
        flags.mkdir()
        for step in (25, 50):
            (flags / f"deaf-{step}").touch()
        deaf = [f"export PLODDER={flags}"]
        self.chain, self.troubled = self.submit_chain(), self.submit_troubled()
        self.reference = bench_process("evaluate", *WORDS, "--out", home / "straight")
        self.runs = {
            name: Survivor(home, cache, name, befall, **asked)
            for name, befall, asked in (
                ("limit", None, {"minutes": 2, "segments": 9, "setup": deaf}),
                ("requeue", lambda beat: slurm.ask("scontrol", "requeue", beat["job"]), {"requeue": True}),
                ("step", lambda beat: slurm.ask("scancel", "--signal=KILL", f"{beat['job']}.0"), {}),
                ("node", self.power_cut, {"extra": {"exclude": "n1,n3,n4"}}),
                ("preempted", self.urgent, {"partition": "fragile", "extra": {"nodelist": "n4"}}),
                ("controller", lambda beat: slurm.call("restart-controller"), {}),
            )
        }

    def submit_chain(self):
        """fang2021 at smoke scale: 3 seeds, 2 variants, floors, report; with all states seen on the way."""
        out = self.home / "chain"
        asked = {"seeds": (0, 1, 2), "variants": ("no_l1",), "keys": ("fang2021",), "include": ()}
        names = queue(out, self.cache, profile(segments=2, extra={"nodelist": "n3"}), **asked)
        return out, names, [seen(out)]

    def submit_troubled(self):
        """An array of three runs: one is well, one raises, one eats the memory."""
        out, flags = self.home / "troubled", self.home / "trouble"
        flags.mkdir()
        (flags / "raise-5@1").write_text("always")
        (flags / "memory-5@2").write_text("always")
        asked = {"memory_gb": 2.5, "segments": 2, "setup": [f"export PLODDER={flags}"], "extra": {"nodelist": "n1"}}
        queue(out, self.cache, profile(**asked), seeds=(0, 1, 2), changes=("steps=30",))
        return out, flags

    def power_cut(self, beat):
        """The node's slurmd and all its jobs die; the controller is told at once instead of after its timeout."""
        assert self.slurm.call("kill-node", beat["node"]).returncode == 0
        self.slurm.ask("scontrol", "update", f"nodename={beat['node']}", "state=down", "reason=dead")

    def urgent(self, beat):
        words = ["--partition=urgent", "--nodelist=n4", "--exclusive", "--mem=100M", "--output=/dev/null"]
        self.slurm.ask("sbatch", *words, "--wrap", "sleep 3")

    def watch(self):
        """Do the mischief when it is time, and note down how the chain fares."""
        out, _, course = self.chain

        def look():
            course.append(seen(out))
            struck = sum(one.look() for one in self.runs.values()) == len(self.runs)
            return struck and all(state == "done" for state, _ in course[-1].values())

        wait_until(look, 900, "all mishaps and the chain")

    def undisturbed(self):
        assert self.reference.wait(timeout=900) == 0, self.reference.stdout.read()
        return results(self.home / "straight")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    load(protocols("smoke", ProtocolOverrides())[0], cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INPAINT_BENCH_CACHE", str(cache))
        yield cache


@pytest.fixture(scope="module")
def campaign(slurm, faces, tmp_path_factory):
    made = Campaign(slurm, tmp_path_factory.mktemp("campaign"), faces)
    hand = threading.Thread(target=made.watch)
    hand.start()
    yield made
    hand.join()
    slurm.call("start")


@pytest.fixture(scope="module")
def chain(campaign):
    return campaign.chain


@pytest.fixture(scope="module")
def troubled(campaign):
    return campaign.troubled


def test_two_shells_submit_the_same_run_and_one_of_them_sees_it(campaign):
    out = campaign.home / "shells"
    (campaign.home / "p.toml").write_text(PROFILE)
    words = ("submit", *WORDS, "--cluster", campaign.home / "p.toml", "--out", out)
    shells = [bench_process(*words) for _ in range(2)]
    said = [shell.communicate(timeout=900)[0] for shell in shells]
    assert [shell.returncode for shell in shells] == [0, 0], said
    assert sorted("Nothing to submit" in text for text in said) == [False, True]
    assert len(list((out / "cluster" / "submissions").iterdir())) == 1
    wait_until_over(out)
    assert results(out) == campaign.undisturbed()


def test_the_whole_chain_of_a_paper(chain, campaign):
    """Training arrays, evaluation array, report: each run goes from waiting to done, and the report comes last."""
    out, names, course = chain
    wait_until_over(out)
    assert len(names) == 6 + 2 * 3 + 1
    assert states(out) == dict.fromkeys(names, "done")
    assert set(course[0].values()) == {("waiting", "")}
    trained = [name for name in names if name.startswith("fang2021")]
    for name in trained:
        found = [states_then[name] for states_then in course]
        assert ("running", "n3") in found
        assert {state for state, _ in found} <= {"waiting", "running", "done"}
    report = next(name for name in names if name.startswith("report"))
    begun = Folder(tasks_folder(out) / report).events()[1]
    assert begun["event"] == "started"
    assert all(Folder(tasks_folder(out) / name).end()["time"] < begun["time"] for name in names if name != report)
    assert (out / "reports" / "fang2021" / "index.html").exists()
    assert len(list(out.glob("runs/faces-smoke/fang2021*/record.json"))) == 6


def test_the_batch_script_that_was_shown_is_the_one_that_was_sent(chain):
    out, *_ = chain
    folder = next((out / "cluster" / "submissions").iterdir())
    submission = read_submission(out, folder.name)
    for array in submission.arrays:
        sent = (folder / "slurm" / f"{array.job}_submission.sh").read_text()
        assert sent == script(out, submission, array)
    assert max(len(array.tasks) for array in submission.arrays) == 6


def test_trouble_shows_and_stays_where_it_is_and_retry_mends_it(troubled):
    out, flags = troubled
    found = wait_until_over(out)
    well, raised, memory = (found[name] for name in sorted(found))
    assert (well.state, raised.state, memory.state) == ("done", "failed", "failed")
    assert raised.error == "ZeroDivisionError: planted"
    assert "out of memory" in memory.error
    shown = bench_process("logs", raised.folder.id, "--out", out).communicate(timeout=120)[0]
    assert "plodder.py" in shown
    assert "ZeroDivisionError: planted" in shown
    status = bench_process("status", "--out", out)
    table = status.communicate(timeout=120)[0]
    assert status.returncode == 2, table
    assert "planted" in table
    before = well.folder.events()
    for flag in flags.iterdir():
        flag.unlink()
    again = bench_process("retry", "--out", out).communicate(timeout=120)[0]
    assert sorted(again.split()[:2]) == sorted([raised.folder.id, memory.folder.id])
    wait_until_over(out)
    assert set(states(out).values()) == {"done"}
    assert well.folder.events() == before


def test_data_that_vanish_fail_their_own_run(slurm, faces, tmp_path):
    import numpy as np
    from PIL import Image

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in range(12):
        pixels = np.random.default_rng(number).integers(0, 256, (70, 70, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(pictures / f"{number}.png")
    out = tmp_path / "out"
    asked = {"keys": ("mean_fill",), "include": (), "data": (f"folder={pictures}", "faces")}
    held = profile(extra={"nodelist": "n1", "begin": "now+4"})
    queue(out, faces, held, **asked)
    pictures.rename(tmp_path / "elsewhere")
    found = wait_until_over(out)
    assert {name.split("-")[1] if name.startswith("mean") else "data": one.state for name, one in found.items()} == {
        "data": "failed", "folder": "failed", "faces": "done",
    }  # fmt: skip
    assert all(str(pictures) in one.error for one in found.values() if one.state == "failed")


def test_a_job_that_submits_leaks_nothing_into_the_child(slurm, faces, tmp_path):
    (tmp_path / "p.toml").write_text(PROFILE.replace("[evaluate]", f'setup = ["env > {tmp_path}/env"]\n[evaluate]'))
    words = ["mean_fill", "--scale", "smoke", "--cluster", tmp_path / "p.toml", "--out", tmp_path / "out"]
    inside = ["srun", "--nodelist=n3", "--cpus-per-task=3", "--mem=3G", "--gres=gpu:1", "--job-name=parent"]
    env = os.environ | {"SLURM_CPU_BIND": "cores", "SLURM_MEM_BIND": "local"}
    done = subprocess.run(
        [*inside, sys.executable, "-m", "bench", "submit", *map(str, words)], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    wait_until_over(tmp_path / "out")
    assert set(states(tmp_path / "out").values()) == {"done"}
    child = dict(line.split("=", 1) for line in (tmp_path / "env").read_text().splitlines() if "=" in line)
    assert child["SLURM_JOB_NAME"] == "bench-evaluate"
    assert child["SLURM_CPUS_PER_TASK"] == "1"
    for name in ("SLURM_CPU_BIND", "SLURM_MEM_BIND", "SLURM_STEP_ID", "SLURM_STEP_GPUS", "SLURM_SRUN_COMM_HOST"):
        assert name not in child


def test_doctor_asks_a_compute_node(slurm, faces, tmp_path):
    text = PROFILE.replace("minutes = 10", 'minutes = 3000\ngpus = "gres=gpu:1"')
    (tmp_path / "p.toml").write_text(text)
    asked = bench_process("doctor", "--cluster", tmp_path / "p.toml", "--out", tmp_path / "out")
    said = asked.communicate(timeout=900)[0]
    lines = {line[2:26].strip(): line[0] for line in said.splitlines() if line[1:2] == " "}
    assert lines["sbatch"] == lines["partition main"] == lines["shared files"] == lines["shared locks"] == "✓", said
    assert lines["code on the node"] == lines["data cache"] == "✓", said
    assert lines["time limit"] == "!", said  # 3,000 minutes asked, a day granted
    assert lines["GPU on the node"] == "!", said  # the cluster's GPUs are fake
    assert "sacct" in said
    assert asked.returncode == sum(mark == "!" for mark in lines.values())


def test_a_thousand_runs_are_a_few_arrays(slurm, faces, tmp_path):
    out = tmp_path / "out"
    waiting = profile(partition="closed", array_cap=400)
    names = queue(out, faces, waiting, keys=("mean_fill",), include=(), seeds=range(1000))
    assert len(names) == 1000
    submission = read_submission(out, next((out / "cluster" / "submissions").iterdir()).name)
    assert [len(array.tasks) for array in submission.arrays] == [400, 400, 200]
    assert set(states(out).values()) == {"waiting"}
    ended = bench_process("cancel", "--all", "--out", out).communicate(timeout=120)[0]
    assert len(ended.split()) == 1000
    assert set(states(out).values()) == {"cancelled"}
    jobs = {array.job for array in submission.arrays}
    wait_until(lambda: jobs.isdisjoint(slurm.ask("squeue", "-h", "-o", "%F").split()))


@pytest.mark.parametrize("name", ["requeue", "step", "node", "preempted", "controller", "limit"])
def test_what_befalls_a_run_moves_no_bit(campaign, name):
    one = campaign.runs[name]
    wait_until(lambda: one.befallen, 300, f"the mishap of {name}")
    wait_until_over(one.out, 900, f"the end of {name}")
    assert states(one.out) == {one.id: "done"}, one.folder.events()
    assert results(one.out) == campaign.undisturbed()
    lost = [event["why"] for event in one.folder.events() if event["event"] == "lost"]
    starts = one.log().count("started")
    if name == "limit":
        # A slow machine may lose it once more, even before its first step: no bit moves by that either.
        assert lost.count("time limit") >= 2, lost
        assert starts >= 4
    elif name == "controller":
        assert (starts, lost) == (2, [])
    else:
        assert starts == 3, one.folder.events()
    if name == "requeue":
        jobs = [event["job"] for event in one.folder.events() if event["event"] == "started"]
        assert jobs[0] == jobs[1]
    if name == "node":
        assert one.nodes()[0] != one.nodes()[1]
