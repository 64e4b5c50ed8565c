import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from bench.data import check, faces, load, pack, painter
from bench.data.decode import decode
from bench.data.listing import Item
from bench.data.protocol import Protocol
from bench.util.errors import UserError
from bench.util.files import locked, sha256


def protocol(data, images=10**9, test_images=10**9, resolution=16):
    return Protocol(
        data=data, resolution=resolution, images=images, split=(3, 2, 1), test_images=test_images, mask_sets=()
    )


@pytest.fixture
def tree(tmp_path):
    rng = np.random.default_rng(1)
    for number in range(12):
        path = tmp_path / "tree" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (16, 20, 3), dtype=np.uint8)).save(path)
    return tmp_path / "tree"


def test_pixels_ids_and_facts(tree, tmp_path):
    data = load(protocol(f"folder={tree}"), tmp_path / "cache")
    assert (len(data.train), len(data.test)) == (6, 4)
    assert isinstance(data.train.pixels, np.memmap)
    assert data.train.groups == data.train.ids
    for side in (data.train, data.test):
        for name, planes in zip(side.ids, side.pixels, strict=True):
            assert np.array_equal(planes.transpose(1, 2, 0), decode(tree / name)[:, 2:18])
    expected = data.train.pixels.astype(np.float64).mean(axis=(0, 2, 3)) / 255
    assert data.facts.mean == tuple(round(value, 6) for value in expected)
    assert (data.facts.resolution, data.facts.images) == (16, 6)


def test_tensor_takes_all_kinds_of_indices(tree, tmp_path):
    train = load(protocol(f"folder={tree}"), tmp_path / "cache").train
    chosen = train.tensor([4, 1])
    assert chosen.dtype == torch.float32
    assert torch.equal((chosen * 255).round().to(torch.uint8), torch.from_numpy(np.array(train.pixels[[4, 1]])))
    assert torch.equal(train.tensor(torch.tensor([4, 1])), chosen)
    assert torch.equal(train.tensor(np.array([4, 1])), chosen)
    assert train.tensor(range(6)).max() <= 1
    chosen.zero_()
    assert train.tensor([4]).any()


def test_second_call_decodes_nothing(tree, tmp_path, monkeypatch):
    first = load(protocol(f"folder={tree}"), tmp_path / "cache")
    monkeypatch.setattr(pack, "_attempt", lambda item: pytest.fail("decoded again"))
    again = load(protocol(f"folder={tree}"), tmp_path / "cache")
    assert again.manifest == first.manifest
    assert again.fingerprint == first.fingerprint == sha256(json.dumps(first.manifest, sort_keys=True).encode())
    assert np.array_equal(again.train.pixels, first.train.pixels)
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_fingerprint_is_of_the_content_and_not_of_the_place(tree, tmp_path):
    first = load(protocol(f"folder={tree}"), tmp_path / "cache")
    shutil.copytree(tree, tmp_path / "elsewhere")
    moved = load(protocol(f"folder={tmp_path / 'elsewhere'}"), tmp_path / "other")
    assert moved.fingerprint == first.fingerprint
    assert str(tmp_path) not in json.dumps(first.manifest)
    name = first.train.ids[0]
    Image.new("RGB", (16, 16), "red").save(tree / name)
    changed = load(protocol(f"folder={tree}"), tmp_path / "cache")
    assert changed.fingerprint != first.fingerprint
    assert (changed.train.pixels[0, 0] == 255).all()


def test_a_file_of_the_same_size_and_another_time_is_read_again(tree, tmp_path):
    asked = protocol(f"folder={tree}")
    name = load(asked, tmp_path / "cache").train.ids[0]
    Image.fromarray(np.zeros((16, 20, 3), dtype=np.uint8)).save(tree / name, "BMP")
    load(asked, tmp_path / "cache")
    Image.fromarray(np.full((16, 20, 3), 7, dtype=np.uint8)).save(tree / name, "BMP")
    os.utime(tree / name, (1, 1))
    assert (load(asked, tmp_path / "cache").train.pixels[0] == 7).all()


def test_broken_and_small_files_are_skipped_and_named(tree, tmp_path):
    (tree / "0.png").write_bytes(b"no picture")
    Image.new("RGB", (15, 400)).save(tree / "1.png")
    heard = []
    data = load(protocol(f"folder={tree}"), tmp_path / "cache", lambda *news: heard.append(news))
    skipped = {entry["name"]: entry["reason"] for entry in data.manifest["skipped"]}
    assert skipped == {"0.png": "damaged, or not a picture", "1.png": "400x15 is smaller than 16x16"}
    assert str(tmp_path) not in json.dumps(data.manifest)
    assert skipped.get("1.png", "smaller").find("smaller") >= 0
    assert data.manifest["counts"]["train"] + data.manifest["counts"]["test"] + len(skipped) == 10
    assert len(data.train.pixels) == len(data.train.ids) == data.manifest["counts"]["train"]
    assert not {"0.png", "1.png"} & {*data.train.ids, *data.test.ids}
    assert heard[0][:2] == (0, 10)
    assert heard[-1][:2] == (10, 10)


