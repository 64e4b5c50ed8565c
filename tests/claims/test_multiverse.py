import numpy as np
import pandas as pd
import pytest
from docket import FLOORS, IMAGES, NOISE, paper, recorder

from bench.claims.case import FEWEST_GROUPS
from bench.claims.multiverse import ALL, CHOICES, METRICS, WHOLE, multiverses
from bench.metrics.definitions import DEFINITIONS

ORDER = {
    "id": "o", "kind": "order", "section": "1", "statement": "s", "better": "variant:default",
    "worse": "variant:other", "metric": "psnr", "mask_sets": ["center"], "margin": 0.1,
}  # fmt: skip
WINS = {name: value for name, value in ORDER.items() if name != "margin"} | {"kind": "wins", "share": 0.6}
SHARES = np.linspace(0.1, 0.5, 200)
DRAWN = np.random.default_rng(2).normal(0, 1, (6, 200))


@pytest.fixture
def make(tmp_path):
    return recorder(tmp_path)


def one(records, claim=ORDER):
    (found,) = multiverses(paper(claim), "p", records, FLOORS)
    return found


def asked(found, **choices):
    table = found.universes
    for name, value in choices.items():
        table = table[table[name] == value]
    return table


def elsewhere(record, mask_set, **columns):
    """The record with other values on one mask set."""
    scores = record.scores.copy()
    for name, values in columns.items():
        scores.loc[scores["mask_set"] == mask_set, name] = values
    record.__dict__["scores"] = scores
    return record


@pytest.fixture
def field(make):
    """Three seeds of each side, with two metrics and holes of many sizes, and a floor."""
    common = {"hole_share": SHARES}
    better = [make("p", IMAGES + 0.3 + DRAWN[seed], seed=seed, mse=50 - DRAWN[seed], **common) for seed in range(3)]
    worse = [make("p", IMAGES + DRAWN[3 + seed], "other", seed=seed, mse=50 - DRAWN[5 - seed], **common)
             for seed in range(3)]  # fmt: skip
    return better, worse, make("flat", IMAGES - 3 * SHARES, mse=60 + NOISE, **common)


def test_every_universe_is_the_standardised_mean_of_its_own_differences(field):
    better, worse, floor = field
    found = one([*better, *worse, floor])
    ease = floor.mask_set("center")["psnr"] + 10 * np.log10(SHARES)
    parts = {
        WHOLE: np.ones(200, bool),
        "small holes": np.quantile(SHARES, 1 / 3) >= SHARES,
        "large holes": np.quantile(SHARES, 2 / 3) < SHARES,
        "hard for floors": (ease <= ease.median()).to_numpy(),
    }
    for metric, sign in (("psnr", 1), ("mse", -1)):
        for seed, seeds in ((ALL, range(3)), ("seed 0", [0]), ("seed 2", [2])):
            for name, part in parts.items():
                sides = [
                    np.mean([side[at].mask_set("center")[metric] for at in seeds], axis=0) for side in (better, worse)
                ]
                gain = sign * (sides[0] - sides[1])[part]
                (row,) = asked(found, metric=metric, mask_set="center", subset=name, seed=seed).itertuples()
                assert row.effect == pytest.approx(gain.mean() / gain.std(ddof=1), rel=1e-9)
                assert row.n == part.sum()
                assert row.holds == (gain.mean() > (0.1 if metric == "psnr" else 0))
    a, b = (asked(found, metric="psnr", mask_set="center", seed=ALL, subset=f"random half {half}") for half in "AB")
    assert (a["n"].item() + b["n"].item(), 60 < a["n"].item() < 140) == (200, True)


def test_each_of_all_combinations_is_there_once(field):
    found = one([*field[0], *field[1], field[2]])
    kinds = [found.universes[kind].nunique() for kind in CHOICES]
    # PSNR (that in the hole and those of another range differ by a constant) and MSE with the logarithm of ZITS, which
    # caps nothing here but is of another column; both mask sets; 8 parts; 3 seeds and all.
    assert set(found.universes["metric"]) == {"psnr", "psnr_zits", "mse"}
    assert kinds == [3, 2, 8, 4]
    assert len(found.universes) == np.prod(kinds)
    assert not found.universes.duplicated([*CHOICES]).any()


