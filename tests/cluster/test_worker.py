"""One part of one task, in this process: what it leaves behind, whatever happens to it."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest
from queued import wait_until

from bench.cluster import snapshot, worker
from bench.cluster.array import Array, Submission, write_submission
from bench.cluster.part import JOB_START, JobPart
from bench.cluster.profile import local_profile
from bench.cluster.pulse import Pulse
from bench.cluster.state import Watch
from bench.cluster.task import Folder, Task, tasks_folder
from bench.cluster.work import Work
from bench.data import load
from bench.data.protocol import Protocol
from bench.runs.request import Request

METHOD = Path(__file__).parent / "plodder.py"
FACES = Protocol(data="faces", resolution=64, images=48, split=(50, 9, 1), test_images=6, mask_sets=("center",))


@pytest.fixture
def task(tmp_path, cache, monkeypatch):
    """A task of the plodder in a folder of its own, as submitted."""
    load(FACES, cache)
    monkeypatch.setattr(snapshot, "check", lambda code: None)
    monkeypatch.setattr(snapshot, "included", lambda code, include: include)
    monkeypatch.setenv("PLODDER", str(tmp_path / "trouble"))
    (tmp_path / "trouble").mkdir()
    made = Task(
        id="t",
        kind="run",
        request=Request(
            key="plodder",
            scale="smoke",
            changes={"steps": 20},
            include=[METHOD],
            seeds=(0,),
            device="cpu",
            checkpoint_seconds=0.0,
            out=tmp_path,
            cache=cache,
        ),
        protocol=FACES,
        trains=True,
        training="T",
        submission="s",
    )
    folder = Folder(tasks_folder(tmp_path) / "t")
    folder.put(made)
    folder.log("submitted", submission="s")
    arrays = [Array(kind="train", tasks=["t"], job="7"), Array(kind="evaluate", tasks=["t"], after=[0], job="8")]
    write_submission(tmp_path, Submission(name="s", profile=local_profile(1), code=tmp_path, arrays=arrays))
    return folder


def put(folder, **changed):
    """With another request."""
    task = folder.task()
    folder.put(task.model_copy(update={"request": task.request.but(**changed)}))


def part(folder, kind="train", **more):
    asked = {"submission": "s", "code": folder.path, "part": 1, "parts": 1, "heartbeat_seconds": 0.05} | more
    return JobPart(folder=folder.path, kind=kind, **asked)


def events(folder, *names):
    return [event["event"] for event in folder.events() if not names or event["event"] in names]


def weights(folder):
    found = list((folder.path.parents[2] / "runs").rglob("trained-*.pt"))
    assert len(found) == 1
    return found[0].read_bytes()


def status(folder):
    return Watch(folder.path.parents[2]).of(folder)


def test_train_then_evaluate_ends_done_with_a_record(task):
    assert worker.run(part(task)) == 0
    assert task.end() is None
    assert status(task).state == "lost"  # no dispatcher lives here: nobody will evaluate it
    assert status(task).doing == "trained"
    assert worker.run(part(task, "evaluate")) == 0
    assert task.end()["state"] == "done"
    assert Path(task.end()["record"]).exists()
    assert events(task) == [
        *("submitted", "started", "mark", "run folder", "finished"),
        *("started", "mark", "run folder", "finished", "done"),
    ]
    assert not task.heartbeat_file.exists()
    assert status(task).attempts == 2


def test_every_part_is_safe_to_repeat(task):
    for kind in ("train", "train", "evaluate"):
        assert worker.run(part(task, kind)) == 0
    before = {path: path.read_bytes() for path in task.path.parents[2].rglob("*") if path.is_file()}
    for kind in ("train", "evaluate"):
        assert worker.run(part(task, kind)) == 0
    after = {path: path.read_bytes() for path in task.path.parents[2].rglob("*") if path.is_file()}
    assert after == before


def test_a_segment_ends_in_time_and_the_next_goes_on_to_the_same_bits(task, tmp_path, monkeypatch):
    monkeypatch.setenv(JOB_START, str(time.time()))
    assert worker.run(part(task, seconds=0.0)) == 0
    assert events(task)[-1] == "stopped"
    assert "after step 1 of 20" in task.events()[-1]["why"]
    assert worker.run(part(task)) == 0
    cut = weights(task)
    whole = Folder(tasks_folder(tmp_path / "other") / "t")
    whole.put(task.task())
    put(whole, out=tmp_path / "other")
    assert worker.run(part(whole)) == 0
    assert weights(whole) == cut


def test_an_exception_is_the_end_with_its_traceback(task, tmp_path):
    (tmp_path / "trouble" / "raise-5").write_text("always")
    assert worker.run(part(task)) == 1
    end = task.end()
    assert (end["state"], end["error"]) == ("failed", "ZeroDivisionError: planted")
    assert "plodder.py" in end["traceback"]
    assert worker.run(part(task, "evaluate")) == 0  # nothing to do any more
    assert events(task)[-1] == "failed"
    assert (status(task).state, status(task).error) == ("failed", "ZeroDivisionError: planted")


def test_missing_data_is_one_line(task):
    gone = FACES.model_copy(update={"data": f"folder={task.path / 'gone'}"})
    task.put(task.task().model_copy(update={"protocol": gone}))
    assert worker.run(part(task)) == 1
    assert "gone does not exist" in task.end()["error"]


def test_a_chain_that_is_used_up_is_unfinished(task, monkeypatch):
    monkeypatch.setenv(JOB_START, str(time.time()))
    worker.run(part(task, seconds=0.0))
    assert worker.run(part(task, "evaluate")) == 1
    assert task.end()["state"] == "unfinished"
    assert "of 20" in task.end()["error"]
    assert status(task).state == "unfinished"


def test_parts_of_an_earlier_submission_step_back(task, capsys):
    assert worker.run(part(task, submission="earlier")) == 0
    assert "since been resubmitted" in capsys.readouterr().out
    assert events(task) == ["submitted"]


def test_a_cancelled_task_ends_by_itself_with_its_work_saved(task, tmp_path):
    put(task, changes={"steps": 2000, "seconds": 0.02})

    def cancel():
        while not list(tmp_path.rglob("step-*.pt")):
            time.sleep(0.02)
        task.end_file.write_text(json.dumps({"state": "cancelled"}))

    other = threading.Thread(target=cancel)
    other.start()
    assert worker.run(part(task)) == 0
    other.join()
    assert events(task)[-1] == "stopped"
    assert "all of it saved" in task.events()[-1]["why"]
    assert status(task).state == "cancelled"


def test_attempts_that_died_without_a_word_are_told_and_in_the_end_given_up(task):
    for number in (1, 2, 3):
        task.log("started", attempt=number, kind="train", raw="", node="n1")
        task.log("mark", attempt=number, mark="0")
        if number < 3:
            task.log("lost", attempt=number, why="killed")
    assert status(task).error.startswith("attempt 3: ended without a message")
    assert worker.run(part(task)) == 1
    assert events(task, "lost") == ["lost"] * 3
    assert "3 attempts in a row" in task.end()["error"]


def test_a_signal_of_the_scheduler_is_no_failure(task, monkeypatch):
    """submitit's handler raises in the main thread, wherever that is."""

    def signalled(*_):
        worker.SIGNALLED.set()
        raise RuntimeError("Job not requeued because: checkpoint function returned None.")

    monkeypatch.setattr("bench.runs.experiment.Experiment.train_only", signalled)
    try:
        assert worker.run(part(task)) == 0
    finally:
        worker.SIGNALLED.clear()
    assert events(task)[-1] == "stopped"
    assert task.end() is None


