import numpy as np
import pytest
from docket import FLOORS, IMAGES, NOISE, paper, thrice
from kept import altered, leakage

from bench.claims import Verdict, judge


def bound(metric="aux_settled", mask_sets=("center",), of="variant:default", **end):
    said = {"id": "b", "section": "1", "statement": "it settles", "kind": "bound"}
    return said | {"of": of, "metric": metric, "mask_sets": list(mask_sets)} | (end or {"below": 0.01})


def finding(records, **claim):
    (found,) = judge(paper(bound(**claim)), "p", records, FLOORS)
    return found


def test_supported_where_the_whole_interval_lies_below(make):
    found = finding(thrice(make, IMAGES, aux_settled=0.004 + 0.001 * NOISE))
    assert found.verdict == Verdict.SUPPORTED
    assert found.why == (
        f"At quick scale on drawn faces, 3 seeds: the mean is {found.measured[0].text.removeprefix('p ')} on center:"
        " below 0.01 with the whole interval."
    )
    assert found.measured[0].text.startswith("p 0.004 [0.004, 0.004]")
    assert found.measured[0][:2] == ("center", "aux_settled")


def test_contradicted_where_it_lies_above_on_any_mask_set(make):
    values = 0.03 + 0.001 * NOISE
    found = finding(thrice(make, IMAGES, aux_settled=values), mask_sets=("center", "random"))
    assert found.verdict == Verdict.CONTRADICTED
    each = "0.030 [0.030, 0.030] on"
    assert f"the mean is {each} center and {each} random: above, not below, 0.01 with the whole interval" in found.why


def test_above_is_the_mirror_of_below(make):
    records = thrice(make, IMAGES)
    assert finding(records, metric="psnr", above=20).verdict == Verdict.SUPPORTED
    assert finding(records, metric="psnr", above=30).verdict == Verdict.CONTRADICTED
    assert "below, not above, 30 with the whole interval" in finding(records, metric="psnr", above=30).why
    assert finding(records, metric="psnr", below=30).verdict == Verdict.SUPPORTED


def test_inconclusive_says_how_many_images_more(make):
    found = finding(thrice(make, 25 + 4 * NOISE), metric="psnr", below=25.3)
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "the interval of the mean straddles 25.3: 25.00 [24.4" in found.why
    # 2.07 x 4 / sqrt(200) = 0.585 must shrink to 0.3: 200 x (0.585 / 0.3)^2 = 761
    assert int(found.why.split("about ")[1].split(" images")[0]) == pytest.approx(761, rel=0.1)


def test_a_training_needs_three_seeds_and_a_floor_needs_none(make):
    one = finding([make("p", IMAGES, aux_settled=0.001)])
    assert one.verdict == Verdict.INCONCLUSIVE
    assert "below 0.01 with the whole interval; but another seed" in one.why
    assert "another seed alone can move such numbers. Run `python -m bench reproduce p --seed 0 --seed 1 --seed 2`" in (
        one.why
    )
    floor = finding([make("p", IMAGES), make("flat", IMAGES)], of="method:flat", metric="psnr", above=20)
    assert floor.verdict == Verdict.SUPPORTED
    assert "1 seed" in floor.why


def test_seeds_that_disagree_widen_the_interval(make):
    records = [make("p", IMAGES, seed=seed, aux_settled=value) for seed, value in enumerate((0.001, 0.002, 0.009))]
    found = finding(records)
    # t(0.98, 2) x 0.00436 / sqrt(3) = 0.0122 around 0.004
    assert found.verdict == Verdict.INCONCLUSIVE
    assert found.measured[0].text == "p 0.004 [−0.008, 0.016]"


def test_small_limits_are_shown_with_a_digit_more(make):
    found = finding(thrice(make, IMAGES, aux_share=2e-5 + 1e-6 * NOISE), metric="aux_share", below=1e-4)
    assert found.measured[0].text.startswith("p 0.00002 [0.0000")


def test_infinite_values_are_told(make):
    values = IMAGES.copy()
    values[:3] = np.inf
    found = finding(thrice(make, values), metric="psnr", above=20)
    assert found.verdict == Verdict.SUPPORTED
    assert "infinite for 3 images and left out" in found.why


def test_few_groups_and_smoke_are_no_evidence(make):
    groups = [f"g{index % 3}" for index in range(200)]
    assert "3 independent groups" in finding(thrice(make, IMAGES, groups=groups), metric="psnr", above=20).why
    smoke = finding(thrice(make, IMAGES, scale="smoke"), metric="psnr", above=20)
    assert smoke.verdict == Verdict.INCONCLUSIVE
    assert "never evidence" in smoke.why


def test_probes_are_metrics_too(make):
    probes = {"repeat_l1": np.linspace(1, 2, 64), "amplify_noise": np.linspace(3, 4, 64)}
    found = finding(thrice(make, IMAGES, probes=probes), metric="amplify_noise", above=2)
    assert found.verdict == Verdict.SUPPORTED
    assert found.measured[0].text.startswith("p 3.50 [")


def test_what_was_not_measured_is_told(make):
    records = thrice(make, IMAGES)
    told = finding(records)
    assert (told.verdict, told.why) == (Verdict.NOT_ATTEMPTED, "p has no complete column aux_settled on center.")
    probed = finding(records, metric="repeat_l1", below=1)
    assert "This scale has no probe 'repeat', which measures repeat_l1" in probed.why
    absent = finding(records, of="variant:other")
    assert "Not run here: variant other" in absent.why


def test_leakage_caps_a_bound(make):
    made = thrice(make, IMAGES, aux_settled=0)
    records = [altered(record, leakage=leakage(exact=50)) for record in made]
    assert finding(records).verdict == Verdict.NOT_COMPARABLE
