import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import label

from bench.masks.random_free import FreeRectangle
from bench.masks.shapes import Shapes
from bench.util.errors import UserError
from bench.util.seeds import Chance

SIDES = st.integers(2, 70)


@settings(deadline=None, max_examples=60)
@given(height=SIDES, width=SIDES, name=st.text(max_size=3))
def test_every_hole_is_proper_and_repeatable(height, width, name):
    hole = Shapes().draw(Chance(name), height, width)
    assert hole.shape == (height, width)
    assert hole.dtype == np.bool_
    assert 5 <= 100 * hole.mean() <= 40
    assert np.array_equal(hole, Shapes().draw(Chance(name), height, width))


def test_holes_differ_and_fill_their_range():
    holes = [Shapes().draw(Chance(i), 64, 64) for i in range(200)]
    shares = [100 * hole.mean() for hole in holes]
    assert len({hole.tobytes() for hole in holes}) > 190
    assert min(shares) < 10
    assert max(shares) > 35


def test_one_to_five_shapes_of_three_kinds():
    holes = [Shapes().draw(Chance(i), 160, 160) for i in range(200)]
    pieces = [label(hole)[1] for hole in holes]
    assert min(pieces) == 1
    assert 3 <= max(pieces) <= 5
    single = [Shapes(most_shapes=1).draw(Chance(i), 160, 160) for i in range(60)]
    filled = [hole.sum() / hole[np.ix_(hole.any(1), hole.any(0))].size for hole in single]
    # A rectangle fills its box, an ellipse pi / 4 of it, a slanting line less.
    assert sum(share == 1 for share in filled) > 10
    assert sum(abs(share - np.pi / 4) < 0.03 for share in filled) > 10
    assert sum(share < 0.7 for share in filled) > 3


def test_impossible_ranges_and_pictures_are_refused():
    with pytest.raises(ValueError, match="1 to 99 %"):
        Shapes(0, 40)
    with pytest.raises(ValueError, match="at least 1 shape"):
        Shapes(most_shapes=0)
    with pytest.raises(UserError, match="1x1 picture is too small"):
        Shapes().draw(Chance(0), 1, 1)
    with pytest.raises(UserError, match="2x2 picture is too small"):
        Shapes(5, 10).draw(Chance(0), 2, 2)


def test_rectangles_of_other_shares():
    """GLCIC's: 48 to 96 pixels of 160, both sides apart."""
    family = FreeRectangle(3, 10, 3, 5)
    holes = [family.draw(Chance(i), 160, 160) for i in range(600)]
    tall, wide = ([int(hole.any(axis).sum()) for hole in holes] for axis in (1, 0))
    for sides in (tall, wide):
        assert (min(sides), max(sides)) == (48, 96)
    assert abs(np.corrcoef(tall, wide)[0, 1]) < 0.15
    assert all(hole.sum() == a * b for hole, a, b in zip(holes, tall, wide, strict=True))
    for shares in ((0, 1, 1, 2), (1, 2, 1, 3), (1, 2, 1, 1)):
        with pytest.raises(ValueError, match="rise within 0 to 1"):
            FreeRectangle(*shares)


def test_the_mask_set_s_rectangles_are_what_they_were():
    holes = np.concatenate([FreeRectangle().draw(Chance(i), 64, 64) for i in range(20)])
    chance, boxes = [Chance(i) for i in range(20)], []
    for one in chance:
        tall, wide = one.between(8, 32), one.between(8, 32)
        boxes.append((one.between(0, 64 - tall), one.between(0, 64 - wide), tall, wide))
    for index, (top, left, tall, wide) in enumerate(boxes):
        hole = holes[64 * index : 64 * index + 64]
        assert hole[top : top + tall, left : left + wide].all()
        assert hole.sum() == tall * wide
