import numpy as np
import pandas as pd
import pytest

from bench.calibration.shapes import MEASURED, SHAPES, groups_of, over_groups
from bench.methods.catalog import ROOT


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_have_mean_0_and_deviation_1(shape):
    drawn = SHAPES[shape](np.random.default_rng(0), 2_000_000)
    assert drawn.mean() == pytest.approx(0, abs=0.01)
    # The fourth moment of Student's t with 3 degrees of freedom is infinite, so that its deviation converges slowly.
    assert drawn.std() == pytest.approx(1, abs=0.1 if shape == "t3" else 0.02)


def test_measured_shapes_are_those_of_the_records():
    runs = ROOT / "results" / "runs" / "faces-quick"
    ours, floor = (
        pd.read_csv(runs / name / "scores.csv").set_index(["mask_set", "image"])["psnr"]
        for name in ("fang2021-seed0-bee8a5978b46", "navier_stokes-seed0-4e189f3dea0c")
    )
    gain = (ours - floor).unstack("mask_set")[["irregular", "sizes"]]
    gain = gain[np.isfinite(gain).all(axis=1)]
    for name, values in pd.read_csv(MEASURED).items():
        assert values.to_numpy() == pytest.approx(np.sort(gain[name]), abs=0.0005)


def test_images_of_a_group_share_half_of_their_variance():
    rng = np.random.default_rng(0)
    groups = groups_of(rng, 40_000, 2)
    values = over_groups(rng, "normal", groups).reshape(-1, 2)
    assert np.corrcoef(values.T)[0, 1] == pytest.approx(0.5, abs=0.02)
    assert values.std() == pytest.approx(1, abs=0.02)


def test_uneven_groups_have_1_to_15_images():
    sizes = np.bincount(groups_of(np.random.default_rng(0), 2000, None))
    assert (sizes.min(), sizes.max(), len(sizes)) == (1, 15, 2000)
