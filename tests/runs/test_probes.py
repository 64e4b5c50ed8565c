import io

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from toy import noise, toy

from bench.data import Packed
from bench.data.protocol import Protocol
from bench.methods.base import Inpainter
from bench.metrics.probed import BEST_OF, PROBES
from bench.runs.evaluation import image_seeds
from bench.runs.probes import probe

SIDE, LOW, HIGH = 32, 8, 24
"""`center` misses rows and columns LOW to HIGH."""


class Filler(Inpainter):
    """Fills with whatever `paint(image, hole, seed)` says."""

    def __init__(self, paint):
        self.paint, self.calls = paint, []

    def inpaint(self, image, hole, seed):
        self.calls.append((image.clone(), hole.clone(), seed.clone()))
        return self.paint(image, hole, seed).expand_as(image)


def pictures(count=6, low=64, high=192):
    pixels = np.random.default_rng(0).integers(low, high, (count, 3, SIDE, SIDE), dtype=np.uint8)
    ids = [f"picture-{index}" for index in range(count)]
    return Packed(ids, ids, pixels)


def protocol(*names, images=32):
    return Protocol(data="faces", resolution=SIDE, images=60, split=(4, 1, 1), test_images=9, mask_sets=("random",),
                    probes=names, probe_images=images)  # fmt: skip


def probed(paint, folder, *names, test=None, seed=0, images=32):
    inpainter = paint if isinstance(paint, Inpainter) else Filler(paint)
    asked = protocol(*(names or ("repeat", "perturb")), images=images)
    return probe(inpainter, test or pictures(), asked, seed, torch.device("cpu"), folder, lambda *_: None)


def grey(image, hole, seed):
    return torch.full_like(image, 0.5)


def mean_of_known(image, hole, seed):
    return (image * ~hole).sum(dim=(2, 3), keepdim=True) / (~hole).sum(dim=(2, 3), keepdim=True)


def random_pixels(image, hole, seed):
    each = [torch.rand(image.shape[1:], generator=torch.Generator().manual_seed(int(one))) for one in seed]
    return torch.stack(each)


def left_neighbour(image, hole, seed):
    """Every missing pixel is the nearest known one to its left: moves with the picture."""
    column = hole.int().argmax(dim=3, keepdim=True) - 1  # (N,1,H,1)
    return image.gather(3, column.clamp(min=0).expand(-1, 3, -1, -1))


def test_what_ignores_the_picture_and_the_seed_is_at_rest(tmp_path):
    found = probed(grey, tmp_path)
    names = [metric.id for probe in ("repeat", "perturb") for metric in PROBES[probe]]
    assert list(found.columns) == ["mask_set", "image", "group", *names]
    assert (found[names] == 0).to_numpy().all()
    assert set(found["mask_set"]) == {"center"}
    assert found["image"].to_list() == pictures().ids


def test_the_mean_of_the_known_pixels_follows_brightness_exactly(tmp_path):
    found = probed(mean_of_known, tmp_path, "perturb")
    # Every known pixel and the mean rise by 2 / 255 alike.
    assert found["amplify_brightness"].to_numpy() == pytest.approx(1.0, abs=1e-5)


def test_a_gain_is_found(tmp_path):
    found = probed(lambda *each: 0.1 + 0.5 * mean_of_known(*each), tmp_path, "perturb")
    assert found["amplify_brightness"].to_numpy() == pytest.approx(0.5, abs=1e-5)


def known_pixels():
    known = np.ones((SIDE, SIDE), dtype=bool)
    known[LOW:HIGH, LOW:HIGH] = False
    return known


def test_noise_and_jpeg_against_the_definition(tmp_path):
    inpainter, test = Filler(mean_of_known), pictures()
    found = probed(inpainter, tmp_path, "perturb", test=test)
    plain, noisy, _, jpeg, _ = (call[0].double().numpy() for call in inpainter.calls)
    known = known_pixels()
    for name, changed in (("amplify_noise", noisy), ("amplify_jpeg", jpeg)):
        gap = (changed - plain)[..., known]  # (N,3,pixels)
        cause = np.sqrt((gap**2).mean(axis=(1, 2)))
        # The fill is one colour, so its change is the mean change of each channel.
        change = np.sqrt((gap.mean(axis=2) ** 2).mean(axis=1))
        assert found[name].to_numpy() == pytest.approx(change / cause, rel=1e-3)
    assert (noisy - plain)[..., known].std() == pytest.approx(2 / 255, rel=0.02)
    for index in range(len(test)):
        black = test.pixels[index].copy()
        black[:, ~known] = 0
        file = io.BytesIO()
        Image.fromarray(black.transpose(1, 2, 0)).save(file, "JPEG", quality=95, subsampling=0)
        again = np.asarray(Image.open(file)).transpose(2, 0, 1) / 255
        assert jpeg[index][:, known] == pytest.approx(again[:, known], abs=1e-6)


