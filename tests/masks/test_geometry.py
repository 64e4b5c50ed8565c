import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench.masks.geometry import bounding_box, box_crop, window
from bench.masks.random import RandomRectangle
from bench.util.seeds import Chance


@given(height=st.integers(1, 12), width=st.integers(1, 12), seed=st.integers(0, 999))
def test_bounding_box_is_what_numpy_finds(height, width, seed):
    hole = np.random.default_rng(seed).random((3, 1, height, width)) < 0.15
    found = bounding_box(torch.from_numpy(hole))
    assert found.dtype == torch.int64
    for one, box in zip(hole[:, 0], found.tolist(), strict=True):
        rows, columns = np.nonzero(one)
        if len(rows) == 0:
            assert box == [0, 0, 0, 0]
        else:
            assert box == [rows.min(), columns.min(), np.ptp(rows) + 1, np.ptp(columns) + 1]


@pytest.mark.parametrize("side", [16, 64, 50])
def test_window_finds_the_box_of_a_random_rectangle_again(side):
    family = RandomRectangle()
    holes = torch.stack([torch.from_numpy(family.draw(Chance(i), side, side)) for i in range(200)])[:, None]
    top, left = window(holes, side // 2)
    boxes = [family.box(Chance(i), side, side) for i in range(200)]
    assert top.tolist() == [box.top for box in boxes]
    assert left.tolist() == [box.left for box in boxes]


@given(seed=st.integers(0, 999))
def test_window_lies_in_the_picture_and_holds_the_hole(seed):
    rng = np.random.default_rng(seed)
    hole = torch.zeros(1, 1, 20, 30, dtype=torch.bool)
    top, left = rng.integers(0, 20), rng.integers(0, 30)
    hole[..., top : top + rng.integers(1, 12), left : left + rng.integers(1, 12)] = True
    y, x = window(hole, 12)
    assert 0 <= y <= 8
    assert 0 <= x <= 18
    assert box_crop(hole, y, x, 12).sum() == hole.sum()


@given(seed=st.integers(0, 999), side=st.integers(1, 5))
def test_box_crop_is_slicing(seed, side):
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.random((4, 2, 7, 5)))
    top, left = torch.from_numpy(rng.integers(0, 7 - side + 1, 4)), torch.from_numpy(rng.integers(0, 5 - side + 1, 4))
    crop = box_crop(x, top, left, side)
    assert crop.shape == (4, 2, side, side)
    for index in range(4):
        t, m = int(top[index]), int(left[index])
        assert torch.equal(crop[index], x[index, :, t : t + side, m : m + side])


def test_box_crop_passes_gradients():
    x = torch.rand(2, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    place = torch.tensor([0, 2])
    assert torch.autograd.gradcheck(lambda y: box_crop(y, place, place.flip(0), 2), x)
