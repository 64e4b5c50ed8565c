"""Why a run is lost whose job ended before it could say a word, and what is said of profiles before that happens."""

import json

import pytest
from faked import PROFILE

from bench.cluster import history
from bench.cluster.doctor import _await, _silent
from bench.cluster.task import folders

NOISE = "srun: error: n1: task 0: Exited with exit code 2"


def log(tmp_path, *lines, job="101"):
    """What the job of the only submission printed."""
    (folder,) = (tmp_path / "out" / "cluster" / "submissions").glob("*/slurm")
    (folder / f"{job}_0_log.out").write_text("\n".join(lines))


@pytest.fixture
def lost(call, scheduler, tmp_path):
    """What `status` says of a run whose job printed some lines and is gone."""

    def told(*lines, profile=PROFILE):
        (tmp_path / "p.toml").write_text(profile)
        code, _, err = call("submit", "mean_fill")
        assert code == 0, err
        scheduler.queue()
        if lines:
            log(tmp_path, *lines)
        code, out, _ = call("status")
        assert code == 1
        assert "lost" in out
        return out

    return told


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        (
            ("slurmstepd-n1: error: execve(): /no/python: No such file or directory", NOISE),
            "before it began: execve(): /no/python: No such file or directory. Mend profile p",
        ),
        (
            ("slurmstepd-n1: error: execve(): apptainer: No such file or directory", NOISE),
            "execve(): apptainer: No such file or directory",
        ),
        (
            (
                "/var/spool/job7/slurm_script: line 20: module: command not found",
                "line 21: /no: No such file or directory",
            ),
            "before it began: line 20: module: command not found.",
        ),
        (("python: can't open file 'x': [Errno 28] No space left on device",), "before it began: disk full."),
        (("sh: 1: cannot create /x: Disk quota exceeded", NOISE), "before it began: disk full."),
        (("slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026 DUE TO NODE FAILURE ***",), "node lost"),
        (("/usr/bin/python: Error (ModuleNotFoundError: No module named 'submitit')",), "No module named 'submitit'"),
        (("Lmod is loaded", "good bye"), "before it began: good bye."),
        (("ImportError: \x1b[31mred",), r"ImportError: \x1b[31mred"),
    ],
)
def test_what_the_job_printed_tells_the_cause(lost, lines, cause):
    assert cause in lost(*lines)


def test_a_job_that_printed_nothing_ended_as_slurm_says(lost, scheduler):
    fields = "JobId=101 JobState=FAILED Reason=NonZeroExitCode Dependency=(null) ExitCode=7:0 Comment=a=b"
    answer = f'#!/bin/sh\n[ "$1 $2" = "show config" ] && echo "ClusterName = fake" || echo "{fields}"\n'
    (scheduler.home / "scontrol").write_text(answer)
    assert "before it began: FAILED, exit code 7, NonZeroExitCode. Mend" in lost()


def test_a_log_that_could_not_be_opened_is_told_as_that(lost, scheduler):
    fields = "JobState=FAILED Reason=NonZeroExitCode ExitCode=0:53"
    answer = f'#!/bin/sh\n[ "$1 $2" = "show config" ] && echo "ClusterName = fake" || echo "{fields}"\n'
    (scheduler.home / "scontrol").write_text(answer)
    assert "its log could not be opened (is " in lost()


def test_where_slurm_no_longer_knows_nothing_is_made_up(lost):
    assert "before it began" not in lost()


def test_a_job_that_began_is_not_judged_by_what_came_before(call, scheduler, tmp_path):
    call("submit", "mean_fill")
    scheduler.queue()
    (folder,) = (one for one in folders(tmp_path / "out") if one.task().kind == "run")
    log(tmp_path, "module: command not found", history.heading(folder.id, 1))
    folder.log("started", attempt=1, kind="evaluate", raw="", node="n1")
    folder.log("stopped", attempt=1, why="ended by a signal")
    assert "module" not in call("status")[1]


def test_doctor_waits_for_no_answer_of_a_job_that_is_over(scheduler, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.cluster.doctor.LOOK_SECONDS", 0.0)
    (scheduler.home / "squeue").write_text("#!/bin/sh\necho FAILED\n")
    assert _await(tmp_path, "101") is None
    (tmp_path / "slurm").mkdir()
    (tmp_path / "slurm" / "101_0_log.out").write_text(f"slurmstepd: error: execve(): /no: No such file\n{NOISE}\n")
    assert _silent(tmp_path, "101", tmp_path) == "job 101 failed: execve(): /no: No such file"


@pytest.mark.parametrize(("minutes", "warned"), [(1, True), (4, True), (5, False), (60, False)])
def test_a_segment_too_short_to_begin_is_told_by_submit(call, scheduler, tmp_path, minutes, warned):
    (tmp_path / "p.toml").write_text(PROFILE.replace("minutes = 60", f"minutes = {minutes}"))
    code, out, err = call("submit", "mean_fill")
    assert code == 0, err
    told = f"Warning: p: minutes = {minutes} leaves a job of train and evaluate hardly time to load its libraries"
    assert (told in out) == warned
    assert scheduler.scripts()


def test_a_segment_too_short_to_begin_is_told_by_plan_and_doctor(call, bench, scheduler, tmp_path, monkeypatch):
    (tmp_path / "p.toml").write_text(f"{PROFILE}[evaluate]\nminutes = 2\n")
    monkeypatch.setattr("bench.cluster.plan.calibrate", lambda *_: pytest.fail("nothing is to be measured here"))
    call("submit", "mean_fill")
    scheduler.queue("101", "102")
    told = "minutes = 2 leaves a job of evaluate hardly time"
    assert told in call("plan", "mean_fill")[1]
    (scheduler.home / "sbatch").write_text("#!/bin/sh\nexit 1\n")
    code, out, _ = bench("doctor", "--cluster", tmp_path / "p.toml", "--out", tmp_path / "out")
    assert told in out
    assert code >= 2


def test_doctor_refuses_a_folder_whose_name_slurm_would_change(bench, scheduler, tmp_path):
    code, _, err = bench("doctor", "--cluster", tmp_path / "p.toml", "--out", tmp_path / "a%j")
    assert code == 2
    assert "SLURM replaces % and" in err


def test_what_the_job_printed_counts_for_runs_on_this_machine_too(call, bench, tmp_path, monkeypatch):
    monkeypatch.setattr("bench.cluster.local.start", lambda out, submission: None)
    bench("submit", "mean_fill", "--cluster", "local", "--workers", 1, "--scale", "smoke", "--out", tmp_path / "out")
    (folder,) = (one for one in folders(tmp_path / "out") if one.task().kind == "run")
    (folder.path / "log").mkdir()
    (folder.path / "log" / "start.txt").write_text("ModuleNotFoundError: No module named 'torch'\n")
    assert "its job ended before it began: ModuleNotFoundError: No module named 'torch'" in call("status")[1]


def test_the_end_of_a_task_stays_what_it_was(call, scheduler, tmp_path):
    """A cause is for what is lost, and for nothing else."""
    call("submit", "mean_fill")
    scheduler.queue()
    log(tmp_path, "module: command not found")
    (folder,) = (one for one in folders(tmp_path / "out") if one.task().kind == "run")
    folder.end_file.write_text(json.dumps({"state": "done"}))
    assert "module" not in call("status")[1]
