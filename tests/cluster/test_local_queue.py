"""`--cluster local`: the same files, states and guarantees on one machine, with processes of its own."""

import json
import os
import signal
import stat

import pytest
from queued import PLODDER, bench_process, queue, results, states, statuses, wait_until, wait_until_over

from bench.cluster.array import submission_folder
from bench.cluster.local import Slot, slots
from bench.cluster.profile import local_profile
from bench.cluster.task import Folder, tasks_folder
from bench.cluster.verbs import cancel, retry
from bench.data import load
from bench.data.protocol import ProtocolOverrides, protocols
from bench.util.errors import UserError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    load(protocols("smoke", ProtocolOverrides())[0], cache)
    return cache


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch, tmp_path):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # slots of its own


def beat(out, name):
    path = tasks_folder(out) / name / "heartbeat.json"
    return json.loads(path.read_text()) if path.exists() else {}


def under_way(out, name, steps=10):
    return lambda: beat(out, name).get("done", 0) >= steps and beat(out, name)


def quick_beats():
    return local_profile(1).model_copy(update={"heartbeat_seconds": 0.3})


def test_killed_workers_go_on_to_the_bits_of_an_undisturbed_run(faces, tmp_path):
    sets = ("steps=60", "seconds=0.1")
    words = ("evaluate", "plodder", "--include", PLODDER, "--scale", "smoke", "--set", sets[0], "--set", sets[1])
    straight = bench_process(*words, "--out", tmp_path / "straight", INPAINT_BENCH_CACHE=str(faces))
    out = tmp_path / "queued"
    name, *_ = queue(out, faces, quick_beats(), changes=sets, workers=1)
    os.kill(wait_until(under_way(out, name))["pid"], signal.SIGKILL)
    found = wait_until_over(out)
    assert states(out) == {name: "done"}
    assert found[name].attempts == 3
    lost = [event for event in Folder(tasks_folder(out) / name).events() if event["event"] == "lost"]
    assert [event["why"] for event in lost] == ["killed (out of memory, or by hand)"]
    assert straight.wait(timeout=120) == 0, straight.stdout.read()
    assert len(results(out)) == 7
    assert results(out) == results(tmp_path / "straight")


def test_a_dead_dispatcher_is_seen_and_retry_takes_up_its_runs(faces, tmp_path):
    out = tmp_path / "out"
    names = queue(out, faces, quick_beats(), changes=("steps=40", "seconds=0.1"), seeds=(0, 1), workers=1)
    first = wait_until(lambda: next((name for name in names if beat(out, name)), None))
    submission = Folder(tasks_folder(out) / first).task().submission
    told = submission_folder(out, submission) / "dispatcher.json"
    os.kill(json.loads(told.read_text())["pid"], signal.SIGKILL)
    os.kill(beat(out, first)["pid"], signal.SIGKILL)
    os.utime(told, (1, 1))
    os.utime(tasks_folder(out) / first / "heartbeat.json", (1, 1))
    assert states(out) == dict.fromkeys(names, "lost")
    assert sorted(retry(out, [], None)) == sorted(names)
    wait_until_over(out)
    assert states(out) == dict.fromkeys(names, "done")


def test_cancel_ends_a_running_and_a_waiting_run(faces, tmp_path):
    out = tmp_path / "out"
    names = queue(out, faces, quick_beats(), changes=("steps=4000", "seconds=0.05"), seeds=(0, 1), workers=1)
    running = wait_until(lambda: next((name for name in names if under_way(out, name)()), None))
    pid = beat(out, running)["pid"]
    assert {status.folder.id for status in cancel(out, [])} == set(names)
    assert states(out) == dict.fromkeys(names, "cancelled")
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"))  # noqa: PTH110
    assert not beat(out, running)
    assert list((out / "runs").rglob("step-*.pt"))


def test_submissions_share_the_slots_and_a_worker_keeps_its_own():
    places = slots(2, [])
    assert [place.name for place in places] == ["cpu-0", "cpu-1"]
    assert [place.environment for place in slots(1, ["0", "3"])] == [{"CUDA_VISIBLE_DEVICES": one} for one in "03"]
    held = places[0].take()
    assert held is not None
    assert Slot("cpu-0", {}).take() is None
    held.close()
    assert Slot("cpu-0", {}).take() is not None


def linked(folder):
    (folder.parent / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(folder.parent / "elsewhere")


def of_another(folder):
    folder.mkdir(mode=0o700)
    os.chown(folder, 65534, 65534)


def open_to_all(folder):
    folder.mkdir()
    folder.chmod(0o777)


@pytest.mark.parametrize("make", [linked, open_to_all, of_another, lambda folder: folder.write_text("")])
def test_a_folder_of_slots_that_others_can_write_to_is_refused(tmp_path, monkeypatch, make):
    if make is of_another and os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    make(tmp_path / f"inpaint-bench-slots-{os.getuid()}")
    with pytest.raises(UserError, match=r"inpaint-bench-slots-\d+ is not a folder that only you can open"):
        Slot("cpu-0", {}).take()


def test_a_link_in_place_of_a_slot_empties_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    held = Slot("cpu-0", {}).take()
    held.close()
    folder = tmp_path / f"inpaint-bench-slots-{os.getuid()}"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (tmp_path / "mine").write_text("kept")
    (folder / "cpu-0").unlink()
    (folder / "cpu-0").symlink_to(tmp_path / "mine")
    with pytest.raises(OSError, match="symbolic"):
        Slot("cpu-0", {}).take()
    assert (tmp_path / "mine").read_text() == "kept"


def test_missing_steps_show_in_status_while_it_runs(faces, tmp_path):
    out = tmp_path / "out"
    name, *_ = queue(out, faces, quick_beats(), changes=("steps=200", "seconds=0.05"), workers=1)
    wait_until(under_way(out, name, 30))
    status = statuses(out)[name]
    assert (status.state, status.doing, status.total) == ("running", "train 1/3 plod", 200)
    assert 5 < status.rate < 21
    assert 0 < status.left_seconds < 60
    cancel(out, [name])
