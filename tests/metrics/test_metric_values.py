import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.color import rgb2gray
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import peak_signal_noise_ratio as torchmetrics_psnr
from torchmetrics.functional.image import structural_similarity_index_measure as torchmetrics_ssim
from torchmetrics.functional.image import total_variation

from bench.metrics import score
from bench.metrics.psnr import psnr
from bench.metrics.ssim import ssim
from bench.metrics.tv import tv
from bench.runs.evaluation import MaskSetImages, Scored, _score, to_uint8, truncated
from bench.speed.plain.l1 import l1, l1_hole

SHAPES = [(1, 11, 11), (2, 11, 40), (3, 64, 64), (1, 65, 53)]


def pictures(shape, seed=0, contrast=256):
    rng = np.random.default_rng(seed)
    count, height, width = shape
    return torch.from_numpy(rng.integers(0, contrast, (count, 3, height, width), dtype=np.uint8))


def near(picture, seed=1):
    noise = np.random.default_rng(seed).integers(-20, 21, picture.shape)
    return torch.from_numpy(np.clip(picture.numpy() + noise, 0, 255).astype(np.uint8))


def everything(truth, result):
    """All scores of results that are holes throughout."""
    return score(truth, result, torch.ones_like(truth[:, :1], dtype=torch.bool), result, truncated=result)


GAUSSIAN = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}


def skimage_ssim(x, y, **how):
    how = {"data_range": 255, "channel_axis": 0} | how
    return structural_similarity(np.asarray(x), np.asarray(y), **how)


def gray(x):
    return rgb2gray(x.numpy().astype(np.float64), channel_axis=0)


def gray_as_zits_reads_it(x):
    """cv2.imread gives BGR, and scikit-image's rgb2gray takes what it is given for RGB."""
    read = np.ascontiguousarray(x.permute(1, 2, 0).numpy()[..., ::-1])
    return rgb2gray(read)


def centre(x):
    height, width = x.shape[-2:]
    return x[..., height // 4 : height // 4 + height // 2, width // 4 : width // 4 + width // 2]


def luma(x):
    red, green, blue = x.double().numpy()
    return 16 + (65.481 * red + 128.553 * green + 24.966 * blue) / 255


def ssim_references(x, y):
    """What other libraries say of one image, by metric definition."""
    found = {
        "ssim": skimage_ssim(x, y, **GAUSSIAN),  # its map is cropped by 5 pixels before the mean: the valid region
        "ssim_u7": skimage_ssim(x, y),
        "ssim_u11": skimage_ssim(x, y, win_size=11),
        "ssim_y": skimage_ssim(luma(x), luma(y), channel_axis=None, **GAUSSIAN),
        "ssim_gray7": skimage_ssim(gray(x), gray(y), channel_axis=None),
        # Old scikit-image took data_range 2, from -1 to 1, of any floating-point picture.
        "ssim_zits": skimage_ssim(gray_as_zits_reads_it(x), gray_as_zits_reads_it(y), channel_axis=None, data_range=2),
        "ssim_u7_trunc": skimage_ssim(x, y),
        "ssim_u11_trunc": skimage_ssim(x, y, win_size=11),
        "ssim_full": torchmetrics_ssim(x[None].double(), y[None].double(), data_range=255.0).item(),
        "ssim_zero": zero_padded(x.double(), y.double()),
        "ssim_lbam": zero_padded(x.double(), y.double(), peak=1),
    }
    if min(x.shape[-2:]) >= 22:
        found["ssim_u11_center"] = skimage_ssim(centre(x), centre(y), win_size=11)
    if min(x.shape[-2:]) >= 51:
        found["ssim_gray51"] = skimage_ssim(gray(x), gray(y), channel_axis=None, win_size=51)
    return found


def other_references(x, y):
    x_gray, y_gray, x_levels, y_levels = gray(x), gray(y), x.double(), y.double()
    gap = y_levels - x_levels
    return {
        "psnr": peak_signal_noise_ratio(x.numpy(), y.numpy(), data_range=255),
        "psnr_gray": peak_signal_noise_ratio(x_gray, y_gray, data_range=255),
        "psnr_y": peak_signal_noise_ratio(luma(x), luma(y), data_range=255),
        "mse": gap.square().mean().item(),
        "l1_sym_gray": 100 * np.abs(x_gray - y_gray).sum() / (x_gray + y_gray).sum(),
        "l1_rel": 100 * gap.abs().sum().item() / x_levels.sum().item(),
        "l2_rel": 100 * gap.square().sum().item() / x_levels.square().sum().item(),
        "l1_sym": 100 * gap.abs().sum().item() / (x_levels + y_levels).sum().item(),
        "l1_channels": 100 / 255 * (x_levels.mean(0) - y_levels.mean(0)).abs().mean().item(),
        "l1_channels_trunc": 100 / 255 * (x_levels.mean(0) - y_levels.mean(0)).abs().mean().item(),
        "psnr_center": peak_signal_noise_ratio(centre(x).numpy(), centre(y).numpy(), data_range=255),
        "psnr_trunc": peak_signal_noise_ratio(x.numpy(), y.numpy(), data_range=255),
        "l1_center": 100 / 255 * centre(gap).abs().mean().item(),
        "tv_sum": total_variation(y_levels[None] / 255).item(),
        "tv_sum_truth": total_variation(x_levels[None] / 255).item(),
    }


def zero_padded(x, y, peak=255):
    """As pytorch_ssim computes it, but in float64. It has its constants for pictures in [0,1]: `peak` is 1."""
    bell = torch.exp(-((torch.arange(11).double() - 5) ** 2) / (2 * 1.5**2))
    window = torch.outer(bell, bell) / bell.sum() ** 2

    def blur(maps):
        return torch.nn.functional.conv2d(maps[:, None], window[None, None], padding=5)[:, 0]

    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y, both = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2, blur(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * peak) ** 2, (0.03 * peak) ** 2
    top = (2 * mean_x * mean_y + c1) * (2 * both + c2)
    return (top / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))).mean().item()


