"""Holes of Yeh et al. 2017: halves, single pixels, and the pattern of Pathak et al. 2016."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.ndimage import label

from bench.masks.half import Half
from bench.masks.pattern import Pattern
from bench.masks.pixels import Pixels
from bench.util.errors import UserError
from bench.util.seeds import Chance


@pytest.mark.parametrize(("height", "width"), [(64, 64), (9, 14)])
def test_each_half_in_a_quarter_of_the_cases(height, width):
    drawn = Counter(Half().draw(Chance(i), height, width).tobytes() for i in range(400))
    rows, columns = np.indices((height, width))
    tall, wide = height // 2, width // 2
    expected = [columns < wide, columns >= width - wide, rows < tall, rows >= height - tall]
    assert set(drawn) == {half.tobytes() for half in expected}
    assert min(drawn.values()) > 70


def test_half_of_one_row_is_no_hole_lengthwise():
    ways = {Chance(i).below(4): i for i in range(40)}
    for way in (0, 1):
        assert Half().draw(Chance(ways[way]), 1, 8).sum() == 4
    for way in (2, 3):
        with pytest.raises(UserError, match="1x8 picture is too small"):
            Half().draw(Chance(ways[way]), 1, 8)


@given(height=st.integers(1, 40), width=st.integers(2, 40), percent=st.integers(1, 99), seed=st.integers(0, 99))
def test_the_share_of_single_pixels_is_met_to_the_pixel(height, width, percent, seed):
    missing = int(Pixels(percent).draw(Chance(seed), height, width).sum())
    assert 1 <= missing < height * width
    assert abs(missing - height * width * percent / 100) <= 0.5 or missing in (1, height * width - 1)


def test_every_pixel_is_missing_as_often_and_on_its_own():
    holes = np.stack([Pixels(80).draw(Chance(i), 16, 24) for i in range(1000)])
    assert np.abs(holes.mean(axis=0) - 0.8).max() < 4.5 * np.sqrt(0.16 / 1000)
    known = ~holes
    both = (known[:, :, 1:] & known[:, :, :-1]).mean()
    pixels = 16 * 24
    left = round(0.2 * pixels)
    assert both == pytest.approx(left * (left - 1) / (pixels * (pixels - 1)), rel=0.03)


def bicubic_noise(chance, height, width):
    """The same noise, enlarged by Pillow."""
    step = 192 / (25 * min(height, width))
    offset = [chance.below(256) for _ in range(2)]
    cells = [
        int((start + (whole - 1) * 256 * step) // 256) + 4 for start, whole in zip(offset, (height, width), strict=True)
    ]
    noise = np.frombuffer(chance.noise(cells[0] * cells[1]), np.uint8).reshape(cells).astype(np.float32)
    top, left = (1.5 + start / 256 - step / 2 for start in offset)
    box = (left, top, left + width * step, top + height * step)
    return np.asarray(Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC, box=box))


@pytest.mark.parametrize(("height", "width"), [(64, 64), (128, 128), (48, 80)])
def test_the_pattern_is_thresholded_bicubic_noise(height, width):
    for seed in range(20):
        hole, chance = Pattern().draw(Chance(seed), height, width), Chance(seed)
        for _ in range(1000):
            expected = bicubic_noise(chance, height, width) < 255 / 4
            if 0.2 <= expected.mean() <= 0.3:
                break
        assert (hole != expected).mean() < 0.01


@settings(deadline=None, max_examples=40)
@given(height=st.integers(8, 90), width=st.integers(8, 90), seed=st.integers(0, 99))
def test_the_pattern_keeps_its_share(height, width, seed):
    hole = Pattern().draw(Chance(seed), height, width)
    assert (hole.shape, hole.dtype) == ((height, width), np.bool_)
    assert 0.2 <= hole.mean() <= 0.3
    assert np.array_equal(hole, Pattern().draw(Chance(seed), height, width))


def test_a_larger_picture_has_the_same_blots_enlarged():
    pieces = [np.mean([label(Pattern().draw(Chance(i), side, side))[1] for i in range(60)]) for side in (64, 128)]
    assert 6 < pieces[0] < 14
    assert pieces[1] == pytest.approx(pieces[0], rel=0.15)


def test_impossible_shares_and_pictures_are_refused():
    for percent in (0, 100):
        with pytest.raises(ValueError, match="1 to 99 %"):
            Pixels(percent)
    with pytest.raises(ValueError, match="1 to 99 %"):
        Pattern(30, 20)
    for height, width in ((1, 1), (2, 3)):  # a sixth is 17 %, two are 33 %
        with pytest.raises(UserError, match=f"{height}x{width} picture is too small"):
            Pattern().draw(Chance(0), height, width)
