"""Metrics of a user's own pictures: layouts, and the numbers against scikit-image."""

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from bench import UserError, metrics

RNG = np.random.default_rng(0)
TRUTH, FILLED = (RNG.integers(0, 256, (3, 24, 20, 3), dtype=np.uint8) for _ in range(2))
HOLE = np.zeros((24, 20), bool)
HOLE[4:12, 4:12] = True
COMPOSITE = np.where(HOLE[None, ..., None], FILLED, TRUTH)


def test_the_numbers_are_those_of_scikit_image():
    table = metrics.compute(TRUTH, FILLED, HOLE)
    for row, truth, composite, raw in zip(table.itertuples(), TRUTH, COMPOSITE, FILLED, strict=True):
        assert row.psnr == pytest.approx(peak_signal_noise_ratio(truth, composite))
        assert row.psnr_raw == pytest.approx(peak_signal_noise_ratio(truth, raw))
        assert row.ssim_u7 == pytest.approx(structural_similarity(truth, composite, channel_axis=-1), abs=1e-5)
        assert row.psnr_hole == pytest.approx(peak_signal_noise_ratio(truth[4:12, 4:12], raw[4:12, 4:12]))
    assert set(table["hole_share"]) == {64 / 480}
    assert metrics.summarise(table, "psnr_pooled") == pytest.approx(peak_signal_noise_ratio(TRUTH, COMPOSITE))


def test_layouts_and_types_give_the_same_numbers():
    wanted = metrics.compute(TRUTH, FILLED, HOLE)
    chw, raw = (torch.from_numpy(x).permute(0, 3, 1, 2) for x in (TRUTH, FILLED))
    holes = torch.from_numpy(HOLE)[None, None].expand(3, 1, 24, 20)
    assert metrics.compute(chw, raw, holes).equals(wanted)
    assert metrics.compute(chw.float() / 255, raw.double() / 255, holes).equals(wanted)
    grey = [metrics.compute(TRUTH, np.full(TRUTH.shape, value), HOLE) for value in (0.5, np.uint8(128))]
    assert grey[0].equals(grey[1])  # 127.5 is rounded half to even
    assert metrics.compute(TRUTH[1], FILLED[1], 255 * HOLE).equals(wanted.iloc[1:2].reset_index(drop=True))
    assert metrics.compute(TRUTH, FILLED, HOLE, ["ssim", "psnr"]).columns.to_list() == ["hole_share", "ssim", "psnr"]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ((TRUTH[..., 0], FILLED, HOLE), "truth has shape"),
        ((TRUTH, FILLED[:2], HOLE), "They must match"),
        ((TRUTH, FILLED.astype(float), HOLE), "filled is torch.float64"),
        ((TRUTH, FILLED, HOLE[:3]), "hole has shape"),
        ((TRUTH, FILLED, np.zeros_like(HOLE)), "Image 0 has no hole"),
        ((TRUTH, FILLED, HOLE, "psnrr"), "Did you mean 'psnr'?"),
        ((TRUTH, FILLED, HOLE, "psnr_pooled"), "one number for all images"),
    ],
)
def test_bad_input_is_told(given, told):
    with pytest.raises(UserError) as caught:
        metrics.compute(*given)
    assert told in str(caught.value)
