import io
import tracemalloc

import numpy as np
import pandas as pd
import pytest
import torch
from toy import noise, toy

from bench import evaluation
from bench.evaluation import Scored, Subject, evaluate, score_suite


class KilledError(Exception):
    pass


def run(folder, test, network=None, seen=None, dies_at=None):
    inpainter = (network or toy()).inpainter()
    plain = inpainter.inpaint

    def inpaint(image, hole, seed):
        if dies_at is not None and len(seen) >= dies_at:
            raise KilledError
        if seen is not None:
            seen.append(len(image))
        return plain(image, hole, seed)

    inpainter.inpaint = inpaint
    return evaluate(inpainter, test, ("center", "random"), 0, torch.device("cpu"), folder, lambda *_: None)


def files(folder):
    return {path.name: path.read_bytes() for path in (folder / "predictions").iterdir()}


def test_parts_and_kills_change_no_bit(tmp_path, monkeypatch):
    test = noise(70)
    straight = run(tmp_path / "straight", test)
    monkeypatch.setattr(evaluation, "PART", 32)
    seen = []
    for batches in (3, 6, 7):  # inside the first suite, at its end, in the second
        with pytest.raises(KilledError):
            run(tmp_path / "killed", test, seen=seen, dies_at=batches)
    resumed = run(tmp_path / "killed", test, seen=seen)
    pd.testing.assert_frame_equal(resumed, straight, check_exact=True)
    assert files(tmp_path / "killed") == files(tmp_path / "straight")
    # 10 batches in all; a kill costs at most what came after the last part.
    assert 10 <= len(seen) <= 13
    assert len(straight) == 140


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
    np.testing.assert_allclose(table[table["suite"] == "center"]["psnr"], expected, rtol=1e-12)


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

        return Subject("center", test.ids, test.groups, batch)

    with pytest.raises(KilledError):
        score_suite(subject({}, dies=True), tmp_path, lambda *_: None)
    monkeypatch.setattr(evaluation, "PART", 40)
    # Other cuts, other files: nothing of the old part is mixed in.
    table = score_suite(subject({}), tmp_path, lambda *_: None)
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

    subject = Subject("center", test.ids, test.groups, batch)
    with pytest.raises(KilledError):
        score_suite(subject, tmp_path, lambda *_: None)
    extra["on"] = True
    table = score_suite(subject, tmp_path, lambda *_: None)
    assert (table["more"] == 1).all()
    assert len(table) == 32


def test_memory_does_not_grow_with_the_number_of_images(tmp_path, monkeypatch):
    def peak(count):
        def batch(indices):
            truth = torch.zeros(len(indices), 3, 64, 64, dtype=torch.uint8)
            return Scored(truth, torch.ones(len(indices), 1, 64, 64, dtype=torch.bool), truth + 1)

        ids = [f"i{index}" for index in range(count)]
        tracemalloc.start()
        score_suite(Subject("center", ids, ids, batch), tmp_path / str(count), lambda *_: None)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    monkeypatch.setattr(evaluation, "score", lambda truth, *_: {"psnr": torch.zeros(len(truth))})
    peak(16)
    few, many = peak(128), peak(1024)
    # 900 pictures of 12 KiB would be 11 MB.
    assert many - few < 3_000_000
