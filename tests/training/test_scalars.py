import pytest
import torch

from bench.training.scalars import Scalars
from bench.util.errors import UserError


def add(scalars, values):
    for value in values:
        scalars.add({"a": torch.tensor(float(value)), "b": torch.tensor(-float(value))})


def test_a_window_becomes_one_point_at_its_last_step():
    scalars = Scalars()
    scalars.start("stage", 400, 0, None, [])
    add(scalars, [1, 2, 3])
    assert scalars.rows == [["stage", 2, "a", 1.5], ["stage", 2, "b", -1.5]]


def test_an_interrupted_window_goes_on_as_if_nothing_had_been():
    straight = Scalars()
    straight.start("stage", 600, 0, None, [])
    add(straight, [1, 2, 4, 8, 16, 32])
    first = Scalars()
    first.start("stage", 600, 0, None, [])
    add(first, [1, 2, 4, 8])
    second = Scalars(first.rows)
    second.start("stage", 600, 4, first.pending(), first.names)
    add(second, [16, 32])
    assert second.rows == straight.rows


def test_the_first_non_finite_value_is_named():
    scalars = Scalars()
    scalars.start("stage", 2000, 0, None, [])
    add(scalars, [1, 2])
    scalars.add({"a": torch.tensor(1.0), "b": torch.tensor(float("inf"))})
    with pytest.raises(UserError, match="b is inf at step 2 of stage 'stage'"):
        scalars.pending()
