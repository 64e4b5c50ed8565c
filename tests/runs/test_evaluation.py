import io
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from held import most_held
from toy import noise, toy

from bench.masks.sets import mask_set
from bench.methods.base import BrokenResultError, Inpainter, fill
from bench.runs import evaluation
from bench.runs.evaluation import MaskSetImages, Scored, evaluate, score_mask_set
from bench.runs.shown import chosen, read_raw
from bench.util.errors import UserError


class KilledError(Exception):
    pass


def run(folder, test, network=None, seen=None, dies_at=None, at_once=16, told=None):
    inpainter = (network or toy()).inpainter()
    inpainter.images_at_once = at_once
    plain = inpainter.inpaint

    def inpaint(image, hole, seed):
        if dies_at is not None and len(seen) >= dies_at:
            raise KilledError
        if seen is not None:
            seen.append(len(image))
        result = plain(image, hole, seed)
        if told is not None:
            inpainter.diagnostics = told(image)
        return result

    inpainter.inpaint = inpaint
    return evaluate(inpainter, test, ("center", "random"), 0, torch.device("cpu"), folder, lambda *_: None)


def files(folder):
    return {path.name: path.read_bytes() for path in (folder / "predictions").iterdir()}


def test_parts_and_kills_change_no_bit(tmp_path, monkeypatch):
    test = noise(70)
    straight = run(tmp_path / "straight", test)
    monkeypatch.setattr(evaluation, "PART", 32)
    seen = []
    for batches in (3, 6, 7):  # inside the first mask set, at its end, in the second
        with pytest.raises(KilledError):
            run(tmp_path / "killed", test, seen=seen, dies_at=batches)
    resumed = run(tmp_path / "killed", test, seen=seen)
    pd.testing.assert_frame_equal(resumed, straight, check_exact=True)
    assert files(tmp_path / "killed") == files(tmp_path / "straight")
    # 10 batches in all; a kill costs at most what came after the last part.
    assert 10 <= len(seen) <= 13
    assert len(straight) == 140


def damage(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("pattern", ["center.parts/0*.csv", "center.parts/raw.npy", "center.npy"])
def test_a_part_that_was_damaged_in_between_is_computed_again(tmp_path, monkeypatch, pattern):
    monkeypatch.setattr(evaluation, "PART", 16)
    test = noise(40)
    straight, seen = run(tmp_path / "straight", test), []
    with pytest.raises(KilledError):
        run(tmp_path / "run", test, seen=seen, dies_at=2)
    damage(max((tmp_path / "run" / "predictions").glob(pattern)))
    pd.testing.assert_frame_equal(run(tmp_path / "run", test), straight, check_exact=True)
    assert files(tmp_path / "run") == files(tmp_path / "straight")


@pytest.mark.parametrize("pattern", ["center-*.csv", "center.npy", "center.raw.npz"])
def test_a_mask_set_that_was_damaged_after_its_end_is_computed_again(tmp_path, pattern):
    test, seen = noise(20), []
    straight = run(tmp_path, test)
    whole = files(tmp_path)
    (path,) = (tmp_path / "predictions").glob(pattern)
    damage(path)
    pd.testing.assert_frame_equal(run(tmp_path, test, seen=seen), straight, check_exact=True)
    assert files(tmp_path) == whole
    assert sum(seen) == 20


def test_pixels_are_on_the_disk_before_the_table_that_says_so(tmp_path, monkeypatch):
    names, fsync = [], os.fsync

    def synced(handle):
        names.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", synced)
    run(tmp_path, noise(4))
    first = next(place for place, name in enumerate(names) if name.startswith(".00000000-"))
    assert set(names[:first]) == {"center.npy", "raw.npy"}


def test_raw_pictures_of_the_shown_images_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "PART", 32)
    test = noise(40)
    table = run(tmp_path, test)
    inpainter = toy().inpainter()
    for name in ("center", "random"):
        frame = table[table["mask_set"] == name]
        places = chosen(frame)
        assert frame["psnr"].iloc[places["best"]] == frame["psnr"].max()
        assert frame["psnr"].iloc[places["worst"]] == frame["psnr"].min()
        for place in places.values():
            ids = [test.ids[place]]
            image = test.tensor([place])
            hole = mask_set(name).holes(ids, *image.shape[-2:])
            expected = evaluation.to_uint8(fill(inpainter, image, hole, evaluation.image_seeds(0, ids)))
            assert (read_raw(tmp_path, name, place) == expected[0].numpy()).all()
        other = next(place for place in range(40) if place not in places.values())
        assert read_raw(tmp_path, name, other) is None
    assert not list((tmp_path / "predictions").glob("*.parts"))


