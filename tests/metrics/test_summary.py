import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.image import peak_signal_noise_ratio

from bench.metrics import score
from bench.metrics.definitions import DEFINITIONS
from bench.metrics.summary import summarise, values


def measured(count=20, seed=0, side=16):
    """Pictures with holes of their own, and their table as a record has it."""
    rng = np.random.default_rng(seed)
    truth = torch.from_numpy(rng.integers(0, 256, (count, 3, side, side), dtype=np.uint8))
    hole = torch.from_numpy(rng.random((count, 1, side, side)) < rng.random((count, 1, 1, 1)))
    hole[..., 0, 0] = True
    noise = torch.from_numpy(rng.integers(-40, 40, truth.shape) * rng.random((count, 1, 1, 1))).round()
    result = torch.where(hole, (truth + noise).clamp(0, 255).byte(), truth)
    scores = {name: column.tolist() for name, column in score(truth, result, hole).items()}
    return truth, result, hole, pd.DataFrame(scores | {"hole_share": hole.double().mean((1, 2, 3)).tolist()})


def test_pooled_and_batched_errors():
    truth, result, _, table = measured(40)
    x, y = truth.double(), result.double()
    pooled = peak_signal_noise_ratio(x, y, data_range=255.0).item()
    assert summarise(table, "psnr_pooled") == pytest.approx(pooled, abs=1e-4)
    batches = [
        peak_signal_noise_ratio(x[start : start + 16], y[start : start + 16], data_range=255.0).item()
        for start in (0, 16, 32)
    ]
    assert summarise(table, "psnr_batch16") == pytest.approx(np.mean(batches), abs=1e-4)
    assert values(table, "psnr_pooled") is None


def plain_tv(picture):
    """Mean gradient magnitude of (3,H,W), by forward differences that wrap around."""
    return np.hypot(np.roll(picture, -1, 2) - picture, np.roll(picture, -1, 1) - picture).mean()


def test_derived_definitions():
    truth, result, hole, table = measured()
    x, y = truth.numpy().astype(float), result.numpy().astype(float)
    in_hole = np.repeat(hole.numpy(), 3, axis=1)
    gaps = [(a - b)[inside] for a, b, inside in zip(x, y, in_hole, strict=True)]
    psnr_hole = [10 * np.log10(255**2 / np.mean(gap**2)) for gap in gaps]
    mse01 = np.mean((x / 255 - y / 255) ** 2, axis=(1, 2, 3))
    expected = {
        "psnr_hole": np.mean(psnr_hole),
        "psnr_zits": np.mean(1 - 10 * np.log10(mse01 + 1e-7)),
        "psnr_range2": np.mean(10 * np.log10(4 / mse01)),
        "l1_grey": np.abs(x - y).mean(),
        "l1_m11": 100 * np.abs(x - y).mean() / 127.5,
        "l2": 100 * mse01.mean(),
        "tv_excess": np.mean([plain_tv(b) - plain_tv(a) for a, b in zip(x, y, strict=True)]),
        "l2_m11": 400 * mse01.mean(),
    }
    for name, value in expected.items():
        assert summarise(table, name) == pytest.approx(value, rel=1e-7 if name == "tv_excess" else 1e-9), name
        assert len(values(table, name)) == len(table)


def test_every_definition_has_a_summary():
    table = measured(side=52)[3]
    for name in DEFINITIONS:
        if name.endswith(("_raw", "_trunc")) or name.startswith("lpips"):
            assert math.isnan(summarise(table, name))
            assert values(table, name) is None
        else:
            assert math.isfinite(summarise(table, name)), name


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 10**6), count=st.integers(1, 40))
def test_pooling_never_gives_more(seed, count):
    table = measured(count, seed, side=8)[3]
    table = table[np.isfinite(table["psnr"])]
    if len(table):
        pooled, batched, single = (summarise(table, name) for name in ("psnr_pooled", "psnr_batch16", "psnr"))
        assert pooled <= single + 1e-9
        if len(table) % 16 == 0 or len(table) < 16:  # a last batch that is smaller counts as much as the others
            assert pooled <= batched + 1e-9
            assert batched <= single + 1e-9
        assert summarise(table, "psnr_zits") <= single + 1
        assert summarise(table, "psnr_hole") <= single


def test_equal_pictures():
    table = pd.DataFrame({"psnr": [math.inf, 20.0], "mse": [0.0, 650.25], "hole_share": [0.5, 0.5]})
    assert summarise(table, "psnr") == 20
    assert summarise(table, "psnr_cap100") == 60
    assert summarise(table, "psnr_pooled") == pytest.approx(20 + 10 * math.log10(2))
    assert summarise(table[:1], "psnr_pooled") == math.inf
    assert math.isnan(summarise(table[:1], "psnr"))
    assert math.isnan(summarise(table[:0], "psnr_pooled"))


def test_a_column_that_is_no_definition_is_taken_as_it_is():
    table = pd.DataFrame({"aux_loss": [1, 3], "aux_gap": [1.0, math.nan]})
    assert values(table, "aux_loss").to_list() == [1.0, 3.0]
    assert values(table, "aux_gap") is None
    assert values(table, "aux_nothing") is None


def test_a_value_that_is_missing():
    table = pd.DataFrame({"psnr": [20.0, math.nan], "hole_share": [0.5, 0.5]})
    assert values(table, "psnr") is None
    assert math.isnan(summarise(table, "psnr_hole"))
