import numpy as np
import pandas as pd
import pytest
from docket import FLOORS, IMAGES, paper

from bench.claims import Verdict, judge
from bench.claims.curves import tail
from bench.claims.statistics import seeds_needed

STEPS = np.arange(1, 201) * 10


def line(values):
    return list(zip(STEPS.tolist(), np.broadcast_to(values, STEPS.shape).tolist(), strict=True))


def trace(check="vanishes", **keys):
    said = {"id": "t", "section": "1", "statement": "it ends", "kind": "trace", "of": "variant:default"}
    about = {"stage": "gan", "scalar": "critic", "check": check}
    default = {"below": 0.1} if check == "vanishes" else {"share": 0.5, "flat": 0.1}
    return said | about | (keys or default)


def runs(make, curves, variant="default", **more):
    return [
        make("p", IMAGES, variant, seed=seed, curves={("gan", "critic"): line(values)}, **more)
        for seed, values in enumerate(curves)
    ]


def finding(records, check="vanishes", **keys):
    (found,) = judge(paper(trace(check, **keys)), "p", records, FLOORS)
    return found


def frame(values):
    return pd.DataFrame({"step": STEPS, "value": np.broadcast_to(values, STEPS.shape)})


def test_tail_of_a_straight_line():
    found = tail(frame(-(STEPS / 1000)), 0.1)
    # steps 1810, 1820, ... 2000
    assert found.median == pytest.approx(1.905)
    assert found.peak == pytest.approx(2.0)
    assert found.drift == pytest.approx(0.19)
    assert found.level == pytest.approx(1.905 / 2)
    assert found.slope == pytest.approx(0.19 / 1.905)


def test_tail_of_a_curve_that_is_zero_is_flat_and_has_two_points_at_least():
    found = tail(frame(0.0), 0.1)
    assert (found.level, found.slope) == (0.0, 0.0)
    short = frame(0.0).iloc[:3].assign(value=[5.0, 1.0, 3.0])
    assert tail(short, 0.01).median == 2.0


def test_a_curve_that_vanishes_supports(make):
    found = finding(runs(make, [np.exp(-STEPS / 200) * sign for sign in (1, -1, 1)]))
    assert found.verdict == Verdict.SUPPORTED
    assert found.why.startswith("At quick scale on drawn faces, 3 seeds: the curve gan/critic has a median size of")
    assert "over the last 10 % of the steps (claimed: under 0.1)." in found.why
    assert found.measured[0][:2] == ("gan", "critic")
    assert "3 seeds" in found.measured[0].text


def test_a_curve_that_stays_contradicts(make):
    found = finding(runs(make, [0.5, -0.52, 0.48]))
    assert found.verdict == Verdict.CONTRADICTED
    # the sign does not count: mean 0.5, t(0.98, 2) x 0.02 / sqrt(3) = 0.056
    assert "has a median size of 0.5 [0.444, 0.556] over" in found.why


def test_vanishing_is_also_held_against_another_side(make):
    claim = {"below": 0.1, "against": "variant:other", "share": 0.5}
    small = [0.010, 0.011, 0.012]
    alike = runs(make, small) + runs(make, small, "other")
    same = finding(alike, **claim)
    assert same.verdict == Verdict.CONTRADICTED
    assert "critic has at its end 100 % [100, 100] of the median size of p (other) (claimed: under 50 %)" in same.why
    apart = runs(make, small) + runs(make, [0.3, 0.4, 0.5], "other")
    found = finding(apart, **claim)
    assert found.verdict == Verdict.SUPPORTED
    assert len(found.measured) == 2
    # seed by seed: 3.33, 2.75, 2.4 %
    assert "has at its end 2.83 % [" in found.why


def test_vanishing_against_another_side_alone(make):
    """Where only the ratio is claimed, no size of the curve itself counts."""
    claim = {"against": "variant:other", "share": 0.1}
    other = runs(make, [100.0, 110.0, 120.0], "other")
    assert finding(runs(make, [5.0, 5.5, 6.0]) + other, **claim).verdict == Verdict.SUPPORTED
    assert finding(runs(make, [50.0, 55.0, 60.0]) + other, **claim).verdict == Verdict.CONTRADICTED


def test_a_curve_that_settles(make):
    settled = finding(runs(make, [1 + 9 * np.exp(-STEPS / 100), 1 + 8 * np.exp(-STEPS / 100), 1.0 + 9 / STEPS]),
                      "settles")  # fmt: skip
    assert settled.verdict == Verdict.INCONCLUSIVE  # the third has no high peak: 1.9
    falling = runs(make, [1 + height * np.exp(-STEPS / 100) for height in (8, 9, 10)])
    found = finding(falling, "settles")
    assert found.verdict == Verdict.SUPPORTED
    assert "ends at 1" in found.why
    assert "of its largest value (claimed: under 50 %) and drifts by" in found.why


