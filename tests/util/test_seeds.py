import pytest

from bench.util.seeds import Chance, seed_of


def test_a_seed_depends_on_every_word_and_on_nothing_else():
    assert seed_of(0, "holes", 3) == seed_of(0, "holes", 3)
    words = [(0, "holes", 3), (0, "holes", 4), (1, "holes", 3), ("0", "holes", 3), ("0holes", 3), (0, "hole", "s3")]
    assert len({seed_of(*purpose) for purpose in words}) == len(words)
    assert 0 <= seed_of("x") < 2**63


def test_golden_values():
    """Frozen: a change here changes every mask set and every split."""
    chance = Chance("golden", 1)
    assert [chance.below(1000) for _ in range(6)] == GOLDEN
    assert seed_of("golden", 1) == GOLDEN_SEED


GOLDEN = [784, 438, 330, 201, 160, 9]
GOLDEN_SEED = 2648245526547588083


def test_below_is_uniform():
    chance = Chance("uniform")
    counts = [0] * 7
    for _ in range(7000):
        counts[chance.below(7)] += 1
    expected = 1000
    chi_squared = sum((count - expected) ** 2 / expected for count in counts)
    assert chi_squared < 22.46  # 99.9 % point with 6 degrees of freedom


def test_between_includes_both_ends():
    chance = Chance("ends")
    assert {chance.between(2, 4) for _ in range(100)} == {2, 3, 4}
    with pytest.raises(ValueError, match="at least 1"):
        chance.below(0)
