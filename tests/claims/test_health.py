"""A lead counts only over an opponent that is well."""

import numpy as np
import pandas as pd
import pytest
from docket import FLOORS, IMAGES, NOISE, paper
from kept import training

from bench.claims import Verdict, judge
from bench.claims.contenders import contenders
from bench.claims.health import examined

HELD = np.random.default_rng(2).normal(18, 3, size=64)
SPREAD = np.random.default_rng(3).normal(0, 0.2, size=64)


def heldout(ends, plain=15.0):
    """A table of stages that end so far above HELD, in dB."""
    ids = [f"t{index:02d}" for index in range(64)]
    parts = []
    for place, (stage, offset) in enumerate(ends.items()):
        for step, at in ((50, offset - 3), (100, offset)):
            values = HELD + at + (place + 1) * (SPREAD - SPREAD.mean())
            rows = {"stage": stage, "step": step, "image": ids, "group": ids, "psnr_hole": values}
            parts.append(pd.DataFrame(rows | {"psnr_mean_fill": HELD - 18 + plain}))
    return pd.concat(parts)


def rival(make, ends, method="q", level=0.0, **changes):
    """Three trainings, one dB under `p` on the test images."""
    about = {"training": training(*ends), "heldout": heldout(ends)} | changes
    return [make(method, IMAGES + level + 0.1 * NOISE, seed=seed, **about) for seed in range(3)]


def own(make, ends=None, **changes):
    return rival(make, ends or {"first": 0.0, "second": 0.0}, "p", 1.0, **changes)


def examine(make, ends, **changes):
    (one,) = contenders(rival(make, ends, **changes))
    return examined(one)


def order(better="variant:default", worse="method:q", **changes):
    said = {"id": "o", "section": "1", "statement": "better", "kind": "order", "better": better, "worse": worse}
    return said | {"metric": "psnr", "mask_sets": ["center"], "margin": 0.1} | changes


def finding(records, claim=None):
    (found,) = judge(paper(claim or order()), "p", records, FLOORS)
    return found


HEALTHY = {"first": 0.0, "second": 0.5}


@pytest.mark.parametrize(
    ("ends", "well"),
    [
        (HEALTHY, True),
        ({"first": 0.0, "second": -0.3}, True),  # a price, not damage
        ({"first": 0.0, "second": -0.7}, False),
        ({"first": 0.0, "second": 2.0, "third": 1.0}, False),  # not worse than the first, but than the second
        ({"first": 0.0}, True),
        ({"first": -3.0}, False),  # 15 dB, as the mean colour
    ],
)
def test_the_end_of_the_last_stage_decides(make, ends, well):
    assert examine(make, ends).well is well


def test_a_drop_within_the_spread_is_none(make):
    ends = {"first": 0.0, "second": -0.7}
    noisy = heldout(ends)
    last = noisy["stage"] == "second"
    noisy.loc[last, "psnr_hole"] += np.tile(np.random.default_rng(4).normal(0, 8, size=64), 2)
    assert noisy.loc[last, "psnr_hole"].mean() < noisy.loc[~last, "psnr_hole"].mean() - 0.5
    assert examine(make, ends, heldout=noisy).well


def test_every_training_counts_and_the_mean_over_them_decides(make):
    def seeds(*drops):
        tables = [heldout({"first": 0.0, "second": -drop}) for drop in drops]
        about = {"training": training("first", "second")}
        return [make("q", IMAGES, seed=seed, heldout=table, **about) for seed, table in enumerate(tables)]

    (sick,) = contenders(seeds(0.0, 0.0, 3.0))
    assert not examined(sick).well
    assert "its last stage second ends −1.00" in examined(sick).why
    (well,) = contenders(seeds(0.0, 0.0, 1.2))
    assert examined(well).well


def losses(level, start=1.0):
    return {("second", "discriminator"): [(step, start if step <= 100 else level) for step in range(1, 201)]}


@pytest.mark.parametrize(
    ("level", "start", "words"),
    [
        (0.7, 1.0, ""),
        (0.0271, 1.0, "has won outright (second/discriminator ends at 2 % of a blind one's)"),
        (1.379, 1.386, "never told anything apart (second/discriminator: never under 98 % of a blind one's loss)"),
        (1.386, 0.9, ""),  # equilibrium at the end is no illness
    ],
)
def test_a_discriminator_has_collapsed_or_not(make, level, start, words):
    facts = training("first", "second", discriminator=2 * np.log(2))
    found = examine(make, HEALTHY, training=facts, curves=losses(level, start))
    assert found.well is not bool(words)
    assert words in found.why


def test_a_loss_without_a_blind_value_is_not_judged(make):
    assert examine(make, HEALTHY, curves=losses(0.0)).well


def test_a_lead_over_a_healthy_opponent_counts(make):
    found = finding(own(make) + rival(make, HEALTHY))
    assert found.verdict == Verdict.SUPPORTED
    assert "well" not in found.why


@pytest.mark.parametrize("claim", [order(), order("method:q", "variant:default")], ids=["supported", "contradicted"])
def test_no_verdict_rests_on_an_opponent_that_ends_worse_than_it_began(make, claim):
    found = finding(own(make) + rival(make, {"first": 0.0, "second": -1.2}), claim)
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "but q is not well: its last stage second ends −1.20 [" in found.why
    assert "from the end of first on held-out training images. Mend its training at this scale." in found.why


