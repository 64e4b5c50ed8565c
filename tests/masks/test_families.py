from collections import Counter
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from bench.masks import irregular
from bench.masks.center import Center
from bench.masks.family import Family
from bench.masks.half import Half
from bench.masks.irregular import _QUARTER, LONG, SPECKS, Brush, Strokes, _paint, _sine, clear_border
from bench.masks.names import BINS
from bench.masks.pixels import Pixels
from bench.masks.random import RandomRectangle
from bench.masks.random_free import FreeRectangle
from bench.util.errors import UserError
from bench.util.seeds import Chance

SPECKLED = Strokes(brush=SPECKS[50, 60])
SQUARE = FreeRectangle(square=True)
FAMILIES: list[Family] = [
    Center(),
    RandomRectangle(),
    FreeRectangle(),
    SQUARE,
    Half(),
    Pixels(80),
    Strokes(),
    SPECKLED,
]
BRUSHES = [LONG, *SPECKS.values()]
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


@pytest.mark.parametrize("family", [one for one in FAMILIES if one not in (Center(), Half())], ids=repr)
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


@pytest.mark.parametrize("brush", [LONG, SPECKS[10, 20]], ids=["long", "specks"])
@pytest.mark.parametrize(("least", "most"), [(10, 50), (1, 10), (50, 60)])
def test_strokes_keep_their_range_and_fill_it(least, most, brush):
    shares = [Strokes(least, most, brush=brush).draw(Chance(i), 64, 64).mean() * 100 for i in range(150)]
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


