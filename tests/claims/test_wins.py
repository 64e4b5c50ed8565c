"""Claims about the share of images that one side wins."""

import numpy as np
import pytest
from docket import FLOORS, IMAGES, NOISE, paper, thrice
from scipy.stats import norm

from bench.claims import Verdict, judge


def wins(better="variant:default", worse="variant:other", share=0.5, metric="psnr"):
    return {
        "id": "w", "section": "1", "statement": "better in most cases", "kind": "wins", "better": better,
        "worse": worse, "metric": metric, "mask_sets": ["center"], "share": share,
    }  # fmt: skip


def ahead_on(count, by=1.0, back=1.0):
    """What to add to 200 images so that `count` of them are won, spread evenly over the data."""
    won = np.zeros(len(IMAGES), dtype=bool)
    won[np.random.default_rng(5).permutation(len(IMAGES))[:count]] = True
    return np.where(won, by, -back)


def judged(records, claim):
    (finding,) = judge(paper(claim), "p", records, FLOORS)
    return finding


def test_most_images_are_counted_and_not_their_mean(make):
    # Ahead on 70 %, but far behind on the rest: the mean is against it, the count for it.
    records = thrice(make, IMAGES + ahead_on(140, 0.1, 5.0)) + thrice(make, IMAGES, "other")
    finding = judged(records, wins())
    assert finding.verdict == Verdict.SUPPORTED
    assert "it wins 70 % [" in finding.why
    assert judged(records, wins("variant:other", "variant:default")).verdict == Verdict.CONTRADICTED


def test_the_interval_is_the_binomial_one(make):
    records = thrice(make, IMAGES + ahead_on(120)) + thrice(make, IMAGES, "other")
    text = judged(records, wins(share=0.6)).measured[0].text
    half = norm.ppf(0.975) * np.sqrt(0.6 * 0.4 / 200)
    low, high = (float(end) for end in text.split("[")[1].split("]")[0].split(", "))
    assert (low, high) == pytest.approx((100 * (0.6 - half), 100 * (0.6 + half)), abs=1.5)


def test_about_half_decides_nothing_and_says_what_would(make):
    finding = judged(thrice(make, IMAGES + ahead_on(106)) + thrice(make, IMAGES, "other"), wins())
    assert finding.verdict == Verdict.INCONCLUSIVE
    assert "the share of images won straddles 50 %: 53 % [" in finding.why


def test_a_tie_counts_half(make):
    even = judged(thrice(make, IMAGES) + thrice(make, IMAGES, "other"), wins())
    assert "p wins 50 % [50, 50] of images against p (other)" in even.measured[0].text


def test_one_seed_decides_nothing(make):
    finding = judged([make("p", IMAGES + 1), make("flat", IMAGES)], wins(worse="best floor"))
    assert finding.verdict == Verdict.INCONCLUSIVE
    assert "another seed alone" in finding.why


def test_seeds_that_disagree_widen_the_share(make):
    shifts = [ahead_on(count) for count in (90, 130, 170)]
    better = [make("p", IMAGES + shift, seed=seed) for seed, shift in enumerate(shifts)]
    finding = judged([*better, make("flat", IMAGES)], wins(worse="best floor"))
    # 45, 65 and 85 %: t(0.98, 2) x 20 / sqrt(3) = 56.0 points around 65
    assert finding.verdict == Verdict.INCONCLUSIVE
    low, high = (float(end) for end in finding.measured[0].text.split("[")[1].split("]")[0].split(", "))
    assert (low, high) == pytest.approx((9, 121), abs=2)


def test_lower_is_better_is_turned(make):
    records = thrice(make, IMAGES, l1=3 + 0 * NOISE) + thrice(make, IMAGES, "other", l1=4 + 0 * NOISE)
    assert "p wins 100 %" in judged(records, wins(metric="l1")).measured[0].text
