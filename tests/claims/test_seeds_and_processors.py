"""What verdicts owe to training seeds, to processors, and to pairs that have no difference."""

import re

import numpy as np
import pytest
from docket import FLOORS, IMAGES, NOISE, paper, thrice
from kept import altered

from bench.claims import Verdict, judge

SHARE = np.linspace(0.1, 0.6, 200)


def order(better="variant:default", worse="best floor", **changes):
    said = {"id": "o", "section": "1", "statement": "better", "kind": "order", "better": better, "worse": worse}
    return said | {"metric": "psnr", "mask_sets": ["center"], "margin": 0.1} | changes


BOUND = {"id": "b", "section": "1", "statement": "over 20", "kind": "bound", "of": "variant:default", "metric": "psnr",
         "mask_sets": ["center"], "above": 20}  # fmt: skip
TREND = {"id": "t", "section": "1", "statement": "falls", "kind": "trend", "of": "variant:default", "metric": "psnr",
         "mask_sets": ["center"], "with": "hole_share", "falls": True}  # fmt: skip
CELL = {"id": "c", "section": "4", "statement": "a cell", "kind": "cell", "table": "t", "row": "ours", "column": "psnr",
        "mask_set": "center", "margin": 3}  # fmt: skip


def finding(records, claim):
    (found,) = judge(paper(claim), "p", records, FLOORS)
    return found


def spread(make, method, values, step, variant="default", **columns):
    return [make(method, values + shift * step, variant, seed=seed, **columns) for seed, shift in enumerate((-1, 0, 1))]


def on(records, *cpus):
    return [
        altered(record, hardware=record.content.hardware.model_copy(update={"cpu": cpu, "gpu": None}))
        for record, cpu in zip(records, cpus, strict=True)
    ]


@pytest.mark.parametrize("claim", [order(), order("method:flat", "variant:default"), BOUND, TREND, CELL],
                         ids=["order", "floor claimed better", "bound", "trend", "cell"])  # fmt: skip
def test_a_training_with_one_seed_decides_nothing_unless_another_lends_its_spread(make, claim):
    about = {"hole_share": SHARE, "scale": "paper", "data": "celeba"} if claim is CELL else {"hole_share": SHARE}
    values = 27 - 5 * SHARE + 0.1 * NOISE
    records = [make("p", values, **about), make("flat", values - 2, **about)]
    alone = finding(records, claim)
    assert alone.verdict == Verdict.INCONCLUSIVE
    assert "1 seed: judged by the images alone, " in alone.why
    assert "; but another seed alone can move such numbers. Run `python -m bench reproduce p" in alone.why
    assert "(images only)" in alone.measured[0].text
    lent = finding(records + spread(make, "p", values, 0.01, "other", **about), claim)
    assert lent.verdict in (Verdict.SUPPORTED, Verdict.CONTRADICTED)
    assert "1 seed; seed spread borrowed from p (other) (3 seeds): " in lent.why
    assert "(images only)" not in lent.measured[0].text


def test_a_borrowed_spread_may_be_too_wide(make):
    records = [make("p", IMAGES + 1 + 0.1 * NOISE), make("flat", IMAGES), *spread(make, "rival", IMAGES, 0.5)]
    found = finding(records, order())
    assert found.verdict == Verdict.INCONCLUSIVE
    # t(0.99, 2) x 0.5 = 3.482
    assert "by 1.000 [−2.482, 4.482]" in found.measured[0].text
    assert "seed spread borrowed from rival (3 seeds)" in found.why
    # 0.5 t(0.99, 4) / sqrt(5) = 0.838 is under the 0.9 to the margin; 0.5 t(0.98, 2) / sqrt(3) = 1.400 is not
    assert "about 5 training seeds would settle it if the spread stays (now 1)." in found.why
    assert found.why.endswith("--seed 0 --seed 1 --seed 2 --seed 3 --seed 4`.")
    assert found.seeds == 5


def test_a_cell_is_widened_by_its_seeds(make):
    about = {"scale": "paper", "data": "celeba"}
    claim = CELL | {"margin": 0.5}
    steady = spread(make, "p", 25.2 + 0.1 * NOISE, 0.05, **about)
    assert finding(steady, claim).verdict == Verdict.SUPPORTED
    found = finding(spread(make, "p", 25.2 + 0.1 * NOISE, 0.3, **about), claim)
    # t(0.98, 2) x 0.3 / sqrt(3) = 0.840
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "25.20 [24.36, 26.04] dB extends beyond 25.0 ± 0.55 dB" in found.why
    # 0.35 to the nearer end: 0.3 t(0.995, 7) / sqrt(8) = 0.371, 0.3 t(0.995, 11) / sqrt(12) = 0.269
    assert "about 12 training seeds would settle it" in found.why
    assert "--seed 11`." in found.why


