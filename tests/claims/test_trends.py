import re

import numpy as np
import pytest
from docket import FLOORS, IMAGES, NOISE, paper, thrice
from scipy.stats import spearmanr
from scipy.stats import t as student

from bench.claims import Verdict, judge

SHARE = np.linspace(0.1, 0.6, 200)


def trend(metric="psnr", falls=True, along="hole_share", mask_sets=("center",), of="variant:default"):
    said = {"id": "t", "section": "5", "statement": "large holes are worse", "kind": "trend", "of": of}
    return said | {"metric": metric, "mask_sets": list(mask_sets), "with": along, "falls": falls}


def finding(records, **claim):
    (found,) = judge(paper(trend(**claim)), "p", records, FLOORS)
    return found


def test_a_fall_supports_and_contradicts_a_rise(make):
    values = 30 - 20 * SHARE + 3 * NOISE
    records = thrice(make, values, hole_share=SHARE)
    found = finding(records)
    assert found.verdict == Verdict.SUPPORTED
    rho = f"{spearmanr(values, SHARE).statistic:.2f}".replace("-", "−")
    assert found.why.startswith(
        f"At quick scale on drawn faces, 3 seeds: PSNR falls with the hole's share on center: rank correlation {rho} ["
    )
    assert found.measured[0].text.startswith(f"p, rank correlation with the hole's share {rho} [")
    rising = finding(records, falls=False)
    assert rising.verdict == Verdict.CONTRADICTED
    assert "PSNR falls with the hole's share on center" in rising.why


def test_no_trend_is_inconclusive_and_says_how_many_images_more(make):
    values = 25 - 1 * SHARE + 1.5 * NOISE
    records = thrice(make, values, hole_share=SHARE)
    found = finding(records)
    assert found.verdict == Verdict.INCONCLUSIVE
    rho = -spearmanr(values, SHARE).statistic
    # The half-width is near 1.96 / sqrt(200) = 0.139, and must shrink to rho.
    needed = int(found.why.split("about ")[1].split(" images")[0])
    assert needed == pytest.approx(200 * (0.139 / rho) ** 2, rel=0.25)
    assert "PSNR may fall or rise with the hole's share on center" in found.why


def test_every_mask_set_must_follow(make):
    records = thrice(make, 30 - 20 * SHARE + NOISE, hole_share=SHARE)
    found = finding(records, mask_sets=("center", "random"))
    assert found.verdict == Verdict.SUPPORTED
    assert found.why.count("rank correlation") == 2


def test_another_metric_may_be_followed(make):
    records = thrice(make, IMAGES, aux_loss=-IMAGES + NOISE)
    found = finding(records, along="aux_loss")
    assert found.verdict == Verdict.SUPPORTED
    assert "PSNR falls with loss (self-reported) on center" in found.why


def test_a_mask_set_whose_holes_are_all_alike_shows_no_trend(make):
    found = finding(thrice(make, IMAGES, hole_share=0.25))
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "on center PSNR or the hole's share is the same for every image" in found.why


def test_seeds_that_disagree_widen_the_interval(make):
    records = [
        make("p", 25 + slope * SHARE + NOISE, seed=seed, hole_share=SHARE) for seed, slope in enumerate((-30, -20, 10))
    ]
    # The mean over seeds falls clearly, but of three trainings one rises.
    alone = [spearmanr(record.scores["psnr"], record.scores["hole_share"]).statistic for record in records]
    assert np.sign(alone).tolist() == [-1, -1, 1]
    found = finding(records)
    assert found.verdict == Verdict.INCONCLUSIVE
    rho, low, high = (float(word.replace("−", "-")) for word in re.findall(r"[+−]\d\.\d+", found.measured[0].text))
    half_width = student.ppf(0.98, 2) * np.std(alone, ddof=1) / np.sqrt(3)
    assert (high - rho, rho - low) == pytest.approx((half_width, half_width), rel=0.02)


def test_one_seed_says_nothing_of_a_training_but_a_floor_has_none(make):
    values = 30 - 20 * SHARE + NOISE
    one = finding([make("p", values, hole_share=SHARE)])
    assert one.verdict == Verdict.INCONCLUSIVE
    assert "Run `python -m bench reproduce p --seed 0 --seed 1 --seed 2`" in one.why
    floor = finding([make("p", IMAGES), make("flat", values, hole_share=SHARE)], of="method:flat")
    assert floor.verdict == Verdict.SUPPORTED


def test_smoke_and_few_groups_are_no_evidence(make):
    values = 30 - 20 * SHARE + NOISE
    assert "never evidence" in finding(thrice(make, values, hole_share=SHARE, scale="smoke")).why
    groups = [f"g{index // 20}" for index in range(200)]
    assert "10 independent groups" in finding(thrice(make, values, hole_share=SHARE, groups=groups)).why
