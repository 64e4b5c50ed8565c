"""The contract of every floor is in test_floors.py."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_erosion
from skimage.color import rgb2lab

from baselines.criminisi import Criminisi, _Canvas, patch_side
from bench.masks.sets import MASK_SETS
from bench.methods.base import DataFacts, Settings


def run(image, hole):
    return Criminisi(Settings(), DataFacts(64, 10)).inpainter().inpaint(image, hole, torch.zeros(len(image)).long())


def texture(height, width, tall, wide):
    tile = torch.rand(3, tall, wide, generator=torch.Generator().manual_seed(tall))
    return tile.repeat(1, height // tall + 1, width // wide + 1)[None, :, :height, :width]


def box(height, width, top, left, tall, wide):
    hole = torch.zeros(1, 1, height, width, dtype=torch.bool)
    hole[..., top : top + tall, left : left + wide] = True
    return hole


def test_the_patch_is_the_papers_at_256_and_shrinks_with_the_picture():
    sides = {32: 3, 64: 3, 128: 5, 178: 7, 256: 9, 1024: 9}
    assert {side: patch_side(side, side) for side in sides} == sides
    assert patch_side(128, 999) == patch_side(999, 128) == 5


@pytest.mark.parametrize(
    "place",
    [(16, 16, 32, 32), (0, 20, 30, 24), (40, 44, 24, 20), (0, 0, 64, 40)],
    ids=["middle", "edge", "corner", "side"],
)
def test_a_periodic_texture_comes_back(place):
    image = texture(64, 64, 5, 7)
    assert torch.equal(run(image, box(64, 64, *place)), image)


def test_a_texture_comes_back_under_patches_of_nine():
    image = texture(256, 300, 11, 13)
    assert torch.equal(run(image, box(256, 300, 60, 0, 90, 110)), image)


@pytest.mark.parametrize("angle", [0, 30, 45, 90, 120])
def test_an_edge_is_carried_on(angle):
    y, x = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 31.5, indexing="ij")
    across = y * np.cos(np.radians(angle)) - x * np.sin(np.radians(angle))
    image = (0.2 + 0.6 * (across > 0)).float().expand(1, 3, 64, 64)
    result = run(image, MASK_SETS["center"].holes(["a"], 64, 64))
    wrong = (result - image)[0, 0].abs() > 0.01
    assert not (wrong & (across.abs() >= 2)).any()
    assert angle in (30, 120) or not wrong.any()  # along these no patch of 3x3 shows the slope


def test_where_an_edge_meets_the_hole_is_filled_first():
    picture = np.full((40, 40, 3), 0.5, np.float32)
    picture[:, 23:] = 0.9
    hole = np.zeros((40, 40), bool)
    hole[12:28, 12:28] = True
    canvas = _Canvas(picture, hole, 5)
    y, x, confidence = canvas.most_urgent()
    assert y - canvas.frame in (12, 27)
    assert 20 <= x - canvas.frame <= 25  # its patch of five has one of the two columns of the edge
    assert confidence == pytest.approx(10 / 25)
    # Without an edge, the corners know most: 16 of 25 pixels.
    canvas = _Canvas(np.full((40, 40, 3), 0.5, np.float32), hole, 5)
    y, x, confidence = canvas.most_urgent()
    assert {y - canvas.frame, x - canvas.frame} <= {12, 27}
    assert confidence == pytest.approx(16 / 25)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 999), side=st.sampled_from([3, 5, 9]))
def test_the_match_is_the_least_of_all_squared_differences(seed, side):
    rng = np.random.default_rng(seed)
    picture = rng.random((24, 30, 3)).astype(np.float32)
    hole = np.zeros((24, 30), bool)
    hole[11:18, rng.integers(6, 20) :] = True
    canvas = _Canvas(picture, hole, side)
    y, x, _ = canvas.most_urgent()
    lab, half = np.rint(2 * rgb2lab(picture)).astype(int), side // 2
    target = [(i, j) for i in range(-half, half + 1) for j in range(-half, half + 1)]
    here = [(y - canvas.frame + i, x - canvas.frame + j) for i, j in target]
    seen = [0 <= i < 24 and 0 <= j < 30 and not hole[i, j] for i, j in here]
    whole = np.argwhere(binary_erosion(~hole, np.ones((side, side))))
    costs = [
        sum(((lab[a + i, b + j] - lab[at]) ** 2).sum() for (i, j), at, s in zip(target, here, seen, strict=True) if s)
        for a, b in whole
    ]
    expected = whole[int(np.argmin(costs))] + canvas.frame
    assert canvas.best_match(y, x) == tuple(expected)


def test_all_missing_but_one_patch():
    image = torch.rand(1, 3, 24, 31, generator=torch.Generator().manual_seed(1))
    hole = ~box(24, 31, 9, 13, 3, 3)
    colours = {tuple(colour) for colour in image[0, :, 9:12, 13:16].flatten(1).T.tolist()}
    assert {tuple(colour) for colour in run(image, hole)[0].flatten(1).T.tolist()} == colours


def test_every_colour_is_a_known_pixels():
    image = torch.rand(3, 3, 40, 52, generator=torch.Generator().manual_seed(2))
    hole = MASK_SETS["irregular"].holes(["a", "b", "c"], 40, 52)
    for one, gap, result in zip(image, hole[:, 0], run(image, hole), strict=True):
        known = {tuple(colour) for colour in one[:, ~gap].T.tolist()}
        assert {tuple(colour) for colour in result[:, gap].T.tolist()} <= known


def test_without_a_known_patch_the_nearest_pixel_is_copied():
    image = torch.rand(1, 3, 9, 9, generator=torch.Generator().manual_seed(3))
    hole = torch.ones(1, 1, 9, 9, dtype=torch.bool)
    hole[..., 2, 1] = hole[..., 6, 8] = False
    result = run(image, hole)
    assert torch.equal(result[..., 0, 0], image[..., 2, 1])
    assert torch.equal(result[..., 8, 7], image[..., 6, 8])


def test_known_pixels_between_are_not_taken_for_a_patch():
    """A checkerboard of holes in the left half: no patch there is whole, and the right half fills it."""
    image = texture(32, 64, 3, 4)
    hole = torch.zeros(1, 1, 32, 64, dtype=torch.bool)
    hole[..., ::2, :32:2] = hole[..., 1::2, 1:32:2] = True
    assert torch.equal(run(image, hole), image)