def test_what_makes_the_interval_wide_is_what_more_is_needed_of(make):
    def why(lead, noise, step):
        records = [*spread(make, "p", IMAGES + lead + noise * NOISE, step), make("flat", IMAGES)]
        return finding(records, order()).why

    assert re.search(r"about \d+ images would settle it if the spread stays \(now 200\)\.$", why(0.2, 1.0, 0.001))
    assert "training seeds would settle it" in why(0.4, 0.5, 0.2)
    assert "it would take more than 12 training seeds or 50,000 images." in why(0.2, 0.5, 0.8)
    assert "it would take more than 12 training seeds or 50,000 images." in why(0.1001, 1.0, 0.0)
    both = why(0.2, 1.0, 0.04)
    assert re.search(r"about 5 training seeds and \d{3,4} images together would settle it if the spreads stay", both)
    assert "(now 3 and 200). Run `python -m bench reproduce p --seed 0" in both


def test_two_trainings_on_different_processors_are_not_told_apart(make):
    ours, other = thrice(make, IMAGES + 2), thrice(make, IMAGES, "other")
    claim = order(worse="variant:other")
    apart = finding(on(ours, *"AAA") + on(other, *"BBB"), claim)
    assert apart.verdict == Verdict.INCONCLUSIVE
    assert "3 seeds on 2 processors (A and B): the difference exceeds the margin of 0.1 dB on center; but" in apart.why
    assert (
        "but different processors trained them (p on A and p (other) on B), and the processor alone can move"
        in apart.why
    )
    line = "python -m bench reproduce p --variant other --seed 0 --seed 1 --seed 2 --force"
    assert apart.why.endswith(f"Run `{line}` on one machine.")
    together = finding(on(ours, *"AAA") + on(other, *"ABB"), claim)
    assert together.verdict == Verdict.SUPPORTED
    assert "3 seeds on 2 processors (A and B): " in together.why
    assert "processor" not in finding(on(ours, *"AAA") + on(other, *"AAA"), claim).why


def test_a_floor_may_come_from_another_processor(make):
    records = on(thrice(make, IMAGES + 2), *"AAB") + on([make("flat", IMAGES)], "C")
    found = finding(records, order())
    assert found.verdict == Verdict.SUPPORTED
    assert "3 seeds on 2 processors (A and B): " in found.why
    assert "processor" not in finding(on(records[:3], *"AAA") + records[3:], order()).why


def exact(values, start, stop):
    values = values.copy()
    values[start:stop] = np.inf
    return values


def test_a_mean_never_decides_against_the_side_that_is_exact_more_often(make):
    floor = make("flat", exact(IMAGES, 55, 60))
    worse = finding([*thrice(make, exact(IMAGES - 0.5, 0, 58)), floor], order())
    assert worse.verdict == Verdict.INCONCLUSIVE
    assert "on center the mean is beyond the margin of 0.1 dB, but the pairs with an infinite value point" in worse.why
    told = "60 of 200 pairs are infinite and left out of the mean: 55 won by p, 2 by flat, 3 tied."
    assert worse.why.endswith(f"On center {told}")
    better = finding([*thrice(make, exact(IMAGES + 0.5, 0, 58)), floor], order())
    assert better.verdict == Verdict.SUPPORTED
    assert told in better.why
    turned = finding([*thrice(make, exact(IMAGES - 0.5, 0, 58)), floor], order("method:flat", "variant:default"))
    assert turned.verdict == Verdict.INCONCLUSIVE
    assert "2 won by flat, 55 by p, 3 tied" in turned.why


def test_ties_point_nowhere(make):
    records = [*thrice(make, exact(IMAGES - 0.5, 0, 9)), make("flat", exact(IMAGES, 0, 9))]
    found = finding(records, order())
    assert found.verdict == Verdict.CONTRADICTED
    assert found.why.endswith("9 of 200 pairs are infinite and left out of the mean: 0 won by p, 0 by flat, 9 tied.")


def test_where_less_is_better_an_infinite_side_loses(make):
    probes = {"amplify_noise": 5 + 0.1 * NOISE[:64]}
    endless = {"amplify_noise": exact(3 + 0.1 * NOISE[:64], 0, 4)}
    records = [*thrice(make, IMAGES, probes=endless), make("flat", IMAGES, probes=probes)]
    found = finding(records, order(metric="amplify_noise"))
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "4 of 64 pairs are infinite and left out of the mean: 0 won by p, 4 by flat, 0 tied." in found.why