def test_predictions_are_a_plain_array_in_the_order_of_the_table(tmp_path):
    test = noise(20)
    table = run(tmp_path, test)
    composites = np.load(tmp_path / "predictions" / "center.npy")
    assert composites.shape == (20, 3, 16, 16)
    whole = io.BytesIO()
    np.save(whole, composites)
    assert (tmp_path / "predictions" / "center.npy").read_bytes() == whole.getvalue()
    error = (composites.astype(float) - test.pixels) ** 2
    expected = 10 * np.log10(255**2 / error.mean(axis=(1, 2, 3)))
    np.testing.assert_allclose(table[table["mask_set"] == "center"]["psnr"], expected, rtol=1e-12)


def test_a_column_that_came_in_between_is_had_for_all(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "PART", 16)
    test, calls = noise(40), []

    def subject(more, dies=False):
        def batch(indices):
            calls.append(indices)
            if dies and indices[0] >= 16:
                raise KilledError
            truth = torch.from_numpy(test.pixels[indices])
            hole = torch.zeros(len(indices), 1, 16, 16, dtype=torch.bool)
            hole[..., 4:9, 4:9] = True
            return Scored(truth, hole, 255 - truth, more)

        return MaskSetImages("center", test.ids, test.groups, batch)

    with pytest.raises(KilledError):
        score_mask_set(subject({}, dies=True), tmp_path, lambda *_: None)
    monkeypatch.setattr(evaluation, "PART", 40)
    # Other cuts, other files: nothing of the old part is mixed in.
    table = score_mask_set(subject({}), tmp_path, lambda *_: None)
    assert table["image"].to_list() == test.ids
    assert not list((tmp_path / "predictions").glob("*.parts"))


def test_headings_that_differ_are_computed_again(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "PART", 16)
    test = noise(32)
    extra = {"on": False}

    def batch(indices):
        if indices[0] >= 16 and not extra["on"]:
            raise KilledError
        truth = torch.from_numpy(test.pixels[indices])
        hole = torch.ones(len(indices), 1, 16, 16, dtype=torch.bool)
        hole[..., 0, 0] = False
        return Scored(truth, hole, truth ^ 1, {"more": [1.0] * len(indices)} if extra["on"] else {})

    subject = MaskSetImages("center", test.ids, test.groups, batch)
    with pytest.raises(KilledError):
        score_mask_set(subject, tmp_path, lambda *_: None)
    extra["on"] = True
    table = score_mask_set(subject, tmp_path, lambda *_: None)
    assert (table["more"] == 1).all()
    assert len(table) == 32


def test_memory_does_not_grow_with_the_number_of_images(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "AHEAD", 1)  # or it would be luck which batches are held at the same time

    def held(count):
        def batch(indices):
            truth = torch.zeros(len(indices), 3, 64, 64, dtype=torch.uint8)
            return Scored(truth, torch.ones(len(indices), 1, 64, 64, dtype=torch.bool), truth + 1)

        ids = [f"i{index}" for index in range(count)]
        return most_held(
            lambda report: score_mask_set(MaskSetImages("center", ids, ids, batch), tmp_path / str(count), report)
        )

    monkeypatch.setattr(evaluation, "score", lambda truth, *_: {"psnr": torch.zeros(len(truth))})
    held(16)
    few, many = held(128), held(640)
    # 512 pictures of 12 KiB would be 6 MB.
    assert many - few < 2_000_000