@pytest.mark.parametrize("shape", SHAPES)
def test_every_definition_agrees_with_other_libraries(shape):
    truth = pictures(shape, contrast=200)
    result = near(truth)
    scores = everything(truth, result)
    assert "ssim_gray51" in scores or min(shape[1:]) < 51
    for index in range(shape[0]):
        pair = truth[index], result[index]
        for name, expected in (ssim_references(*pair) | other_references(*pair)).items():
            near_enough = {"abs": 1e-6} if name.startswith("ssim") else {"rel": 1e-6}
            assert scores[name][index].item() == pytest.approx(expected, **near_enough), name
    assert torch.equal(scores["ssim"], ssim(truth, result))
    assert scores["psnr"].tolist() == pytest.approx(psnr(truth, result).tolist(), rel=1e-14)
    assert torch.equal(scores["tv"], tv(result))


@pytest.mark.parametrize("shape", [(2, 64, 64), (1, 23, 90), (1, 300, 280)])
def test_windows_beside_a_hole_are_not_left_out(shape):
    """Where definitions look at the surroundings of the hole alone, all that is left out must be 1."""
    truth = pictures(shape, contrast=200)
    for top, left in ((0, 0), (shape[1] - 3, shape[2] - 4), (shape[1] // 2, shape[2] // 3)):
        hole = torch.zeros(shape[0], 1, *shape[1:], dtype=torch.bool)
        hole[..., top : top + 9, left : left + 5] = True
        result = torch.where(hole, near(truth), truth)
        scores = score(truth, result, hole, truncated=result)
        for index in range(shape[0]):
            for name, expected in ssim_references(truth[index], result[index]).items():
                assert scores[name][index].item() == pytest.approx(expected, abs=1e-6), name


def test_the_middle_of_256_is_64_to_192():
    truth = torch.full((1, 3, 256, 256), 100, dtype=torch.uint8)
    result = truth + 51
    result[..., 64:192, 64:192] = 100
    scores = everything(truth, result)
    assert (scores["l1_center"].item(), scores["psnr_center"].item()) == (0, math.inf)
    assert scores["ssim_u11_center"].item() == 1
    result[..., 191, 191] = 151
    assert everything(truth, result)["l1_center"].item() == pytest.approx(100 * 51 / 255 / 128**2)


def test_truncation_cuts_off_what_rounding_brings_up():
    """As MISF, RN and AOT-GAN's saved pictures have it: 255 times the composite, then astype(uint8)."""
    rng = np.random.default_rng(4)
    truth = pictures((1, 40, 40))
    result = torch.from_numpy(rng.random((1, 3, 40, 40), dtype=np.float32))
    hole = torch.from_numpy(rng.random((1, 1, 40, 40)) < 0.4)
    composite = torch.where(hole, result, truth.float() / 255).numpy()
    saved = (composite * 255).astype(np.uint8)[0]
    x = truth[0].numpy()

    batch = Scored(truth, hole, to_uint8(result), truncated=truncated(result))
    scores = _score(MaskSetImages("s", ["a"], ["a"], lambda _: batch), [0], batch, None)[0].iloc[0]
    assert scores["psnr_trunc"] == pytest.approx(peak_signal_noise_ratio(x, saved, data_range=255), rel=1e-9)
    assert scores["psnr_trunc"] != pytest.approx(scores["psnr"], abs=1e-4)
    assert scores["ssim_u7_trunc"] == pytest.approx(skimage_ssim(x, saved), abs=1e-6)
    assert scores["ssim_u11_trunc"] == pytest.approx(skimage_ssim(x, saved, win_size=11), abs=1e-6)
    gap = np.abs(x.astype(float).mean(0) - saved.astype(float).mean(0)).mean()
    assert scores["l1_channels_trunc"] == pytest.approx(100 / 255 * gap, rel=1e-6)


def blocks(rng, shape, side):
    """Flat squares: where variances are small differences of large numbers."""
    coarse = rng.choice([0, 1, 60, 128, 200, 254, 255], (3, -(-shape[0] // side), -(-shape[1] // side)))
    return coarse.repeat(side, 1).repeat(side, 2)[:, : shape[0], : shape[1]].astype(np.uint8)


@settings(deadline=None, max_examples=30)
@given(height=st.integers(11, 60), width=st.integers(11, 60), seed=st.integers(0, 10**6), side=st.integers(1, 60))
def test_ssim_of_flat_blocks_agrees_within_1e5(height, width, seed, side):
    rng = np.random.default_rng(seed)
    x, y = (torch.from_numpy(blocks(rng, (height, width), side)) for _ in range(2))
    if rng.random() < 0.5:
        y = torch.where(torch.from_numpy(rng.random((height, width)) < 0.3), y, x)
    scores = everything(x[None], y[None])
    for name, expected in ssim_references(x, y).items():
        assert scores[name].item() == pytest.approx(expected, abs=1e-5), name


def test_ssim_of_flat_pictures():
    x, y = torch.full((1, 3, 16, 16), 100, dtype=torch.uint8), torch.full((1, 3, 16, 16), 120, dtype=torch.uint8)
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 120 + c1) / (100**2 + 120**2 + c1)
    scores = everything(x, y)
    for name in ("ssim", "ssim_u7", "ssim_u11", "ssim_full", "ssim_gray7"):
        assert scores[name].item() == pytest.approx(expected, abs=5e-6), name


def test_identical_pictures():
    truth = pictures((2, 53, 57))
    scores = everything(truth, truth)
    assert torch.equal(psnr(truth, truth), torch.full((2,), math.inf, dtype=torch.float64))
    for name, values in scores.items():
        if name.startswith("psnr"):
            assert values.tolist() == [math.inf] * 2, name
        elif name.startswith("ssim"):
            assert values.tolist() == pytest.approx([1, 1], abs=1e-12), name
        elif name.startswith(("l1", "l2", "mse")):
            assert values.tolist() == [0, 0], name


def test_black_pictures():
    black = torch.zeros(1, 3, 12, 12, dtype=torch.uint8)
    white = black + 255
    for truth, result in ((black, black), (white, black), (white, white)):
        for name, values in everything(truth, result).items():
            assert not torch.isnan(values).any(), name
    assert everything(black, white)["l1_rel"].item() == math.inf


def test_closed_forms():
    truth = pictures((1, 16, 16), contrast=200)
    shifted = truth + 51
    assert psnr(truth, shifted).item() == pytest.approx(20 * math.log10(5), rel=1e-14)
    assert l1(truth, shifted).item() == 20.0
    scores = everything(truth, shifted)
    assert scores["psnr_gray"].item() == pytest.approx(20 * math.log10(5), rel=1e-12)
    assert scores["psnr_y"].item() == pytest.approx(20 * math.log10(255 * 255 / (51 * 219)), rel=1e-12)
    assert scores["tv"].item() == scores["tv_truth"].item()
    assert scores["tv_rel"].item() < scores["tv_rel_truth"].item()
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
    scores = score(truth, result, hole)
    assert scores["l1_hole"].item() == pytest.approx(100 * 10 / 255, rel=1e-12)
    assert scores["mse"].item() == 900 / (3 * 32 * 32)
    result[0, 0, 20, 20] += 50  # outside the hole
    assert l1_hole(truth, result, hole).item() == pytest.approx(100 * 10 / 255, rel=1e-14)


def test_tv():
    def reference(picture):
        x = picture.numpy().astype(np.float64)
        across = np.concatenate([x[..., 1:], x[..., :1]], axis=-1) - x
        down = np.concatenate([x[..., 1:, :], x[..., :1, :]], axis=-2) - x
        return np.sqrt(across**2 + down**2).mean(axis=(1, 2, 3))

    def anisotropic(picture):
        x = picture.numpy().astype(np.float64) / 127.5 - 1
        steps = [np.abs(np.diff(x, axis=axis)).mean(axis=(1, 2, 3)) for axis in (2, 3)]
        return 100 * (steps[0] + steps[1])

    picture = pictures((3, 12, 19))
    scores = everything(picture, picture)
    assert tv(picture).numpy() == pytest.approx(reference(picture), rel=1e-7)
    assert scores["tv_aniso"].numpy() == pytest.approx(anisotropic(picture), rel=1e-9)
    mean = picture.double().mean((1, 2, 3))
    assert scores["tv_rel"].numpy() == pytest.approx(100 * reference(picture) / mean.numpy(), rel=1e-7)
    assert tv(torch.full((1, 3, 4, 4), 9, dtype=torch.uint8)).item() == 0.0
    step = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    step[..., 4:] = 100  # one step up, and one down where the picture wraps around
    assert tv(step).item() == pytest.approx(2 * 100 / 8)
    assert everything(step, step)["tv_sum"].item() == pytest.approx(3 * 8 * 100 / 255)
    corner = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    corner[..., 0, 0] = 3  # its own gradient is (-3, -3), its neighbours' (3, 0) and (0, 3)
    assert tv(corner).item() == pytest.approx((3 * math.sqrt(2) + 3 + 3) / 4)


@settings(deadline=None, max_examples=40)
@given(height=st.integers(8, 24), width=st.integers(8, 24), seed=st.integers(0, 99), one_pixel=st.booleans())
def test_identities_of_a_composite(height, width, seed, one_pixel):
    truth, other = pictures((1, height, width), seed), pictures((1, height, width), seed + 1)
    hole = torch.from_numpy(np.random.default_rng(seed).random((1, 1, height, width)) < 0.3) & (not one_pixel)
    hole[..., 0, 0] = True
    result = torch.where(hole, other, truth)
    scores = {name: values.item() for name, values in score(truth, result, hole).items()}
    share = hole.double().mean().item()
    assert scores["l1_hole"] == pytest.approx(l1_hole(truth, result, hole).item(), rel=1e-12)
    assert scores["l1_hole"] * share == pytest.approx(scores["l1"], rel=1e-12)
    # Jensen within the hole: MAE of the image <= sqrt(share) * RMSE of the image
    rms_percent = 100 * 10 ** (-scores["psnr"] / 20)
    assert scores["l1"] <= math.sqrt(share) * rms_percent * (1 + 1e-12)
    missing = hole.expand_as(truth)
    in_hole = torchmetrics_psnr(truth[missing].double(), result[missing].double(), data_range=255.0).item()
    assert in_hole == pytest.approx(scores["psnr"] + 10 * math.log10(share), abs=1e-4)
    assert 10 * math.log10(255**2 / scores["mse"]) == pytest.approx(scores["psnr"], rel=1e-12)
    assert scores["l1_channels"] <= scores["l1"] * (1 + 1e-12)
    assert scores["l1_sym"] <= 100
    outside = truth.clone()
    outside[missing] = 7  # no score of the composite's known part depends on what the truth hides
    assert score(outside, torch.where(hole, other, outside), hole)["tv"].item() == scores["tv"]


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 99))
def test_symmetries(seed):
    x = pictures((1, 56, 60), seed)  # the middle of 54 rows is not their mirror image's
    y = near(x, seed)
    one_sided = ("tv", "l1_rel", "l2_rel")
    scores = everything(x, y)
    flipped, turned = everything(x.flip(-1), y.flip(-1)), everything(x.mT.contiguous(), y.mT.contiguous())
    swapped = everything(y, x)
    for name, values in scores.items():
        assert flipped[name].item() == pytest.approx(values.item(), rel=1e-6) or name.startswith("tv"), name
        assert turned[name].item() == pytest.approx(values.item(), rel=1e-6), name
        assert swapped[name].item() == pytest.approx(values.item(), rel=1e-6) or name.startswith(one_sided), name
        assert not name.startswith("ssim") or -1 <= values.item() < 1