def test_a_fill_that_moves_with_the_picture_is_not_shaken_by_a_shift(tmp_path):
    found = probed(left_neighbour, tmp_path, "perturb")
    assert (found["amplify_shift"] == 0).all()
    assert (found["amplify_noise"] > 0.5).all()


def test_a_fill_that_stays_where_it_is_moves_against_the_picture(tmp_path):
    ramp = torch.linspace(0, 1, SIDE).expand(3, SIDE, SIDE)
    test = pictures()
    found = probed(lambda *_: ramp, tmp_path, "perturb", test=test)
    # Moved back, the ramp lies one step of 1 / 31 beside itself.
    image = test.pixels / 255
    change = image[..., :-1] - image[..., 1:]  # what column j becomes, from column 1 on
    known = known_pixels()[:, 1:] & ~np.pad(~known_pixels(), ((0, 0), (1, 0)))[:, 1:SIDE]
    cause = np.sqrt((change[..., known] ** 2).mean(axis=(1, 2)))
    assert found["amplify_shift"].to_numpy() == pytest.approx((1 / 31) / cause, rel=1e-5)


def test_the_shifted_picture_has_its_own_hole_and_a_known_first_column(tmp_path):
    inpainter = Filler(grey)
    probed(inpainter, tmp_path, "perturb")
    (plain, gap, _), *_, (image, hole, _) = inpainter.calls
    assert torch.equal(hole[..., 1:], gap[..., :-1])
    assert not hole[..., 0].any()
    assert torch.equal(image[..., 1:], plain[..., :-1])
    assert torch.equal(image[..., 0], plain[..., 0])


def test_pairs_of_random_fills_lie_a_third_apart(tmp_path):
    inpainter = Filler(random_pixels)
    test = pictures()
    found = probed(inpainter, tmp_path, "repeat", test=test)
    runs = np.stack([random_pixels(*call).double().numpy() for call in inpainter.calls])
    hole = ~known_pixels()
    pairs = [np.abs(runs[a] - runs[b])[..., hole].mean(axis=(1, 2)) for a in range(4) for b in range(a)]
    assert found["repeat_l1"].to_numpy() == pytest.approx(100 * np.mean(pairs, axis=0), rel=1e-6)
    assert found["repeat_l1"].to_numpy() == pytest.approx(100 / 3, rel=0.05)
    error = ((runs - test.pixels / 255) ** 2)[..., hole].sum(axis=(2, 3)) / (3 * SIDE * SIDE)
    assert found["repeat_psnr"].to_numpy() == pytest.approx((-10 * np.log10(error)).std(axis=0, ddof=1), rel=1e-5)


def test_the_best_of_ten_is_chosen_with_the_truth_in_view(tmp_path):
    inpainter, test = Filler(random_pixels), pictures()
    found = probed(inpainter, tmp_path, "best_of", test=test)
    assert len(inpainter.calls) == BEST_OF == 10
    truth, hole = test.pixels / 255, ~known_pixels()
    psnr = []
    for call in inpainter.calls:
        error = (np.where(hole, random_pixels(*call).double().numpy(), truth) - truth) ** 2
        psnr.append(-10 * np.log10(error.mean(axis=(1, 2, 3))))
    assert found["best_of_10_psnr"].to_numpy() == pytest.approx(np.max(psnr, axis=0), rel=1e-6)
    assert found["mean_of_10_psnr"].to_numpy() == pytest.approx(np.mean(psnr, axis=0), rel=1e-6)
    assert (found["best_of_10_psnr"] > found["mean_of_10_psnr"] + 0.05).all()


def test_an_oracle_adds_nothing_to_a_method_that_always_paints_the_same(tmp_path):
    found = probed(mean_of_known, tmp_path, "best_of")
    assert found["best_of_10_psnr"].to_numpy() == pytest.approx(found["mean_of_10_psnr"].to_numpy(), rel=1e-12)