def test_an_inpainter_says_how_many_images_it_takes_at_once_and_no_number_moves(tmp_path):
    test = noise(70)
    seen = []
    few, many = run(tmp_path / "few", test), run(tmp_path / "many", test, seen=seen, at_once=64)
    assert seen == [64, 6] * 2
    pd.testing.assert_frame_equal(few, many, check_exact=True)
    assert files(tmp_path / "few") == files(tmp_path / "many")
    for bad in (0, 48, 256):
        with pytest.raises(UserError, match=f"ToyInpainter.images_at_once = {bad} does not divide 128; use 16, 32"):
            run(tmp_path / "bad", test, at_once=bad)


def test_what_an_inpainter_tells_becomes_columns(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "PART", 32)
    test = noise(70)

    def told(image):
        return {"brightness": image.mean(dim=(1, 2, 3)), "third": torch.full((len(image),), 1 / 3)}

    straight = run(tmp_path / "straight", test, told=told)
    seen = []
    with pytest.raises(KilledError):
        run(tmp_path / "killed", test, seen=seen, dies_at=3, told=told)
    resumed = run(tmp_path / "killed", test, seen=seen, told=told)
    pd.testing.assert_frame_equal(resumed, straight, check_exact=True)
    center = straight[straight["mask_set"] == "center"]
    dark = test.pixels.astype(float)
    dark[..., 4:12, 4:12] = 0  # erased before the method sees it
    np.testing.assert_allclose(center["aux_brightness"], dark.mean(axis=(1, 2, 3)) / 255, rtol=1e-6)
    assert set(center["aux_third"]) == {float(np.float32(1 / 3))}


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (lambda image: {"a loss": image[:, 0, 0, 0]}, "reports 'a loss'; a diagnostic's name is a plain word"),
        (lambda image: {"loss": image.mean()}, r"reports 'loss' with shape \(\); it must be one number for each image"),
        (lambda image: {"loss": image[:1, 0, 0, 0]}, r"reports 'loss' with shape \(1,\)"),
        (lambda image: {"loss": torch.arange(len(image)) / 0.0}, "reports loss = nan for image noise-0"),
    ],
)
def test_what_is_told_amiss_is_an_error(tmp_path, told, says):
    with pytest.raises(BrokenResultError, match=says):
        run(tmp_path, noise(5), told=told)


class Ring(Inpainter):
    """Fills ring by ring, and counts down the hole as it goes: its own hole, or a copy of it."""

    def __init__(self, copies):
        self.copies = copies

    def inpaint(self, image, hole, seed):
        if self.copies:
            image, hole = image.clone(), hole.clone()
        while hole.any():
            known = (~hole).float()
            near = torch.nn.functional.avg_pool2d(known, 3, 1, 1)
            ring = hole & (near > 0)
            mean = torch.nn.functional.avg_pool2d(image * known, 3, 1, 1) / near.clamp(min=1e-6)
            image.copy_(torch.where(ring, mean, image))
            hole &= ~ring
        seed.zero_()
        return image


def score_ring(folder, test, inpainter):
    return evaluate(inpainter, test, ("center", "random"), 0, torch.device("cpu"), folder, lambda *_: None)


def test_a_method_may_edit_its_inputs_and_no_score_moves(tmp_path):
    test = noise(20)
    edits = score_ring(tmp_path / "edits", test, Ring(copies=False))
    copies = score_ring(tmp_path / "copies", test, Ring(copies=True))
    pd.testing.assert_frame_equal(edits, copies, check_exact=True)
    assert files(tmp_path / "edits") == files(tmp_path / "copies")
    assert set(edits[edits["mask_set"] == "center"]["hole_share"]) == {0.25}


