from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.errors import UserError
from bench.masks.center import Center
from bench.masks.family import Family
from bench.masks.irregular import _QUARTER, Strokes, _sine
from bench.masks.random import RandomRectangle
from bench.seeds import Chance

FAMILIES: list[Family] = [Center(), RandomRectangle(), Strokes()]
SIDES = st.integers(2, 70)


def extent(hole):
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    return rows[0], columns[0], rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
@settings(deadline=None, max_examples=60)
@given(height=SIDES, width=SIDES, name=st.text(max_size=3))
def test_every_hole_is_proper_and_repeatable(family, height, width, name):
    hole = family.draw(Chance(name), height, width)
    assert hole.shape == (height, width)
    assert hole.dtype == np.bool_
    assert 0 < hole.sum() < hole.size
    assert np.array_equal(hole, family.draw(Chance(name), height, width))


@pytest.mark.parametrize("family", FAMILIES, ids=repr)
def test_one_pixel_cannot_have_a_hole(family):
    with pytest.raises(UserError, match="1x1 picture is too small"):
        family.draw(Chance(0), 1, 1)


@pytest.mark.parametrize("family", [RandomRectangle(), Strokes()], ids=repr)
def test_holes_differ(family):
    assert len({family.draw(Chance(i), 64, 64).tobytes() for i in range(50)}) > 45


@pytest.mark.parametrize(("height", "width"), [(256, 256), (64, 128), (7, 9), (9, 7)])
def test_center_is_the_quarter_to_three_quarter_box(height, width):
    top, left, tall, wide = extent(Center().draw(Chance(0), height, width))
    assert (tall, wide) == (height // 2, width // 2)
    assert (top, left) == ((height - tall) // 2, (width - wide) // 2)
    assert Center().draw(Chance(0), height, width).sum() == tall * wide


def test_center_takes_another_share():
    assert Center(1, 4).draw(Chance(0), 64, 64).sum() == 16 * 16
    with pytest.raises(ValueError, match="proper part"):
        Center(2, 2)


def test_random_sides_are_even_and_uniform_from_96_to_128():
    extents = [extent(RandomRectangle().draw(Chance(i), 256, 256)) for i in range(1700)]
    for index in (2, 3):
        sides = Counter(box[index] for box in extents)
        assert sorted(sides) == list(range(96, 129, 2))
        assert all(60 < count < 145 for count in sides.values())  # 100 expected


def test_random_place_is_uniform_up_to_both_borders():
    boxes = [RandomRectangle().box(Chance(i), 16, 16) for i in range(1800)]
    assert {box.side for box in boxes} == {8}
    for index in (0, 1):
        places = Counter(box[index] for box in boxes)
        assert sorted(places) == list(range(9))
        assert all(150 < count < 260 for count in places.values())  # 200 expected


@given(height=SIDES, width=SIDES, seed=st.integers(0, 99))
def test_random_hole_lies_in_the_middle_of_its_box(height, width, seed):
    family = RandomRectangle()
    box = family.box(Chance(seed), height, width)
    top, left, tall, wide = extent(family.draw(Chance(seed), height, width))
    assert 2 * top + tall == 2 * box.top + box.side
    assert 2 * left + wide == 2 * box.left + box.side
    assert box.top + box.side <= height
    assert box.left + box.side <= width
    assert box.side == max(1, min(height, width) // 2)
    assert min(tall, wide) >= Fraction(3, 8) * min(height, width) - 1


def test_random_takes_other_shares():
    family = RandomRectangle(fraction_num=1, fraction_den=4, trim_num=0)
    assert {int(family.draw(Chance(i), 64, 64).sum()) for i in range(9)} == {256}
    with pytest.raises(ValueError, match="leaves nothing"):
        RandomRectangle(trim_num=1, trim_den=4)
    with pytest.raises(ValueError, match="part of the side"):
        RandomRectangle(fraction_num=3, fraction_den=2)


@pytest.mark.parametrize(("least", "most"), [(10, 50), (1, 10), (50, 60)])
def test_strokes_keep_their_range_and_fill_it(least, most):
    shares = [Strokes(least, most).draw(Chance(i), 64, 64).mean() * 100 for i in range(150)]
    assert least <= min(shares) < least + 0.25 * (most - least)
    assert most - 0.25 * (most - least) < max(shares) <= most


def test_strokes_refuse_an_impossible_range():
    with pytest.raises(ValueError, match="1 to 99 %"):
        Strokes(0, 50)
    with pytest.raises(UserError, match="4x4 picture is too small"):
        Strokes(10, 11).draw(Chance(0), 4, 4)  # a 16th is 6 %, two are 12 %


def test_headings_are_the_rounded_sine():
    assert [_sine(step) for step in range(-40, 40)] == [
        round(1024 * np.sin(step * np.pi / 16)) for step in range(-40, 40)
    ]
    assert len(_QUARTER) == 9