def test_nothing_left_is_an_error(tree, tmp_path):
    with pytest.raises(UserError, match=r"No image of the train part.*16x20 is smaller than 17x17"):
        load(protocol(f"folder={tree}", resolution=17), tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").glob("*/*")] == [".lock"]


@pytest.mark.parametrize("lost", ["manifest.json", "images.json", "train.npy", "half"])
def test_a_pack_that_is_not_whole_is_made_again(tree, tmp_path, lost):
    first = load(protocol(f"folder={tree}"), tmp_path / "cache")
    (home,) = (tmp_path / "cache").iterdir()
    if lost == "half":
        content = (home / "test.npy").read_bytes()
        (home / "test.npy").unlink()
        (home / "test.npy").write_bytes(content[: len(content) // 2])
    else:
        (home / lost).unlink()
    again = load(protocol(f"folder={tree}"), tmp_path / "cache")
    assert again.fingerprint == first.fingerprint
    assert np.array_equal(again.test.pixels, first.test.pixels)


def inverted(home):
    path = home / "test.npy"
    before = path.stat()
    pixels = np.load(path, mmap_mode="r+")
    pixels[1] = 255 - pixels[1]
    pixels.flush()
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def renamed(home):
    images = json.loads((home / "images.json").read_text())
    images["train"]["ids"][0] = "another"
    (home / "images.json").write_text(json.dumps(images))


def wide(home):
    np.save(home / "test.npy", np.load(home / "test.npy").astype(np.int64))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (inverted, "test.npy does not hold the pixels that were packed"),
        (renamed, "train.npy does not hold the pixels"),
        (lambda home: (home / "manifest.json").write_text("{}"), "is no pack of images"),
        (lambda home: (home / "manifest.json").write_text('{"mean_colour": [1, 2]}'), "is no pack of images"),
        (lambda home: (home / "images.json").write_text("[]"), "is no pack of images"),
        (wide, "is no pack of images"),
    ],
)
def test_a_pack_that_was_changed_is_refused(tree, tmp_path, change, words):
    load(protocol(f"folder={tree}"), tmp_path / "cache")
    (home,) = (tmp_path / "cache").iterdir()
    change(home)
    with pytest.raises(UserError, match=words) as caught:
        load(protocol(f"folder={tree}"), tmp_path / "cache")
    assert "Delete this folder" in str(caught.value)
    assert str(home) in str(caught.value)


def test_pixels_are_hashed_once_and_again_after_a_copy(tree, tmp_path, monkeypatch):
    hashed = []
    digests = check._digests
    monkeypatch.setattr(check, "_digests", lambda packed: hashed.append(len(packed)) or digests(packed))
    load(protocol(f"folder={tree}"), tmp_path / "cache")
    assert hashed == [6, 4]
    monkeypatch.setattr(check, "_checked", set())  # as another process
    load(protocol(f"folder={tree}"), tmp_path / "cache")
    assert hashed == [6, 4]
    shutil.copytree(tmp_path / "cache", tmp_path / "copy")
    load(protocol(f"folder={tree}"), tmp_path / "copy")
    assert hashed == [6, 4, 6, 4]


def test_a_cache_that_cannot_be_written_to_is_chosen_by_a_variable_and_not_by_an_option(tree, tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(UserError, match="cannot be written to: .* another folder with INPAINT_BENCH_CACHE"):
        load(protocol(f"folder={tree}"), tmp_path / "cache")


def test_what_a_killed_packer_left_goes(tree, tmp_path):
    load(protocol(f"folder={tree}"), tmp_path / "cache")
    (home,) = (tmp_path / "cache").iterdir()
    (home / ".train.npy.a.tmp").write_bytes(b"")
    (home / "manifest.json").unlink()
    load(protocol(f"folder={tree}"), tmp_path / "cache")
    assert not list(home.glob("*.tmp"))


def test_a_killed_pack_leaves_no_manifest(tree, tmp_path, monkeypatch):
    def stop(done, total, what):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(protocol(f"folder={tree}"), tmp_path / "cache", stop)
    assert [path.name for path in (tmp_path / "cache").glob("*/*")] == [".lock"]
    assert len(load(protocol(f"folder={tree}"), tmp_path / "cache").train) == 6


def test_chunks_do_not_matter(tree, tmp_path, monkeypatch):
    first = load(protocol(f"folder={tree}"), tmp_path / "a")
    monkeypatch.setattr(pack, "CHUNK", 4)
    assert load(protocol(f"folder={tree}"), tmp_path / "b").fingerprint == first.fingerprint


def test_an_image_on_both_sides_is_told(tmp_path):
    for side, value in (("train", 9), ("test", 9), ("test", 80)):
        path = tmp_path / "tree" / side / f"{value}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (value, 0, 0)).save(path)
    data = load(protocol(f"folder={tmp_path / 'tree'}"), tmp_path / "cache")
    assert data.manifest["repeated"] == ["test/9.png"]


def test_what_is_asked_for_is_in_the_key(tmp_path):
    for images, tests in ((12, 3), (12, 2), (10, 3)):
        load(protocol("faces", images, tests), tmp_path)
    load(protocol("faces", 12, 3), tmp_path)
    assert len(list(tmp_path.iterdir())) == 3


def test_faces_and_photos_load(tmp_path):
    drawn = load(protocol("faces", 12), tmp_path)
    assert drawn.manifest["counts"] == {"train": 6, "test": 4, "set_aside": 2}
    photos = load(protocol("photos", test_images=6), tmp_path)
    assert photos.manifest["groups"] == {"train": 5, "test": 3}
    assert set(photos.test.groups) == {"astronaut", "coffee", "motorcycle"}
    assert photos.name == "photos"
    with pytest.raises(UserError, match="no data set 'fases'"):
        load(protocol("fases"), tmp_path)


def test_what_another_pack_holds_is_not_drawn_again(tmp_path, monkeypatch):
    drawn, face = [], faces.face
    monkeypatch.setattr(faces, "face", lambda index, side: drawn.append(index) or face(index, side))
    alone = load(protocol("faces", 24, 3), tmp_path / "alone")
    assert len(drawn) == len(alone.train) + len(alone.test)
    small = load(protocol("faces", 12), tmp_path / "cache")
    drawn.clear()
    large = load(protocol("faces", 24, 3), tmp_path / "cache")
    known = {*small.train.ids, *small.test.ids}
    assert sorted(f"face-{index:06d}" for index in drawn) == sorted({*large.train.ids, *large.test.ids} - known)
    assert 0 < len(drawn) < len(large.train) + len(large.test)
    assert large.manifest == alone.manifest
    drawn.clear()
    load(protocol("faces", 24, 3, resolution=17), tmp_path / "cache")
    monkeypatch.setattr(faces, "VERSION", 2)
    load(protocol("faces", 24, 3), tmp_path / "cache")
    assert len(drawn) == 2 * (len(large.train) + len(large.test))


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_any_number_of_processes_draws_the_same_bits(tmp_path, monkeypatch, processes):
    asked, started = protocol("faces", 24), []
    alone = load(asked, tmp_path / "alone")
    popen = painter.subprocess.Popen
    monkeypatch.setattr(painter.subprocess, "Popen", lambda *a, **k: started.append(popen(*a, **k)) or started[-1])
    monkeypatch.setattr(pack, "cores", lambda: processes)
    monkeypatch.setattr(pack, "FEWEST_PIXELS", 0)
    data = load(asked, tmp_path / "cache")
    assert data.manifest == alone.manifest
    assert np.array_equal(data.train.pixels, alone.train.pixels)
    assert len(started) == (2 * processes if processes > 1 else 0)  # for train, and for test
    assert all(one.returncode is not None for one in started)


def test_a_painter_that_is_killed_is_done_without(tmp_path):
    item, before = Item("face-000003", "g", partial(faces.face, 3, 16)), children()
    with painter.painters(1, 16) as draw:
        assert np.array_equal(draw(item), item.draw())
        (child,) = children() - before
        os.kill(child, signal.SIGKILL)
        for _ in range(2):
            assert np.array_equal(draw(item), item.draw())
    assert children() <= before


def children():
    """Processes that this one started and has not yet buried."""
    listed = Path(f"/proc/{os.getpid()}/task/{threading.get_native_id()}/children")
    return {int(word) for word in listed.read_text().split()}


def test_a_pack_that_another_process_makes_is_waited_for(tmp_path):
    asked, heard = protocol("faces", 12), []
    home = tmp_path / next(iter((load(asked, tmp_path / "other"), tmp_path / "other")[1].iterdir())).name
    with ThreadPoolExecutor(1) as pool:
        with locked(home, print):
            waiting = pool.submit(load, asked, tmp_path, lambda *news: heard.append(news))
            while not heard:
                time.sleep(0.01)
            shutil.copytree(tmp_path / "other" / home.name, home, dirs_exist_ok=True)
        assert waiting.result().manifest["name"] == "faces"
    assert heard == [(0, 1, "another process is packing faces at 16x16")]  # and it drew nothing itself


def test_the_header_is_one_that_numpy_reads(tmp_path):
    items = [Item(f"{index}", "g", lambda: np.zeros((8, 8, 3), dtype=np.uint8)) for index in range(101)]
    for count in (1, 9, 100, 101):
        written = pack.write(tmp_path / "x.npy", items[:count], 8, lambda done: None)
        assert np.load(tmp_path / "x.npy", allow_pickle=False).shape == (count, 3, 8, 8)
        assert len(written.ids) == count
        assert set(written.groups) == {"g"}


@pytest.mark.slow
def test_two_processes_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path; from bench.data import load; from bench.data.protocol import Protocol;"
        "p = Protocol(data='faces', resolution=16, images=120, split=(3, 2, 1), test_images=50, mask_sets=());"
        "d = load(p, Path(sys.argv[1])); print(d.fingerprint, int(d.train.pixels.sum()), int(d.test.pixels.sum()))"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=60)[0] for process in both]
    assert answers[0] == answers[1] != ""
    names = {"train.npy", "test.npy", "images.json", "manifest.json", "checked.json", ".lock"}
    assert {path.name for path in tmp_path.glob("*/*")} == names