def test_holes_that_were_changed_behind_the_back_are_never_scored(tmp_path):
    class Reaches(Inpainter):
        def inpaint(self, image, hole, seed):
            sys._getframe(2).f_locals["hole"].zero_()
            return image

    with pytest.raises(BrokenResultError, match="Reaches changed the holes of mask set center that it is scored on"):
        score_ring(tmp_path, noise(4), Reaches())


def test_a_fill_leaves_all_three_inputs_as_they_were():
    image, hole, seed = torch.rand(2, 3, 8, 8), torch.zeros(2, 1, 8, 8, dtype=torch.bool), torch.arange(2)
    hole[..., 2:5, 2:5] = True
    before = [values.clone() for values in (image, hole, seed)]
    fill(Ring(copies=False), image, hole, seed)
    assert all(torch.equal(now, then) for now, then in zip((image, hole, seed), before, strict=True))


def scored_one_by_one(subject, places, lpips):
    for first in places[:: subject.at_once]:
        indices = list(range(first, min(first + subject.at_once, places.stop)))
        yield first, evaluation._score(subject, indices, subject.batch(indices), lpips)


def test_batches_are_scored_while_others_are_filled(tmp_path, monkeypatch):
    test, events, filled = noise(80), [], threading.Event()

    def batch(indices):
        events.append(("fill", indices[0], threading.current_thread()))
        if indices[0] == 16:
            filled.set()
        truth = torch.from_numpy(test.pixels[indices])
        hole = torch.zeros(len(indices), 1, 16, 16, dtype=torch.bool)
        hole[..., 4:9, 4:9] = True
        return Scored(truth, hole, 255 - truth)

    def score(truth, *rest):
        assert filled.wait(60)  # the first batch is scored only once the second is filled
        events.append(("score", len([one for one in events if one[0] == "score"]) * 16, threading.current_thread()))
        return real(truth, *rest)

    real = evaluation.score
    monkeypatch.setattr(evaluation, "score", score)
    subject = MaskSetImages("center", test.ids, test.groups, batch)
    reports = []
    table = score_mask_set(subject, tmp_path / "ahead", lambda name, done, of: reports.append(done))
    assert reports == [16, 32, 48, 64, 80]
    for what in ("fill", "score"):
        assert [place for kind, place, _ in events if kind == what] == [0, 16, 32, 48, 64]
    assert {thread for kind, _, thread in events if kind == "fill"} == {threading.current_thread()}
    for place in (0, 16, 32, 48, 64):  # never more than AHEAD batches are held
        begun = [one for one, *_ in events[: events.index(next(e for e in events if e[:2] == ("fill", place)))]]
        assert begun.count("fill") - begun.count("score") <= evaluation.AHEAD
    monkeypatch.setattr(evaluation, "_scored", scored_one_by_one)
    plain = score_mask_set(subject, tmp_path / "plain", lambda *_: None)
    assert table.equals(plain)
    ahead, one_by_one = (files(tmp_path / way) for way in ("ahead", "plain"))
    assert len(ahead) == 3
    assert ahead == one_by_one


@pytest.mark.parametrize("where", ["fill", "score"])
def test_an_error_of_a_later_batch_comes_out_and_nothing_is_believed(where, tmp_path, monkeypatch):
    test = noise(64)

    def batch(indices):
        if where == "fill" and indices[0] == 32:
            raise KilledError
        truth = torch.from_numpy(test.pixels[indices])
        hole = torch.ones(len(indices), 1, 16, 16, dtype=torch.bool)
        if where == "score" and indices[0] == 32:
            hole[5] = False  # which `score` refuses
        return Scored(truth, hole, truth ^ 1)

    with pytest.raises(KilledError if where == "fill" else RuntimeError):
        score_mask_set(MaskSetImages("center", test.ids, test.groups, batch), tmp_path, lambda *_: None)
    assert not list(tmp_path.rglob("*.csv"))
    assert threading.active_count() == 1 or not [one for one in threading.enumerate() if "ThreadPool" in one.name]
