"""submit, plan, status, retry, cancel, logs over a scheduler faked at its boundary: the commands on the PATH."""

import json
import os
import re
import stat
from pathlib import Path

import numpy as np
import pytest
from faked import PROFILE
from PIL import Image

from bench.cluster.slurm import clean_environment
from bench.cluster.task import folders
from bench.runs.request import absolute

METHOD = str(Path(__file__).parent / "plodder.py")


def ids(tmp_path, kind="run"):
    return [folder.id for folder in folders(tmp_path / "out") if folder.task().kind == kind]


@pytest.fixture
def pictures(tmp_path):
    """Two data sets that nobody has packed."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        for number in range(12):
            pixels = np.random.default_rng(number).integers(0, 256, (70, 70, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    return [word for name in ("one", "two") for word in ("--data", f"folder={tmp_path / name}")]


def test_runs_are_methods_times_data_times_seeds(call, scheduler, pictures, tmp_path):
    code, out, err = call("submit", "mean_fill", "plodder", "--include", METHOD, *pictures, "--seed", 0, "--seed", 1)
    assert code == 0, err
    assert len(ids(tmp_path)) == 2 * 2 * 2
    assert all(name in out for name in ids(tmp_path))
    assert len(ids(tmp_path, "data")) == 2
    assert sum("--job-name=bench-data" in text for text in scheduler.scripts().values()) == 2
    assert "status" in out


def test_what_is_under_way_is_not_submitted_again(call, scheduler, tmp_path):
    call("submit", "mean_fill", "--seed", 0)
    before = len(scheduler.scripts())
    jobs = [str(101 + number) for number in range(before)]
    scheduler.queue(*jobs)
    assert "Nothing to submit" in call("submit", "mean_fill", "--seed", 0)[1]
    out = call("submit", "mean_fill", "--seed", 0, "--seed", 1)[1]
    assert "mean_fill-faces-smoke-seed1" in out
    assert "mean_fill-faces-smoke-seed0" not in out
    scheduler.queue()  # gone without a word: lost, so it may be submitted again
    assert "mean_fill-faces-smoke-seed0" in call("submit", "mean_fill", "--seed", 0)[1]


def test_a_batch_that_the_processes_cannot_share_is_told_before_anything_is_queued(call, scheduler):
    code, _, err = call("submit", "plodder", "--include", METHOD, "--nodes", 3)
    assert code == 2
    assert "3 processes cannot share a batch of 2 images (stage 'plod') evenly: use 2." in err
    assert scheduler.scripts() == {}
    code, _, err = call("submit", "plodder", "--include", METHOD, "--nodes", 2)
    assert code == 0, err
    (script,) = [text for text in scheduler.scripts().values() if "--job-name=bench-train" in text][:1]
    assert "#SBATCH --nodes=2\n" in script


def test_a_record_made_without_a_queue_counts_as_done(call, bench, tmp_path):
    bench("evaluate", "mean_fill", "--scale", "smoke", "--out", tmp_path / "out")
    assert "Nothing to submit: all 1 runs are done" in call("submit", "mean_fill")[1]


def test_a_refused_chain_is_taken_back_and_the_rest_stays(call, scheduler, tmp_path):
    (tmp_path / "p.toml").write_text(PROFILE + "array_cap = 1\n")
    (scheduler.home / "sbatch.refuse-104").touch()
    code, _, err = call("submit", "mean_fill", "--seed", 0, "--seed", 1)
    assert code == 2
    assert "QOSMaxSubmitJobPerUserLimit" in err
    assert "1 of 2 tasks are in the queue; rerun the command to submit the rest" in err
    assert scheduler.cancelled() == ["103"]
    scheduler.queue("101", "102")
    out = call("submit", "mean_fill", "--seed", 0, "--seed", 1)[1]
    assert "seed1" in out
    assert "seed0" not in out


def test_bad_input_is_one_clear_line(call, bench, scheduler, tmp_path):
    def told(result, *words):
        code, _, err = result
        assert code == 2
        assert len(err.strip().splitlines()) == 1, err
        for word in words:
            assert word in err

    out = ("--out", tmp_path / "out")
    told(bench("submit", "mean_fill", "--cluster", "exampel", *out), "Did you mean 'example'?")
    (tmp_path / "p.toml").write_text(PROFILE.replace("main", "mian"))
    told(call("submit", "mean_fill"), "this cluster has no partition 'mian'", "Did you mean 'main'?")
    (tmp_path / "p.toml").write_text(PROFILE + 'qso = "x"')
    told(call("submit", "mean_fill"), "p.toml", "'qso'", "Did you mean 'qos'?")
    (tmp_path / "p.toml").write_text(PROFILE)
    told(call("submit", "mean_fill", "--data", f"folder={tmp_path / 'no'}"), str(tmp_path / "no"))
    told(call("submit", "maen_fill"), "Did you mean 'mean_fill'?")
    told(call("status"), "holds no queued runs")
    told(call("cancel"), "name the runs, or pass --all")
    call("submit", "mean_fill")
    told(call("logs", "mean_fil"), "holds no run 'mean_fil'")
    told(call("retry", "mean_fill-faces-smoke-seed0"), "holds no run")
    assert not (tmp_path / "out" / "runs").exists()


def test_without_slurm_it_says_so(bench, tmp_path, monkeypatch):
    (tmp_path / "p.toml").write_text(PROFILE)
    monkeypatch.setenv("PATH", "/nowhere")
    code, _, err = bench("submit", "mean_fill", "--cluster", tmp_path / "p.toml", "--out", tmp_path / "out")
    assert code == 2
    assert "sbatch not found" in err


def test_paths_are_told_from_the_root(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert absolute("faces") == "faces"
    assert absolute("folder=pictures") == f"folder={tmp_path}/pictures"
    assert absolute("masks=m:white") == f"masks={tmp_path}/m:white"


def test_a_job_that_submits_leaks_nothing_of_its_own(call, scheduler, monkeypatch):
    for name in ("SLURM_JOB_ID", "SLURM_CPU_BIND", "SLURM_NTASKS", "SBATCH_PARTITION", "MASTER_PORT"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm/slurm.conf")
    monkeypatch.setenv("MINE", "kept")
    call("submit", "mean_fill")
    for path in scheduler.home.glob("sbatch.*.env"):
        env = dict(line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
        assert [name for name in env if name.startswith(("SLURM", "SBATCH", "MASTER"))] == ["SLURM_CONF"]
        assert env["MINE"] == "kept"
    assert os.environ["SLURM_JOB_ID"] == "1"
    assert os.environ["SLURM_CONF"] == "/etc/slurm/slurm.conf"
    monkeypatch.delenv("SLURM_CONF")
    with clean_environment():
        assert "SLURM_CONF" not in os.environ


def test_cancel_works_on_the_files_and_tells_the_scheduler(call, scheduler, tmp_path):
    call("submit", "mean_fill", "--seed", 0, "--seed", 1)
    one, other = ids(tmp_path)
    scheduler.queue("101_0", "101_1", "102_0", "102_1", "101", "102", "103")
    assert call("cancel", one)[1].split() == [one]
    jobs = scheduler.cancelled()
    assert jobs
    assert all(job.endswith("_0") for job in jobs)
    lines = call("status")[1].splitlines()
    states = {name: line for line in lines for name in (one, other) if line.startswith(name)}
    assert "cancelled" in states[one]
    assert "waiting" in states[other]
    assert call("status")[0] == 0


def test_retry_takes_what_failed_and_nothing_else(call, scheduler, tmp_path):
    call("submit", "mean_fill", "--seed", 0, "--seed", 1, "--seed", 2)
    failed, fine, lost = sorted(folders(tmp_path / "out"), key=lambda folder: folder.id)[-3:]
    code = (tmp_path / "out" / "cluster" / "code").iterdir()
    failed.end_file.write_text(json.dumps({"state": "failed", "error": "it broke", "traceback": "Traceback: here"}))
    fine.end_file.write_text(json.dumps({"state": "done"}))
    scheduler.queue()
    result, out, _ = call("status")
    assert result == 2
    assert "it broke" in out
    shown = call("logs", failed.id)[1]
    assert "Traceback: here" in shown
    assert "submitted" in shown
    before = set(scheduler.scripts())
    said = call("retry", failed.id, lost.id)[1]
    assert failed.id in said
    assert lost.id in said
    assert fine.id not in said
    new = [text for name, text in scheduler.scripts().items() if name not in before]
    assert new
    assert all("--array=0-1%2" in text and f"--chdir={next(code)}" in text for text in new[:1])
    assert failed.end() is None
    assert fine.end() == {"state": "done"}
    assert call("retry", fine.id)[0] == 2


def test_status_without_a_scheduler_goes_by_the_files(call, scheduler, tmp_path):
    call("submit", "mean_fill")
    for name in ("squeue", "scontrol"):
        (scheduler.home / name).write_text("#!/bin/sh\nexit 1\n")
    code, out, _ = call("status")
    assert code == 0
    assert "waiting" in out


def test_another_clusters_scheduler_is_not_asked(call, scheduler, tmp_path):
    call("submit", "mean_fill")
    scheduler.queue()
    assert "lost" in call("status")[1]
    (scheduler.home / "scontrol").write_text('#!/bin/sh\necho "ClusterName = other"\n')
    assert "lost" not in call("status")[1]


@pytest.mark.slow
def test_plan_submits_nothing_and_shows_the_script(call, scheduler, tmp_path):
    code, out, err = call("plan", "plodder", "--include", METHOD, "--seed", 0, "--seed", 1)
    assert code == 0, err
    assert scheduler.scripts() == {}
    assert "#SBATCH --partition=main" in out
    assert "#SBATCH --array=0-1%2" in out
    assert "calibrated on CPU" in out
    assert re.search(r"CPU-hours \(\d+ s\) for 2 runs", out)
    assert ids(tmp_path) == []


@pytest.mark.parametrize("state", ["done", "cancelled"])
def test_a_run_that_is_tried_again_takes_its_report_along(call, scheduler, tmp_path, state):
    call("submit", "fang2021", "--seed", 0)
    found = {folder.id: folder for folder in folders(tmp_path / "out")}
    (run,), (report,) = ([one for name, one in found.items() if name.startswith(key)] for key in ("fang", "report"))
    for folder in found.values():
        folder.end_file.write_text(json.dumps({"state": "done"}))
    run.end_file.write_text(json.dumps({"state": "cancelled"}))
    report.end_file.write_text(json.dumps({"state": state}))
    assert run.id in call("retry", run.id)[1]
    assert {name for name, folder in found.items() if folder.end() is None} == {run.id, report.id}


def test_runs_that_differ_only_after_training_are_trained_once(call, tmp_path):
    """A paper whose search settings no training depends on."""
    code, _, err = call("submit", "huang2022", "--variant", "all", "--seed", 0)
    assert code == 0, err
    trained = {folder.id: folder.task() for folder in folders(tmp_path / "out") if folder.task().trains}
    submission = json.loads(next((tmp_path / "out").glob("cluster/submissions/*/submission.json")).read_text())
    first = [array for array in submission["arrays"] if array["kind"] == "train" and array["part"] == 1]
    leaders = [name for array in first for name in array["tasks"]]
    assert len(leaders) == len({task.training for task in trained.values()}) < len(trained)
    scored = [name for array in submission["arrays"] if array["kind"] == "evaluate" for name in array["tasks"]]
    assert set(scored) >= set(trained)


def test_plan_tells_missing_data(call, tmp_path):
    code, out, _ = call("plan", "mean_fill", "--data", f"folder={tmp_path / 'no'}")
    assert code == 0
    assert f"Missing data: {tmp_path / 'no'} does not exist" in out


def test_reproduce_submits_too(bench, scheduler, tmp_path):
    where = ("--cluster", tmp_path / "p.toml", "--scale", "smoke", "--out", tmp_path / "out")
    code, out, err = bench("reproduce", "fang2021", *where)
    assert code == 0, err
    assert "report-fang2021" in out
    assert {folder.task().request.key for folder in folders(tmp_path / "out")} > {"fang2021", "harmonic"}
    assert bench("reproduce", "harmonic", *where)[0] == 2
    assert "--force" in bench("reproduce", "fang2021", "--force", *where)[2]


def test_variables_that_change_the_schedulers_answers_do_not_reach_it(call, scheduler, monkeypatch):
    call("submit", "mean_fill")
    scheduler.queue("101", "102")
    asked = '[ -n "$SQUEUE_STATES$SQUEUE_FORMAT$SLURM_CLUSTERS" ] && exit; cat "$0.jobs"'
    (scheduler.home / "squeue").write_text(f"#!/bin/sh\n{asked}\n")
    for name in ("SQUEUE_STATES", "SQUEUE_FORMAT", "SLURM_CLUSTERS"):
        monkeypatch.setenv(name, "RUNNING")
    assert "waiting" in call("status")[1]
    assert "Nothing to submit" in call("submit", "mean_fill")[1]


@pytest.mark.parametrize(
    "reason", ["PartitionDown", "PartitionTimeLimit", "PartitionConfig", "QOSMaxWallDurationPerJobLimit"]
)
def test_a_job_that_cannot_start_says_why_and_ends_the_watch(call, scheduler, reason):
    call("submit", "mean_fill", "--seed", 0)
    scheduler.queue("101 Priority", "102 Dependency")
    out = call("status")[1]
    assert "waiting" in out
    assert "cannot start" not in out
    scheduler.queue(f"101 {reason}", "102 Dependency")
    code, out, _ = call("status", "--watch")
    assert code == 0
    assert "waiting" in out
    assert f"cannot start: {reason}" in out


def test_an_error_says_which_of_the_methods_it_is_about(call):
    code, _, err = call("submit", "fang2021", "mean_fill", "--variant", "no_l1")
    assert code == 2
    assert "mean_fill: There is no variant 'no_l1'" in err


def test_an_output_folder_whose_name_slurm_would_change_is_refused(bench, scheduler, tmp_path):
    for name in ("runs%j", "a\\b"):
        words = ("submit", "mean_fill", "--scale", "smoke", "--cluster", tmp_path / "p.toml")
        code, _, err = bench(*words, "--out", tmp_path / name)
        assert code == 2
        assert "SLURM replaces % and" in err
    assert scheduler.scripts() == {}


def test_what_jobs_run_is_open_to_nobody_else(call, tmp_path):
    before = os.umask(0o002)
    try:
        call("submit", "mean_fill")
    finally:
        os.umask(before)
    (folder,) = (tmp_path / "out" / "cluster" / "submissions").glob("*/slurm")
    assert list(folder.glob("*.pkl"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
