import math
from itertools import pairwise

import pytest

from baselines.schedule import cosine, share


def test_constant():
    assert {share("constant", step, 100) for step in range(100)} == {1.0}


def test_cosine():
    rates = [share("cosine", step, 100) for step in range(100)]
    assert rates == [cosine(step, 100) for step in range(100)]
    assert rates[:4] == pytest.approx([1 / 3, 2 / 3, 1, 1])
    assert rates[51] == pytest.approx(0.5 * (1 + math.cos(math.pi * 48 / 97)))
    assert all(a > b for a, b in pairwise(rates[3:]))
    assert 0 < rates[-1] < 1e-3
    assert share("cosine", 0, 1) == 1.0