@given(seed=st.integers(0, 999), height=SIDES, width=SIDES)
def test_free_rectangles_keep_their_sides_and_lie_inside(seed, height, width):
    hole = FreeRectangle().draw(Chance(seed), height, width)
    _, _, tall, wide = extent(hole)
    assert hole.sum() == tall * wide
    assert max(1, height // 8) <= tall <= max(1, height // 2)
    assert max(1, width // 8) <= wide <= max(1, width // 2)


def test_free_rectangles_have_sides_of_their_own():
    boxes = [extent(FreeRectangle().draw(Chance(i), 32, 64)) for i in range(3000)]
    for index, most in ((2, 16), (3, 32)):
        sides = Counter(box[index] for box in boxes)
        assert sorted(sides) == list(range(most // 4, most + 1))
    assert abs(np.corrcoef([box[2:] for box in boxes], rowvar=False)[0, 1]) < 0.08  # 4 standard errors


def test_squares_of_all_sizes_are_equally_likely():
    boxes = [extent(SQUARE.draw(Chance(i), 64, 32)) for i in range(2600)]
    assert all(tall == wide for _, _, tall, wide in boxes)
    sides = Counter(box[2] for box in boxes)
    assert sorted(sides) == list(range(4, 17))  # of the shorter side
    assert all(150 < count < 260 for count in sides.values())  # 200 expected
    for least, index, whole in ((0, 0, 64), (0, 1, 32)):
        assert min(box[index] for box in boxes) == least
        assert max(box[index] + box[2] for box in boxes) == whole
    shares = [SQUARE.draw(Chance(i), 64, 64).mean() for i in range(200)]
    assert min(shares) < 0.02
    assert max(shares) > 0.24
    assert np.subtract(*np.percentile(shares, [75, 25])) > 0.1


@pytest.mark.parametrize("ends", BINS, ids=str)
@pytest.mark.parametrize("side", [64, 256])
def test_a_clear_border_is_clear_and_the_share_is_of_the_whole(ends, side):
    border = clear_border(side, side)
    assert border == {64: 6, 256: 25}[side]
    for i in range(12):
        hole = Strokes(*ends, clear=True, brush=SPECKS[ends]).draw(Chance(i), side, side)
        assert hole[border:-border, border:-border].sum() == hole.sum()
        assert ends[0] <= 100 * hole.mean() <= ends[1]
        assert hole.flags.writeable


def test_clear_border_is_nvidias_at_their_size():
    assert clear_border(512, 512) == 50


def test_strokes_reach_the_border_unless_it_is_clear():
    holes = [Strokes(20, 30).draw(Chance(i), 64, 64) for i in range(20)]
    assert sum(hole[0].any() or hole[-1].any() or hole[:, 0].any() or hole[:, -1].any() for hole in holes) > 15


def test_most_radii_of_a_skewed_brush_are_thin():
    even = Brush(10, 110, 10, 100, 1, 1)
    radii = {
        skewed: np.array([replace(even, skewed=skewed).stroke(Chance(i), 800, 800, 800).radius for i in range(2000)])
        for skewed in (False, True)
    }
    for skewed, mean in ((False, 60), (True, 10 + 101 / 4 - 0.5)):  # a uniform number's cube has the mean 1/4
        assert radii[skewed].mean() == pytest.approx(mean, abs=2.5)
        assert radii[skewed].min() == 10
        assert 105 < radii[skewed].max() <= 110


def test_a_brush_measures_in_the_pictures_side_and_ends_outside_the_canvas():
    brush = Brush(8, 8, 40, 40, 3, 3)
    for i in range(200):
        one = brush.stroke(Chance(i), 400, 100, 150)
        inside = [0 <= x < 150 and 0 <= y < 100 for x, y in one.points]
        assert one.radius == 4
        assert all(inside[:-1])
        assert len(one.points) == 4 or not inside[-1]
        steps = [np.hypot(x1 - x0, y1 - y0) for (x0, y0), (x1, y1) in pairwise(one.points)]
        assert all(abs(step - 20.5) < 2 for step in steps)


def counted_after_every_segment(draw_stroke, height, width, wanted):
    """The rule as it reads, without the shortcut."""
    canvas = Image.new("L", (width, height))
    pen = ImageDraw.Draw(canvas)
    while True:
        one = draw_stroke()
        r = one.radius
        for start, end in pairwise(one.points):
            pen.line([start, end], fill=1, width=2 * r + 1)
            for x, y in (start, end):
                pen.ellipse([x - r, y - r, x + r, y + r], fill=1)
            hole = np.asarray(canvas, dtype=bool)
            if hole.sum() >= wanted:
                return hole


@settings(deadline=None, max_examples=80)
@given(
    seed=st.integers(0, 9999),
    height=st.integers(8, 150),
    width=st.integers(8, 150),
    percent=st.integers(1, 60),
    brush=st.sampled_from(BRUSHES),
)
def test_counting_rarely_is_counting_always(seed, height, width, percent, brush):
    wanted = max(1, height * width * percent // 100)
    strokes = [partial(brush.stroke, Chance(seed), min(height, width), height, width) for _ in range(2)]
    hole, missing = _paint(strokes[0], height, width, wanted)
    assert np.array_equal(hole, counted_after_every_segment(strokes[1], height, width, wanted))
    assert missing == hole.sum()


def new_pixels(radius, move):
    """What a segment paints beside the disk that it starts from, alone in a large picture."""
    middle = 2 * radius + max(map(abs, move)) + 4
    canvas = Image.new("1", (2 * middle, 2 * middle))
    pen = ImageDraw.Draw(canvas)
    counts = []
    for end in (0, 0), move:
        x, y = middle + end[0], middle + end[1]
        pen.line([(middle, middle), (x, y)], fill=1, width=2 * radius + 1)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=1)
        counts.append(np.count_nonzero(canvas))
    return counts[1] - counts[0], counts[0]


@pytest.mark.parametrize("side", [24, 64, 200, 256, 512])
@pytest.mark.parametrize("brush", [LONG, SPECKS[1, 10], SPECKS[50, 60]], ids=["long", "1_10", "50_60"])
def test_no_segment_adds_more_pixels_than_it_may(side, brush):
    for seed in range(60):
        one = brush.stroke(Chance(seed), side, side, side)
        for number, ((x0, y0), (x1, y1)) in enumerate(pairwise(one.points)):
            new, disk = new_pixels(one.radius, (x1 - x0, y1 - y0))
            assert new + (0 if number else disk) <= one.most[number]


def test_a_pillow_that_paints_elsewhere_is_an_error_and_no_endless_loop(monkeypatch):
    monkeypatch.setattr(irregular, "_pen", lambda hole: ImageDraw.Draw(Image.new("L", hole.shape)))
    with pytest.raises(RuntimeError, match="paints into a copy"):
        Strokes().draw(Chance(0), 64, 64)
