import numpy as np
import pytest
from docket import FLOORS, IMAGES, NOISE, recorder
from kept import altered
from scipy.stats import t as student
from statsmodels.stats.multitest import multipletests

from bench.claims.answers import holm
from bench.claims.case import FEWEST_GROUPS
from bench.claims.contenders import contenders
from bench.claims.ranking import LEVEL, RESOLVED, _lead, ranking, unbeaten
from bench.metrics.definitions import DEFINITIONS

PSNR = DEFINITIONS["psnr"]


@pytest.fixture
def make(tmp_path):
    return recorder(tmp_path)


def ranked(records, floors=FLOORS):
    return ranking(contenders(records), "center", PSNR, floors)


def p_of(records, one="p", other="flat", floors=FLOORS):
    field = contenders(records)
    sides = [next(side for side in field if side.name == name) for name in (one, other)]
    return _lead(*sides, "center", PSNR, floors, field).p


@pytest.mark.parametrize("count", [1, 2, 12])
def test_holm_is_what_statsmodels_says(count):
    p = np.random.default_rng(count).uniform(0, 0.2, count).round(2)  # with ties
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-12)


def test_holm_of_nothing():
    assert len(holm([])) == 0


@pytest.mark.parametrize("shift", [0.1, 0.15, 0.2, 0.25, 0.3, 0.35])
def test_the_p_value_of_two_floors_is_that_of_the_paired_t_test(make, shift):
    gain = shift + NOISE
    expected = gain.mean() / (gain.std(ddof=1) / np.sqrt(200))
    found = p_of([make("smooth", IMAGES + gain), make("flat", IMAGES)], "smooth")
    assert (found / 2 < RESOLVED) == (shift > 0.2)  # on both sides of what resamples tell
    assert student.isf(found / 2, 199) == pytest.approx(expected, rel=0.04)
    assert found == p_of([make("smooth", IMAGES + gain), make("flat", IMAGES)], "flat", "smooth")


def test_the_p_value_of_a_training_is_that_of_its_seeds_where_these_alone_vary(make):
    shifts = np.array([0.5, 1.5, 2.5])
    records = [*(make("p", IMAGES + shift, seed=seed) for seed, shift in enumerate(shifts)), make("flat", IMAGES)]
    expected = 2 * student.sf(shifts.mean() / (shifts.std(ddof=1) / np.sqrt(3)), 2)
    assert p_of(records) == pytest.approx(expected, rel=1e-4)


def test_ranks_are_what_the_pairs_leave_open(make):
    shifts = {"a": 3.0, "b": 2.0, "c": 2.02, "d": 0.0}
    rng = np.random.default_rng(0)
    records = [make(name, IMAGES + shift + rng.normal(0, 0.3, 200)) for name, shift in shifts.items()]
    found = ranked(records, set(shifts))
    assert found.ranks == {"a": (1, 1), "b": (2, 3), "c": (2, 3), "d": (4, 4)}
    assert found.unbeaten == {"a"}
    assert (found.p.to_numpy() == found.p.to_numpy().T).all()
    assert (np.diag(found.p) == 1).all()
    assert ((found.p > LEVEL).sum(axis=1) - 1).to_dict() == {"a": 0, "b": 1, "c": 1, "d": 0}


def test_a_chain_of_neighbours_leaves_overlapping_ranges(make):
    """Told apart from the next but one, and from the next (t = 2.1, p = 0.037) only if it were the one comparison."""
    draws = np.random.default_rng(1).normal(0, 1, (200, 3))
    noise = np.linalg.qr(draws - draws.mean(axis=0))[0].T * np.sqrt(199)  # each of SD 1, and uncorrelated
    records = [make(name, IMAGES + 0.21 * place + noise[place]) for place, name in enumerate("abc")]
    assert p_of(records[:2], "a", "b", set("abc")) < LEVEL
    assert ranked(records, set("abc")).ranks == {"a": (2, 3), "b": (1, 3), "c": (1, 2)}


