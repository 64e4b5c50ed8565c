import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import peak_signal_noise_ratio as torchmetrics_psnr

from bench.metrics.l1 import l1, l1_hole
from bench.metrics.psnr import psnr
from bench.metrics.ssim import ssim
from bench.metrics.tv import tv

SHAPES = [(1, 11, 11), (2, 11, 40), (3, 64, 64), (1, 65, 33)]


def pictures(shape, seed=0, contrast=256):
    rng = np.random.default_rng(seed)
    count, height, width = shape
    return torch.from_numpy(rng.integers(0, contrast, (count, 3, height, width), dtype=np.uint8))


def near(picture, seed=1):
    noise = np.random.default_rng(seed).integers(-20, 21, picture.shape)
    return torch.from_numpy(np.clip(picture.numpy() + noise, 0, 255).astype(np.uint8))


def reference_ssim(x, y):
    return structural_similarity(
        x.numpy(),
        y.numpy(),
        channel_axis=0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
    )  # scikit-image crops its map by 5 pixels before the mean: the valid region


@pytest.mark.parametrize("shape", SHAPES)
def test_psnr_and_ssim_agree_with_other_libraries(shape):
    truth = pictures(shape, contrast=200)
    result = near(truth)
    for index in range(shape[0]):
        x, y = truth[index], result[index]
        assert psnr(truth, result)[index].item() == pytest.approx(
            peak_signal_noise_ratio(x.numpy(), y.numpy(), data_range=255), rel=1e-12
        )
        assert psnr(truth, result)[index].item() == pytest.approx(
            torchmetrics_psnr(x.double(), y.double(), data_range=255.0).item(), rel=1e-6
        )
        assert ssim(truth, result)[index].item() == pytest.approx(reference_ssim(x, y), abs=1e-12)


def test_ssim_of_flat_pictures_agrees_too():
    x, y = torch.full((1, 3, 16, 16), 100, dtype=torch.uint8), torch.full((1, 3, 16, 16), 120, dtype=torch.uint8)
    c1 = (0.01 * 255) ** 2
    assert ssim(x, y).item() == pytest.approx((2 * 100 * 120 + c1) / (100**2 + 120**2 + c1), abs=1e-9)
    assert ssim(x, y).item() == pytest.approx(reference_ssim(x[0], y[0]), abs=1e-9)


def test_identical_pictures():
    truth = pictures((2, 13, 17))
    assert torch.equal(psnr(truth, truth), torch.full((2,), math.inf, dtype=torch.float64))
    assert torch.equal(ssim(truth, truth), torch.ones(2, dtype=torch.float64))
    assert l1(truth, truth).tolist() == [0, 0]


def test_closed_forms():
    truth = pictures((1, 16, 16), contrast=200)
    shifted = truth + 51
    assert psnr(truth, shifted).item() == pytest.approx(20 * math.log10(5), rel=1e-14)
    assert l1(truth, shifted).item() == 20.0
    black, white = torch.zeros(1, 3, 11, 11, dtype=torch.uint8), torch.full((1, 3, 11, 11), 255, dtype=torch.uint8)
    assert psnr(black, white).item() == 0.0
    assert l1(black, white).item() == 100.0


def test_one_pixel():
    truth = pictures((1, 32, 32), contrast=200)
    result, hole = truth.clone(), torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    hole[0, 0, 5, 6] = True
    result[0, 1, 5, 6] += 30
    assert psnr(truth, result).item() == pytest.approx(10 * math.log10(255**2 * 3 * 32 * 32 / 900), rel=1e-14)
    assert l1_hole(truth, result, hole).item() == pytest.approx(100 * 10 / 255, rel=1e-14)
    result[0, 0, 20, 20] += 50  # outside the hole
    assert l1_hole(truth, result, hole).item() == pytest.approx(100 * 10 / 255, rel=1e-14)


def test_tv():
    def reference(picture):
        x = picture.numpy().astype(np.float64)
        across = np.concatenate([x[..., 1:], x[..., :1]], axis=-1) - x
        down = np.concatenate([x[..., 1:, :], x[..., :1, :]], axis=-2) - x
        return np.sqrt(across**2 + down**2).mean(axis=(1, 2, 3))

    picture = pictures((3, 12, 19))
    assert tv(picture).numpy() == pytest.approx(reference(picture), rel=1e-13)
    assert tv(torch.full((1, 3, 4, 4), 9, dtype=torch.uint8)).item() == 0.0
    step = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    step[..., 4:] = 100  # one step up, and one down where the picture wraps around
    assert tv(step).item() == pytest.approx(2 * 100 / 8)
    corner = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    corner[..., 0, 0] = 3  # its own gradient is (-3, -3), its neighbours' (3, 0) and (0, 3)
    assert tv(corner).item() == pytest.approx((3 * math.sqrt(2) + 3 + 3) / 4)


@settings(deadline=None, max_examples=40)
@given(height=st.integers(11, 24), width=st.integers(11, 24), seed=st.integers(0, 99))
def test_identities_of_a_composite(height, width, seed):
    truth, other = pictures((1, height, width), seed), pictures((1, height, width), seed + 1)
    hole = torch.from_numpy(np.random.default_rng(seed).random((1, 1, height, width)) < 0.3)
    hole[..., 0, 0] = True
    result = torch.where(hole, other, truth)
    share = hole.double().mean().item()
    assert l1_hole(truth, result, hole).item() * share == pytest.approx(l1(truth, result).item(), rel=1e-12)
    # Jensen within the hole: MAE of the image <= sqrt(share) * RMSE of the image
    rms_percent = 100 * 10 ** (-psnr(truth, result).item() / 20)
    assert l1(truth, result).item() <= math.sqrt(share) * rms_percent * (1 + 1e-12)
    missing = hole.expand_as(truth)
    in_hole = torchmetrics_psnr(truth[missing].double(), result[missing].double(), data_range=255.0).item()
    assert in_hole == pytest.approx(psnr(truth, result).item() + 10 * math.log10(share), abs=1e-4)
    pooled_mse = (truth.double() - result.double()).square().mean().item()
    assert 10 * math.log10(255**2 / pooled_mse) == pytest.approx(psnr(truth, result).item())


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 99))
def test_psnr_of_the_pooled_error_is_not_above_the_mean(seed):
    truth = pictures((4, 12, 12), seed)
    result = torch.stack([near(x, seed) if i % 2 else x // 2 for i, x in enumerate(truth)])
    pooled = 10 * math.log10(255**2 / (truth.double() - result.double()).square().mean().item())
    assert pooled <= psnr(truth, result).mean().item() + 1e-9


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 99))
def test_symmetries(seed):
    x = pictures((1, 14, 18), seed)
    y = near(x, seed)
    for measure in (psnr, ssim, l1):
        assert measure(x, y).item() == pytest.approx(measure(y, x).item(), rel=1e-12)
        assert measure(x, y).item() == pytest.approx(measure(x.flip(-1), y.flip(-1)).item(), rel=1e-12)
        assert measure(x, y).item() == pytest.approx(measure(x.mT.contiguous(), y.mT.contiguous()).item(), rel=1e-12)
    assert -1 <= ssim(x, y).item() < 1