def test_the_oracle_s_first_fills_are_those_of_the_repeats(tmp_path):
    one, other = Filler(grey), Filler(grey)
    probed(one, tmp_path / "one", "repeat")
    probed(other, tmp_path / "other", "best_of")
    seeds = [[tuple(call[2].tolist()) for call in inpainter.calls] for inpainter in (one, other)]
    assert seeds[1][:4] == seeds[0]
    assert len(set(seeds[1])) == 10


def test_repeats_have_seeds_of_their_own_and_changes_the_seeds_of_scoring(tmp_path):
    inpainter, test = Filler(grey), pictures()
    probed(inpainter, tmp_path, seed=7)
    seeds = [tuple(call[2].tolist()) for call in inpainter.calls]
    scoring = tuple(image_seeds(7, test.ids).tolist())
    assert seeds[4:] == [scoring] * 5
    assert len({*seeds[:4], scoring}) == 5
    other = Filler(grey)
    probed(other, tmp_path / "other", seed=8)
    assert seeds[0] != tuple(other.calls[0][2].tolist())
    # The change itself is the same for every method and seed.
    assert torch.equal(inpainter.calls[5][0], other.calls[5][0])


def test_a_truth_that_is_met_by_chance_has_no_finite_spread(tmp_path):
    test = pictures()
    truth = test.tensor(range(6))

    def lucky(image, hole, seed):
        return torch.where((seed % 2 == 0)[:, None, None, None], truth, 1 - truth)

    found = probed(lucky, tmp_path, "repeat", test=test)
    inpainter = Filler(lucky)
    probed(inpainter, tmp_path / "again", "repeat", test=test)
    even = torch.stack([call[2] % 2 == 0 for call in inpainter.calls])
    mixed = (even.any(dim=0) & ~even.all(dim=0)).numpy()
    assert mixed.any()
    assert np.isinf(found["repeat_psnr"][mixed]).all()
    assert (found["repeat_psnr"][even.all(dim=0).numpy()] == 0).all()


def test_what_did_not_change_cannot_be_amplified(tmp_path):
    white = Packed(["w"], ["w"], np.full((1, 3, SIDE, SIDE), 255, dtype=np.uint8))
    found = probed(mean_of_known, tmp_path, "perturb", test=white)
    assert np.isinf(found["amplify_brightness"]).all()  # there is no brighter white
    assert np.isinf(found["amplify_shift"]).all()
    assert np.isfinite(found["amplify_noise"]).all()


def test_only_the_first_images_are_probed(tmp_path):
    found = probed(random_pixels, tmp_path, images=3)
    assert found["image"].to_list() == pictures().ids[:3]
    assert [probed(grey, tmp_path / "one", "repeat").columns[3:].to_list(),
            probed(grey, tmp_path / "two", "perturb").columns[3:].to_list(),
            probed(grey, tmp_path / "three", "best_of").columns[3:].to_list()] == [
        [metric.id for metric in metrics] for metrics in PROBES.values()
    ]  # fmt: skip


class KilledError(Exception):
    pass


def test_kills_change_no_bit_and_cost_at_most_a_batch_of_a_probe(tmp_path):
    test = noise(40, SIDE)
    network = toy().inpainter()
    straight = probed(Filler(network.inpaint), tmp_path / "straight", test=test, images=40)
    calls = 0

    def dying(image, hole, seed):
        nonlocal calls
        calls += 1
        if calls in (6, 13, 20):
            raise KilledError
        return network.inpaint(image, hole, seed)

    for _ in range(3):
        with pytest.raises(KilledError):
            probed(dying, tmp_path / "killed", test=test, images=40)
    resumed = probed(dying, tmp_path / "killed", test=test, images=40)
    pd.testing.assert_frame_equal(resumed, straight, check_exact=True)
    # 3 batches of 16: 12 fills for `repeat` and 15 for `perturb`, and what the kills cost: under 5 each.
    assert 27 < calls <= 27 + 3 * 5


def test_a_value_does_not_depend_on_batch_mates(tmp_path):
    test = pictures()
    together = probed(random_pixels, tmp_path / "all", test=test)
    inpainter = Filler(random_pixels)
    inpainter.images_at_once = 2
    apart = probed(inpainter, tmp_path / "two", test=test)
    pd.testing.assert_frame_equal(apart, together, check_exact=True)