def test_a_lone_seed_is_told_apart_from_floors_by_images_and_from_no_training(make):
    floors = [make("flat", IMAGES), make("smooth", IMAGES - 1 + NOISE)]
    found = ranked([make("p", IMAGES + 3), make("q", IMAGES + 9 + NOISE), *floors])
    assert found.ranks == {"p": (1, 2), "q": (1, 2), "flat": (3, 3), "smooth": (4, 4)}
    assert found.p.loc["p", "q"] == 1


def test_a_lone_seed_borrows_a_spread_where_there_is_one(make):
    others = [make("p", IMAGES + 3 + shift, seed=seed) for seed, shift in enumerate((-0.02, 0.0, 0.02))]
    found = ranked([*others, make("q", IMAGES + 9), make("flat", IMAGES)])
    assert found.ranks == {"q": (1, 1), "p": (2, 2), "flat": (3, 3)}
    wide = [make("p", IMAGES + 3 + shift, seed=seed) for seed, shift in enumerate((-3.0, 0.0, 3.0))]
    assert ranked([*wide, make("q", IMAGES + 9), make("flat", IMAGES)]).ranks["q"] == (1, 3)


def test_trainings_on_different_processors_are_not_told_apart(make):
    ours = [make("p", IMAGES + 3, seed=seed) for seed in range(3)]
    theirs = [make("q", IMAGES + 9, seed=seed) for seed in range(3)]
    assert ranked([*ours, *theirs]).ranks == {"q": (1, 1), "p": (2, 2)}
    hardware = theirs[0].content.hardware.model_copy(update={"gpu": "another card"})
    found = ranked([*ours, *(altered(record, hardware=hardware) for record in theirs), make("flat", IMAGES)])
    assert found.ranks == {"q": (1, 2), "p": (1, 2), "flat": (3, 3)}
    assert found.processors == ("p", "q")


def test_few_groups_tell_nobody_apart(make):
    for count, ranks in ((FEWEST_GROUPS, (1, 1)), (FEWEST_GROUPS - 1, (1, 2))):
        groups = [f"g{index * count // 200}" for index in range(200)]
        records = [make("smooth", IMAGES + 5 + NOISE, groups=groups), make("flat", IMAGES, groups=groups)]
        assert ranked(records).ranks["smooth"] == ranks


def test_infinite_pairs_are_not_outvoted_by_the_mean(make):
    exact = np.where(np.arange(200) < 60, np.inf, IMAGES - 2)
    assert ranked([make("smooth", exact), make("flat", IMAGES)]).ranks == {"smooth": (1, 2), "flat": (1, 2)}


@pytest.mark.slow
def test_many_pairs_can_still_be_told_apart(make):
    """30 contenders are 435 pairs: more than resamples alone could tell apart."""
    names = [f"m{place}" for place in range(30)]
    records = [make(name, IMAGES[:60] + place + NOISE[place : place + 60]) for place, name in enumerate(names)]
    assert ranked(records, set(names)).ranks == {name: (30 - place, 30 - place) for place, name in enumerate(names)}


@pytest.mark.slow
def test_chance_tells_somebody_apart_in_one_board_of_twenty_at_most(tmp_path):
    """Four equal floors; 95 % of the boards leave all ranks open."""
    rng, wrong = np.random.default_rng(4), 0
    for board in range(100):
        make = recorder(tmp_path / str(board))
        records = [make(name, IMAGES[:60] + rng.normal(0, 1, 60)) for name in "abcd"]
        wrong += set(ranked(records, set("abcd")).ranks.values()) != {(1, 4)}
    assert wrong <= 9  # more would be one in 40 where the rate is 5 %


def test_the_unbeaten_are_compared_with_the_best_alone(make):
    records = [make("p", IMAGES + 3, seed=seed, l1=1.0) for seed in range(3)]
    records += [make("flat", IMAGES, l1=1.0 + NOISE / 99), make("smooth", IMAGES - 1, l1=2.0 + NOISE)]
    field = contenders(records)
    assert unbeaten(field, "center", PSNR, FLOORS) == {"p"}
    assert unbeaten(field, "center", DEFINITIONS["l1"], FLOORS) == {"p", "flat"}
    assert unbeaten(field, "center", DEFINITIONS["lpips"], FLOORS) == set()
