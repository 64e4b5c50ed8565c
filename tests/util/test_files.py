import errno
import json
import os
import stat
import threading

import pytest

from bench.util import files
from bench.util.errors import UserError


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"x": 1})
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(path, {"x": float("nan")})
    with pytest.raises(ZeroDivisionError), files.whole(path) as file:
        file.write(b"half" * (1 // 0))
    assert json.loads(path.read_text()) == {"x": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_equal_values_are_equal_bytes(tmp_path):
    files.write_json(tmp_path / "a", {"x": 1, "y": [0.1]})
    files.write_json(tmp_path / "b", {"y": [0.1], "x": 1})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_nothing_appears_under_the_name_before_the_end(tmp_path):
    with files.whole(tmp_path / "x") as file:
        file.write(b"1")
        assert not (tmp_path / "x").exists()
    assert (tmp_path / "x").read_bytes() == b"1"


def test_the_content_is_on_the_disk_before_the_name_and_the_name_before_the_end(tmp_path, monkeypatch):
    done = []
    replace, fsync = os.replace, os.fsync

    def synced(handle):
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else os.fstat(handle).st_size
        done.append(kind)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", lambda *names: done.append("renamed") or replace(*names))
    with files.whole(tmp_path / "x") as file:
        file.write(b"123")
    assert done == [3, "renamed", "folder"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_who_may_read_a_file_is_for_the_umask_to_say(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        files.write_text(tmp_path / "x", "1")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == mode


def test_a_pipe_has_no_hash_and_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe cannot be read: not a regular file"):
        files.sha256_of_file(tmp_path / "pipe")


def test_broken_json_names_file_and_mend(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(UserError, match=r"x\.json is not valid JSON.*Delete it"):
        files.read_json(tmp_path / "x.json")


def test_a_folder_under_a_file_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"file/out cannot be written to.*--out"):
        files.check_writable(tmp_path / "file" / "out")


def test_a_read_only_folder_is_told(tmp_path, monkeypatch):
    def refuse(**_):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(files.tempfile, "TemporaryFile", refuse)  # root may write anywhere, so the boundary is faked
    with pytest.raises(UserError, match="Read-only file system"):
        files.check_writable(tmp_path)


def test_a_full_folder_is_told(tmp_path):
    with pytest.raises(UserError, match=r"MiB free, but needs .* MiB"):
        files.check_writable(tmp_path, need_bytes=10**18)


def test_a_shared_lock_is_waited_for_and_says_once_where_the_work_is(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "WAIT_SECONDS", 0.01)
    told, order, waits = [], [], threading.Event()

    def say(text):
        told.append(text)
        waits.set()

    def second():
        with files.locked(tmp_path / "b", say, tmp_path / "locks" / "one"):
            order.append("second")

    with files.locked(tmp_path / "a", say, tmp_path / "locks" / "one"):
        thread = threading.Thread(target=second)
        thread.start()
        assert waits.wait(10)
        with files.locked(tmp_path / "c", say):  # a lock of its own
            order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
    assert told == [f"Waiting: another process is working in {tmp_path / 'a'}"]


def test_a_place_that_knows_no_locks_is_told_and_not_waited_for(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(files.fcntl, "flock", flock)
    with pytest.raises(UserError, match=r"\.lock cannot be locked: No locks available."), files.locked(tmp_path, print):
        pass


def test_no_pipe_or_device_is_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless").symlink_to("/dev/zero")
    for name in ("pipe", "endless"):
        for read in (files.read_json, files.read_bytes, files.read_sealed):
            with pytest.raises(UserError, match=f"{name} cannot be read: not a regular file"):
                read(tmp_path / name)


def test_what_was_sealed_is_read_back_and_what_was_altered_is_told(tmp_path):
    path, value = tmp_path / "x.json", {"b": 0.1, "a": [1, {"c": None}]}
    files.write_json(path, files.sealed(value))
    assert files.read_sealed(path) == value
    assert files.sealed(files.sealed(value)) == files.sealed(value)
    path.write_text(path.read_text().replace("0.1", "0.2"))
    with pytest.raises(UserError, match=r"x\.json was altered"):
        files.read_sealed(path)
    files.write_json(path, value)  # by an earlier version
    assert files.read_sealed(path) == value


def test_a_named_file_is_read_where_neither_it_nor_what_lies_beside_it_was_altered(tmp_path):
    path = tmp_path / "a[1].csv"
    files.write_named(path, b"old", b"pixels")
    files.write_named(path, b"text", b"pixels")
    (named,) = tmp_path.iterdir()
    files.write_named(tmp_path / "a[1]-b.csv", b"other")
    assert files.read_named(path, b"pixels") == b"text"
    assert files.read_named(path, b"pixelz") is None
    named.write_bytes(b"texT")
    assert files.read_named(path, b"pixels") is None
    named.unlink()
    assert files.read_named(path, b"pixels") is None
    assert files.read_named(tmp_path / "a[1]-b.csv") == b"other"