def test_a_curve_that_still_moves_has_not_settled(make):
    found = finding(runs(make, [height - 0.0008 * STEPS for height in (2, 2.02, 1.98)]), "settles")
    # from 2 to 0.4; over the last tenth 0.152 of medians of 0.476, 0.496 and 0.456
    assert found.verdict == Verdict.CONTRADICTED
    assert "drifts by 32 % [28.2, 35.7] of its median" in found.why
    assert "ends at" not in found.why


def test_seeds_on_both_sides_are_inconclusive_with_a_command(make):
    values = [0.06, 0.08, 0.10]
    found = finding(runs(make, values))
    assert found.verdict == Verdict.INCONCLUSIVE
    count = seeds_needed(0.02, lambda tail: 0.02, 3)
    assert count == found.seeds
    assert f"About {count} seeds would settle it if the spread stays." in found.why
    assert f"--seed {count - 1}`." in found.why
    assert f"--seed {count}`" not in found.why
    never = finding(runs(make, [0.0, 0.2, 0.0998]))
    assert "At this spread no look at up to 12 seeds would settle it." in never.why
    assert never.seeds == 0


def test_number_of_seeds_that_is_enough():
    # t(0.99, 4) / sqrt(5) = 1.68, t(0.995, 7) / sqrt(8) = 1.24, t(0.995, 11) / sqrt(12) = 0.897
    for room, count in ((1.7, 5), (1.3, 8), (0.9, 12), (0.89, None)):
        assert seeds_needed(0.02, lambda tail, room=room: 0.02 * room, 3) == count
    assert seeds_needed(0.02, lambda tail: 0.02, 9) == 12
    assert seeds_needed(0.02, lambda tail: 0.02, 12) is None
    assert seeds_needed(np.nan, lambda tail: 0.02, 1) is None


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_than_three_seeds_say_nothing_of_a_training(make, count):
    found = finding(runs(make, [0.01, 0.011][:count]))
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "another seed alone can move it. Run `python -m bench reproduce p --seed 0 --seed 1 --seed 2`." in found.why
    other = {"below": 0.1, "against": "variant:other", "share": 0.5}
    both = finding(runs(make, [0.01] * 3) + runs(make, [0.4], "other"), **other)
    assert both.verdict == Verdict.INCONCLUSIVE
    assert "--variant other --seed 0 --seed 1 --seed 2" in both.why
    assert "1 seed:" in both.why


def test_smoke_is_never_evidence(make):
    found = finding(runs(make, [0.01] * 3, scale="smoke"))
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "never evidence" in found.why


def test_sides_without_a_common_seed(make):
    other = make("p", IMAGES, "other", seed=5, curves={("gan", "critic"): line(1.0)})
    records = [*runs(make, [0.01]), other]
    found = finding(records, below=0.1, against="variant:other", share=0.5)
    assert found.verdict == Verdict.NOT_ATTEMPTED
    assert "no seed in common. Run `python -m bench reproduce p --variant other --seed 0" in found.why


def test_absent_curves_are_told(make):
    assert "has no training curves" in finding([make("p", IMAGES)]).why
    records = [make("p", IMAGES, curves={("gan", "critics"): line(1.0), ("first", "l1"): line(1.0)})]
    found = finding(records)
    assert found.verdict == Verdict.NOT_ATTEMPTED
    assert found.why == "p has no training curve gan/critic. Did you mean 'gan/critics'?"
    point = finding([make("p", IMAGES, curves={("gan", "critic"): line(1.0)[:1]})])
    assert "has a single point" in point.why


def test_a_curve_that_scatters_less_than_another_is_steadier(make):
    noise = [np.random.default_rng(seed).normal(0, 1, len(STEPS)) for seed in range(3)]
    calm, rough = ([5 + STEPS / 1000 + size * one for one in noise] for size in (0.1, 1.0))
    records = runs(make, calm) + runs(make, rough, "other")
    found = finding(records, "steadier", against="variant:other", share=1.0)
    assert found.verdict == Verdict.SUPPORTED
    assert "scatters 9.99 % [" in found.why
    turned = finding(records, "steadier", of="variant:other", against="variant:default", share=1.0)
    assert turned.verdict == Verdict.CONTRADICTED
    # the drift is no scatter, and a tenfold loss with a tenfold scatter is no rougher
    scaled = finding(runs(make, calm) + runs(make, [10 * one for one in calm], "other"), "steadier",
                     against="variant:other", share=1.01)  # fmt: skip
    assert "scatters 100 % [100, 100]" in scaled.why


def test_scatter_is_the_residual_of_a_straight_line():
    wave = np.tile([1.0, -1.0], len(STEPS) // 2)
    assert tail(frame(7 + STEPS / 100 + wave), 0.5).scatter == pytest.approx(1.0, abs=0.01)