def test_one_metric_that_flips_it(make):
    noise = 0.1 * DRAWN
    better = [
        make("p", IMAGES + 1 + noise[seed], seed=seed, l1=2.0 + noise[seed], ssim=0.9 + noise[seed] / 10)
        for seed in range(3)
    ]
    worse = [make("p", IMAGES, "other", seed=seed, l1=1.0, ssim=0.5) for seed in range(3)]
    found = one([*better, *worse])
    assert found.share == pytest.approx(2 / 3)  # PSNR and SSIM against L1
    assert {kind: list(shares.items()) for kind, shares in found.flips.items()} == {"metric": [("l1", 0.0)]}


def test_one_mask_set_that_flips_it(make):
    worse = [make("p", IMAGES, "other", seed=seed, ssim=0.5, l1=1.0) for seed in range(3)]
    better = [make("p", IMAGES + 1 + NOISE / 9, seed=seed, ssim=0.6 + NOISE / 99, l1=0.5) for seed in range(3)]
    # SSIM alone holds on both.
    better = [elsewhere(record, "random", psnr=IMAGES - 1 + NOISE / 9, l1=1.5) for record in better]
    found = one([*better, *worse])
    assert found.share == pytest.approx(4 / 6)
    assert {kind: list(shares.items()) for kind, shares in found.flips.items()} == {
        "mask_set": [("random", pytest.approx(1 / 3))]
    }


def test_an_order_that_does_not_hold_names_what_would_turn_it(make):
    better = [
        make("p", IMAGES + (0.1 * NOISE + np.where(SHARES > 0.4, 2, -1)), seed=seed, hole_share=SHARES)
        for seed in range(3)
    ]
    found = one([*better, *(make("p", IMAGES, "other", seed=seed, hole_share=SHARES) for seed in range(3))])
    assert found.share < 0.5
    assert list(found.flips) == ["subset"]
    assert list(found.flips["subset"].items()) == [("large holes", 1.0)]


def test_one_seed_that_flips_it(make):
    shifts = (1.0, 1.0, -1.0)
    better = [make("p", IMAGES + shift + 0.1 * DRAWN[seed], seed=seed) for seed, shift in enumerate(shifts)]
    found = one([*better, *(make("p", IMAGES, "other", seed=seed) for seed in range(3))])
    assert found.share == 0.75
    assert list(found.flips["seed"].items()) == [("seed 2", 0.0)]


def test_a_lead_within_the_margin_holds_in_other_definitions_only(make):
    better = [make("p", IMAGES + 0.05, seed=seed, ssim=0.5 + 1e-4 * (IMAGES > 25)) for seed in range(3)]
    found = one([*better, *(make("p", IMAGES, "other", seed=seed, ssim=0.5) for seed in range(3))])
    assert not asked(found, metric="psnr")["holds"].any()
    assert asked(found, metric="ssim")["holds"].all()


def test_the_best_floor_is_that_of_each_metric_and_mask_set(make):
    claim = ORDER | {"worse": "best floor"}
    floors = [make("flat", IMAGES - 1 + NOISE, ssim=0.9), make("smooth", IMAGES - 2 - NOISE, ssim=0.95)]
    own = make("p", IMAGES + DRAWN[0], ssim=0.92 + 0.001 * NOISE)
    found = one([own, *floors], claim)
    gain = IMAGES + DRAWN[0] - (IMAGES - 1 + NOISE)
    (row,) = asked(found, metric="psnr", mask_set="center", subset=WHOLE).itertuples()
    assert row.effect == pytest.approx(gain.mean() / gain.std(ddof=1))
    assert not asked(found, metric="ssim")["holds"].any()
    assert set(found.universes["seed"]) == {ALL}  # a single seed is all there is