def test_the_papers_own_method_must_be_well_too_against_a_floor(make):
    floor = make("flat", IMAGES)
    assert finding([*own(make), floor], order(worse="best floor")).verdict == Verdict.SUPPORTED
    sick = own(make, {"first": 0.0, "second": -1.2})
    found = finding([*sick, floor], order(worse="best floor"))
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "but p is not well" in found.why


BOUND = {"id": "b", "section": "1", "statement": "good", "kind": "bound", "metric": "psnr", "mask_sets": ["center"]}
SICK = {"first": 0.0, "second": -1.2}


@pytest.mark.parametrize(
    "claim",
    [
        BOUND | {"of": "method:q", "above": 20},
        BOUND | {"of": "method:q", "below": 20},
        {**BOUND, "of": "method:q", "kind": "trend", "with": "hole_share", "falls": False},
    ],
    ids=["supported", "contradicted", "trend"],
)
def test_a_mean_or_a_trend_of_a_sick_training_says_nothing_of_its_method(make, claim):
    about = {"hole_share": np.argsort(np.argsort(IMAGES)) / 200}
    healthy = finding(own(make, **about) + rival(make, HEALTHY, **about), claim)
    assert healthy.verdict in (Verdict.SUPPORTED, Verdict.CONTRADICTED)
    found = finding(rival(make, SICK, method="q", **about) + own(make, **about), claim)
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "but q is not well: its last stage second ends −1.20" in found.why


def test_a_mean_of_an_ablation_counts_and_its_illness_is_told(make):
    about = {"training": training(*SICK), "heldout": heldout(SICK)}
    other = [make("p", IMAGES + 0.1 * NOISE, "other", seed=seed, **about) for seed in range(3)]
    found = finding(own(make) + other, BOUND | {"of": "variant:other", "above": 20})
    assert found.verdict == Verdict.SUPPORTED
    assert "p (other) is not well" in found.why


def test_a_curve_is_about_the_training_itself_so_its_illness_is_told_only(make):
    curve = {("second", "distance"): [(step, 1 / step) for step in range(1, 201)]}
    claim = {"id": "t", "section": "1", "statement": "falls", "kind": "trace", "of": "variant:default"}
    claim |= {"stage": "second", "scalar": "distance", "check": "vanishes", "below": 0.1}
    assert "well" not in finding(own(make, curves=curve), claim).why
    found = finding(own(make, SICK, curves=curve), claim)
    assert found.verdict == Verdict.SUPPORTED
    assert "p is not well: its last stage second ends −1.20 [" in found.why
    assert found.why.endswith(" dB from the end of first on held-out training images.")


def test_an_ablation_may_fail_and_is_told_but_not_the_method_as_printed(make):
    def variant(ends):
        about = {"training": training(*ends), "heldout": heldout(ends)}
        return [make("p", IMAGES + 0.1 * NOISE, "other", seed=seed, **about) for seed in range(3)]

    claim = order(worse="variant:other")
    found = finding(own(make) + variant({"first": 0.0, "second": -1.2}), claim)
    assert found.verdict == Verdict.SUPPORTED
    assert "p (other) is not well" in found.why
    assert "this ablation may be about just that." in found.why
    sick = own(make, {"first": 0.0, "second": -1.2})
    assert finding(sick + variant(HEALTHY), claim).verdict == Verdict.INCONCLUSIVE
    # Against another method a variant stands for the paper.
    found = finding(variant({"first": 0.0, "second": -1.2}) + rival(make, HEALTHY, level=-1.0),
                    order("variant:other"))  # fmt: skip
    assert found.verdict == Verdict.INCONCLUSIVE


@pytest.mark.parametrize(("steps", "fair"), [(51, True), (49, False)])
def test_an_opponent_with_less_than_half_the_images_is_none(make, steps, fair):
    few = rival(make, HEALTHY, training=training(*HEALTHY, steps=steps))
    found = finding(own(make) + few)
    assert found.verdict == (Verdict.SUPPORTED if fair else Verdict.INCONCLUSIVE)
    if not fair:
        assert "q was trained on 784 images, p on 1,600: less than 50 % of that is no fair comparison" in found.why
        assert found.why.endswith("Give q more steps at this scale.")


def test_a_short_variant_is_no_unfair_opponent(make):
    about = {"training": training("first", steps=10), "heldout": heldout({"first": 0.0})}
    short = [make("p", IMAGES + 0.1 * NOISE, "other", seed=seed, **about) for seed in range(3)]
    assert finding(own(make) + short, order(worse="variant:other")).verdict == Verdict.SUPPORTED


def test_unknown_health_is_said_and_blocks_nothing(make):
    found = finding(own(make) + rival(make, HEALTHY, heldout=None))
    assert found.verdict == Verdict.SUPPORTED
    assert "Whether q is well is not known: its training was not measured on held-out images" in found.why


def test_who_trains_nothing_is_always_well(make):
    (floor,) = contenders([make("flat", IMAGES)])
    assert examined(floor).well