def test_the_announcement_of_the_end_saves_what_is_under_way(task, tmp_path):
    """A segment so short that the signal comes before the first checkpoint."""
    put(task, changes={"steps": 2000, "seconds": 0.02}, checkpoint_seconds=1e6)

    def announce():
        wait_until(lambda: status(task).done, seconds=60)
        os.kill(os.getpid(), signal.SIGUSR2)

    other = threading.Thread(target=announce)
    other.start()
    try:
        assert worker.run(part(task), announced=signal.SIGUSR2) == 0
    finally:
        worker.SIGNALLED.clear()
    other.join()
    assert "all of it saved" in task.events()[-1]["why"]
    assert list(tmp_path.rglob("step-*.pt"))
    assert signal.getsignal(signal.SIGUSR2) == signal.SIG_DFL


def test_a_job_that_asked_for_a_gpu_does_not_train_on_the_processor_unasked(task, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    put(task, device="auto")
    assert worker.run(part(task, gpus=2)) == 1
    assert task.end()["error"].startswith("The job has asked for 2 GPUs, but torch can use none on ")
    assert not events(task, "run folder")


@pytest.mark.parametrize("kind", ["data", "report"])
def test_only_runs_need_the_device_that_was_asked_for(task, monkeypatch, kind):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    put(task, device="cuda")
    task.put(task.task().model_copy(update={"kind": kind}))
    monkeypatch.setattr(Work, "_report", lambda self: {"state": "done"})
    assert worker.run(part(task, kind)) == 0
    assert task.end()["state"] == "done"


def test_sigterm_while_it_scores_loses_nothing(task, monkeypatch):
    worker.run(part(task))
    monkeypatch.setattr(
        "bench.runs.experiment.Experiment.make", lambda *_: os.kill(os.getpid(), signal.SIGTERM) or time.sleep(9)
    )
    assert worker.run(part(task, "evaluate")) == 0
    monkeypatch.undo()
    assert events(task)[-1] == "stopped"
    assert task.end() is None


def test_a_live_attempt_shows_progress_rate_and_node(task):
    with Pulse(task, 0.05, {"kind": "train", "part": 2, "parts": 3, "attempt": 1}) as pulse:
        pulse.expect({"plod": 100, "more": 100})
        for step in range(40):
            pulse.at("more", step, 100)
            time.sleep(0.01)
        found = status(task)
    assert (found.state, found.doing, found.total) == ("running", "train 2/3 more", 200)
    assert 100 < found.done < 140
    assert found.rate > 0
    assert found.left_seconds > 0
    assert found.node == os.uname().nodename


def test_a_heartbeat_that_stopped_long_ago_is_no_life(task):
    with Pulse(task, 0.05, {"kind": "train", "part": 1, "parts": 1}):
        beat = task.heartbeat_file.read_text()
    task.heartbeat_file.write_text(beat)
    assert status(task).state == "running"
    os.utime(task.heartbeat_file, (time.time() - 60, time.time() - 60))
    assert status(task).state == "lost"


@pytest.mark.parametrize(("state", "ends"), [("cancelled", "cancelled"), ("failed", "failed")])
def test_a_report_of_runs_that_were_cancelled_is_cancelled_too(task, state, ends):
    """There is nothing to report, and nothing has gone wrong."""
    put(task, key="fang2021", include=())
    task.end_file.write_text(json.dumps({"state": state}))
    report = Folder(task.path.with_name("report-t"))
    report.put(task.task().model_copy(update={"id": "report-t", "kind": "report"}))
    assert worker.run(part(report, "report")) == (ends == "failed")
    assert report.end()["state"] == ends
    assert "holds no record of fang2021" in report.end()["error"]