def test_wins_count_images_training_by_training(make):
    lead = np.where(np.arange(200) < 130, 1.0, -1.0)
    better = [make("p", IMAGES + np.roll(lead, 40 * seed), seed=seed) for seed in range(3)]
    found = one([*better, *(make("p", IMAGES, "other", seed=seed) for seed in range(3))], WINS)
    (alone,) = asked(found, mask_set="center", subset=WHOLE, seed="seed 0").itertuples()
    score = (lead > 0) - 0.6
    assert alone.effect == pytest.approx(score.mean() / score.std(ddof=1))
    together = np.mean([np.roll(score, 40 * seed) for seed in range(3)], axis=0)
    (row,) = asked(found, mask_set="center", subset=WHOLE, seed=ALL).itertuples()
    assert row.effect == pytest.approx(together.mean() / together.std(ddof=1))
    assert row.holds


def test_infinite_pairs_are_left_out_and_never_decided_against(make):
    exact = IMAGES.copy()
    exact[:60] = np.inf
    better = [make("p", np.where(np.isinf(exact), exact, IMAGES - 0.5 + 0.1 * NOISE), seed=seed) for seed in range(3)]
    worse = [make("p", IMAGES, "other", seed=seed) for seed in range(3)]
    (ahead,) = asked(one([*better, *worse]), metric="psnr", mask_set="center", subset=WHOLE, seed=ALL).itertuples()
    turned = ORDER | {"better": "variant:other", "worse": "variant:default"}
    (behind,) = asked(
        one([*better, *worse], turned), metric="psnr", mask_set="center", subset=WHOLE, seed=ALL
    ).itertuples()
    assert (ahead.n, ahead.effect < 0, ahead.holds) == (140, True, False)
    assert (behind.n, behind.effect > 0, behind.holds) == (140, True, False)  # the mean speaks for it, 60 pairs against


def test_groups_stay_together_and_few_make_no_universe(make):
    groups = [f"g{index * FEWEST_GROUPS // 200}" for index in range(200)]
    records = [make("p", IMAGES + 1 + NOISE, groups=groups), make("p", IMAGES, "other", groups=groups)]
    found = one(records)
    assert set(found.universes["subset"]) == {WHOLE}  # just enough groups; half of them are not
    few = [f"g{index * (FEWEST_GROUPS - 1) // 200}" for index in range(200)]
    assert (
        multiverses(
            paper(ORDER), "p", [make("p", IMAGES + 1, groups=few), make("p", IMAGES, "other", groups=few)], FLOORS
        )
        == []
    )


def test_what_has_no_multiverse(make):
    sides = [make("p", IMAGES + 1, scale="smoke"), make("p", IMAGES, "other", scale="smoke")]
    assert multiverses(paper(ORDER), "p", sides, FLOORS) == []
    assert multiverses(paper(ORDER), "p", [make("p", IMAGES + 1)], FLOORS) == []
    assert multiverses(paper(ORDER), "p", [], FLOORS) == []


def test_the_definitions_are_those_that_rank():
    assert {"psnr", "ssim", "l1", "tv", "lpips", "l1_raw"} <= set(METRICS)
    assert not {"tv_truth", "tv_excess"} & set(METRICS)
    assert all(DEFINITIONS[metric].better != "neither" for metric in METRICS)


def test_effects_are_numbers(field):
    assert pd.api.types.is_float_dtype(one([*field[0], *field[1]]).universes["effect"])


def test_tv_is_the_better_the_closer_it_is_to_the_truths(make):
    """The better side lies over the truth's TV, the worse further under it."""
    truth = {"tv_truth": 10.0}
    better = [make("p", IMAGES + 1 + NOISE, seed=seed, tv=11 + NOISE / 99, **truth) for seed in range(3)]
    found = one([*better, *(make("p", IMAGES, "other", seed=seed, tv=8.0, **truth) for seed in range(3))])
    (row,) = asked(found, metric="tv", mask_set="center", subset=WHOLE, seed=ALL).itertuples()
    gain = 2 - (1 + NOISE / 99)
    assert (row.effect, row.holds) == (pytest.approx(gain.mean() / gain.std(ddof=1)), True)
    closer = ORDER | {"better": "variant:other", "worse": "variant:default"}
    assert not asked(
        one([*better, *(make("p", IMAGES, "other", seed=seed, tv=12.5, **truth) for seed in range(3))], closer),
        metric="tv",
    )["holds"].any()
