"""Holes that sound alike and are not, and holes that are the same."""

import pytest
from pydantic import TypeAdapter

from bench.claims.comparability import same_holes
from bench.masks.sets import MASK_SETS
from bench.paper.protocols import KNOWN_MASKS, Masks

CENTER_64 = {"kind": "center", "hole": [64, 64]}
CENTER_128 = {"kind": "center", "hole": [128, 128]}
YU_2018 = {"kind": "rectangle", "sides": [96, 128]}
NVIDIA = {"kind": "named", "name": "nvidia_10_20"}


def alike(said, mask_set, side=256):
    return same_holes(TypeAdapter(Masks).validate_python(said), mask_set, (side, side))


@pytest.mark.parametrize(
    ("said", "mask_set", "side", "same"),
    [
        (CENTER_128, "center", 256, True),
        (CENTER_64, "center", 256, False),  # 64x64 of 256x256 is another hole
        (CENTER_64, "center", 128, True),
        (CENTER_128, "random", 256, False),
        (CENTER_128, "nvidia_10_20", 256, False),
        ({"kind": "center", "hole": "not said"}, "center", 256, None),
        ({"kind": "center", "hole": "not said"}, "irregular", 256, False),
        (YU_2018, "random", 256, True),
        (YU_2018, "random", 64, False),
        (YU_2018, "random_free", 256, False),
        (YU_2018, "center", 256, False),
        ({"kind": "rectangle", "sides": "not said"}, "random", 256, None),
        (NVIDIA, "nvidia_10_20", 256, True),
        (NVIDIA, "nvidia_10_20_clear", 256, False),
        (NVIDIA, "nvidia", 256, False),
        (NVIDIA, "irregular_10_20", 256, False),  # drawn: their shares fit, their shapes do not
        (NVIDIA, "irregular", 256, False),
        ({"kind": "named", "name": "irregular_10_20"}, "irregular_10_20", 256, True),
        ({"kind": "other", "text": "irregular masks of Liu et al. (NVIDIA), 10-20 %"}, "irregular", 256, False),
        ({"kind": "other", "text": "not the center"}, "center", 256, False),
    ],
)
def test_holes_are_the_same_or_not_or_left_open(said, mask_set, side, same):
    assert alike(said, mask_set, side) is same


def test_no_drawn_set_is_a_set_of_files():
    for drawn in MASK_SETS:
        same = [name for name in KNOWN_MASKS if alike({"kind": "named", "name": name}, drawn)]
        assert same == [drawn]


@pytest.mark.parametrize("side", [8, 64, 99, 256])
def test_sizes_are_those_of_the_holes(side):
    from bench.masks.center import Center
    from bench.masks.random import RandomRectangle
    from bench.util.seeds import Chance

    tall, wide = Center().size(side, side + 4)
    hole = Center().draw(Chance("c"), side, side + 4)
    assert (hole.any(axis=1).sum(), hole.any(axis=0).sum()) == (tall, wide)
    holes = [RandomRectangle().draw(Chance("r", index), side, side) for index in range(200)]
    sides = [count for hole in holes for count in (hole.any(axis=1).sum(), hole.any(axis=0).sum())]
    assert (min(sides), max(sides)) == RandomRectangle().sides(side, side)
