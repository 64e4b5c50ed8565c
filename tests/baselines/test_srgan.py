import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss
from torchvision.models.vgg import cfgs, make_layers
from watched import copied, same

from baselines import vgg
from baselines.srgan import pictures, training
from baselines.srgan.networks import Discriminator, Generator
from baselines.srgan.training import Srgan, SrganSettings, Srresnet
from bench.data.decode import decode
from bench.methods.base import Batch
from bench.util.errors import UserError
from bench.util.seeds import seed_of

TINY = {"sr_width": 4, "sr_blocks": 1, "sr_discriminator_width": 2, "sr_crop": 16, "sr_batch_size": 2}


class ToyFeed:
    def __init__(self, step=0, count=2, side=40):
        self.step, self.rng = step, torch.Generator().manual_seed(seed_of("toy", step))
        generator = torch.Generator().manual_seed(step)
        self.image = torch.nn.functional.interpolate(torch.rand(count, 3, 5, 5, generator=generator), size=(side, side))
        self.device = torch.device("cpu")

    def generator(self, step):
        return torch.Generator().manual_seed(seed_of("toy", step))

    def batch(self):
        return Batch(self.image, torch.zeros(len(self.image), 1, *self.image.shape[-2:], dtype=torch.bool))


def count(network):
    return sum(weight.numel() for weight in network.parameters())


def networks(**changes):
    torch.manual_seed(0)
    settings = SrganSettings(**(TINY | changes))
    discriminator = Discriminator(settings.sr_crop, settings.sr_discriminator_width, settings.sr_discriminator)
    return Generator(settings.sr_width, settings.sr_blocks), discriminator, settings


# ------------------------------------------------------------------------------------------------------------ networks


def test_generator_by_its_layers():
    generator = Generator()
    parts = [generator.first, *list(generator.body)[:16], nn.Sequential(*list(generator.body)[16:]), generator.last]
    assert [count(part) for part in parts] == [15_617, *[74_113] * 16, 37_056, 15_555]
    assert count(generator.larger) == 2 * 147_713
    assert count(generator) == 1_549_462
    assert all(layer.num_parameters == 1 for layer in generator.modules() if isinstance(layer, nn.PReLU))
    assert not any(isinstance(layer, nn.Tanh) for layer in generator.modules())


def test_discriminator_by_its_layers():
    with torch.device("meta"):
        assert count(Discriminator(96)) == 23_565_505
        assert count(Discriminator(256)) == 138_908_865
    convolutions = [layer for layer in Discriminator(96, 4).features if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels // 4 for layer in convolutions] == [1, 1, 2, 2, 4, 4, 8, 8]
    assert [layer.stride[0] for layer in convolutions] == [1, 2] * 4
    halving = [layer for layer in Discriminator(96, 4, "halving").features if isinstance(layer, nn.Conv2d)]
    assert [(layer.out_channels // 4, layer.stride[0]) for layer in halving] == [(1, 2), (2, 2), (4, 2), (8, 2)]


def test_no_normalisation_in_the_discriminators_first_layer():
    kinds = [type(layer).__name__ for layer in Discriminator(96, 4).features]
    assert kinds == ["Conv2d", "LeakyReLU", *["Conv2d", "BatchNorm2d", "LeakyReLU"] * 7]


@pytest.mark.parametrize("layout", ["alternating", "halving"])
@pytest.mark.parametrize("side", [16, 20, 96])
def test_shapes(layout, side):
    assert Generator(4, 1)(torch.rand(2, 3, 5, 7)).shape == (2, 3, 20, 28)
    assert Discriminator(side, 2, layout)(torch.rand(3, 3, side, side)).shape == (3,)


def against(generator, discriminator, settings):
    """The second phase, from a first one that left `generator` as it is."""
    return Srgan(copy.deepcopy(generator), generator, discriminator, settings)


# ------------------------------------------------------------------------------------------------------------ pictures


@pytest.mark.parametrize("side", [24, 63])
def test_resizing_is_pillows_bicubic(side):
    pixels = np.random.default_rng(0).random((96, 96), dtype=np.float32)
    expected = np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC)).clip(0, 1)
    found = pictures.resized(torch.from_numpy(pixels)[None, None], side, side)[0, 0].numpy()
    assert np.abs(found - expected).max() < 1e-5


class OneImageFeed(ToyFeed):
    """The same picture again and again."""

    def __init__(self, image, count, seed=0):
        super().__init__()
        self.image, self.rng = image.expand(count, -1, -1, -1), torch.Generator().manual_seed(seed)


def test_a_pair_is_one_crop_in_two_sizes():
    picture = torch.rand(3, 40, 30)
    small, large = pictures.pair(pictures.from_training(16)(OneImageFeed(picture, 8)))
    assert (small.shape, large.shape) == ((8, 3, 4, 4), (8, 3, 16, 16))
    crops = (large + 1) / 2
    windows = picture.unfold(1, 16, 1).unfold(2, 16, 1).permute(1, 2, 0, 3, 4).reshape(-1, 3, 16, 16)

    def distance(crop):
        return float((windows - crop).abs().amax((1, 2, 3)).min())

    straight = [distance(crop) < 1e-6 for crop in crops]
    mirrored = [distance(crop.flip(-1)) < 1e-6 for crop in crops]
    assert all(a != b for a, b in zip(straight, mirrored, strict=True))
    assert any(straight)
    assert any(mirrored)
    assert torch.allclose(small, pictures.resized(crops, 4, 4), atol=1e-6)


def test_crops_are_functions_of_the_generator():
    source, picture = pictures.from_training(16), torch.rand(3, 40, 30)
    one, again, other = (source(OneImageFeed(picture, 4, seed)) for seed in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def save(path, height, width=None, **more):
    shape = (height, width or height, 3)
    pixels = np.random.default_rng(shape[0]).integers(0, 256, shape, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **more)
    return pixels


def test_a_folder_of_pictures(tmp_path):
    large = save(tmp_path / "n01" / "a.png", 16)
    save(tmp_path / "n02" / "b.png", 12)
    found = (pictures.Folder(str(tmp_path), 16, 5)(ToyFeed()) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    assert len(found) == 5
    assert all(np.array_equal(one, large) or np.array_equal(one, large[:, ::-1]) for one in found)


def one_after_the_other(files, side, count, step):
    """Crops of a step by hand: pictures by lot, small ones passed over, then their places, all from one generator."""
    rng = ToyFeed().generator(step)
    every = [decode(files[i]) for i in torch.randint(len(files), (count * 10,), generator=rng).tolist()]
    crops = []
    for picture in [one for one in every if min(one.shape[:2]) >= side][:count]:
        ends = (picture.shape[0] - side + 1, picture.shape[1] - side + 1, 2)
        top, left, mirrored = (int(torch.randint(end, (1,), generator=rng)) for end in ends)
        crop = picture[top : top + side, left : left + side]
        crops.append((crop[:, ::-1] if mirrored else crop).transpose(2, 0, 1).astype(np.float32) / np.float32(255))
    return np.stack(crops)


def folder_of_many(home):
    turned = Image.Exif()
    turned[0x0112] = 6
    save(home / "a.png", 40, 30)
    save(home / "b.jpg", 22, 51, exif=turned)
    save(home / "c.png", 12, 60)
    save(home / "d.png", 17)
    return sorted(home.iterdir())


def test_decoding_ahead_changes_no_bit(tmp_path):
    files = folder_of_many(tmp_path)
    folder, feed = pictures.Folder(str(tmp_path), 16, 5), ToyFeed()
    for feed.step in [*range(12), 30, 31, 3]:  # a jump, and back
        expected = one_after_the_other(files, 16, 5, feed.step)
        assert np.array_equal(folder(feed).numpy(), expected)


def test_the_next_steps_are_decoded_before_they_are_asked_for(tmp_path, monkeypatch):
    folder_of_many(tmp_path)
    folder, feed, asked = pictures.Folder(str(tmp_path), 16, 5), ToyFeed(), []
    monkeypatch.setattr(
        folder, "_crops", lambda rng, own: asked.append(rng.initial_seed()) or torch.zeros(5, 3, 16, 16)
    )
    folder(feed)
    folder._threads.shutdown()
    assert sorted(asked) == sorted(seed_of("toy", step) % 2**64 for step in range(pictures.AHEAD))


def test_each_process_decodes_its_own_part_of_a_batch(tmp_path, monkeypatch):
    files = folder_of_many(tmp_path)
    decoded = []
    monkeypatch.setattr(pictures, "decode", lambda path: decoded.append(path) or decode(path))
    folder = pictures.Folder(str(tmp_path), 16, 6)
    parts = [folder._crops(ToyFeed().generator(5), own) for own in (range(3), range(3, 6))]
    assert len(decoded) == 6
    whole = one_after_the_other(files, 16, 6, 5)
    assert np.array_equal(torch.cat(parts).numpy(), (whole * 255).round())


def test_a_folder_without_pictures_is_told(tmp_path):
    with pytest.raises(UserError, match=r"sr_pictures = .* holds no picture"):
        pictures.Folder(str(tmp_path), 16, 2)
    save(tmp_path / "b.png", 12)
    with pytest.raises(UserError, match="nearly all pictures are smaller than 16 pixels"):
        pictures.Folder(str(tmp_path), 16, 2)(ToyFeed())


# ------------------------------------------------------------------------------------------------------------ training


def test_first_phase_is_squared_error():
    generator, _, settings = networks()
    stage = Srresnet(generator, settings)
    small, large = stage.crops(ToyFeed())
    expected = float(((generator(small) - large) ** 2).mean().detach())
    before = copied(generator)
    scalars = stage.step(ToyFeed())
    assert float(scalars["mse"]) == pytest.approx(expected, rel=1e-5)
    assert not same(generator, before)


@pytest.mark.parametrize(("share", "late"), [(1.0, 0), (0.5, 2), (0.75, 1)])
def test_the_first_phases_rate_falls_where_settings_say_so(share, late):
    generator, _, settings = networks(srresnet_steps=4, srresnet_drop_at=share, sr_learning_rate=1e-3)
    stage, rates = Srresnet(generator, settings), []
    for step in range(4):
        stage.step(ToyFeed(step))
        rates.append(stage.optimizers["generator"].param_groups[0]["lr"])
    assert rates == pytest.approx([1e-3] * (4 - late) + [1e-4] * late)


def test_losses_of_the_second_phase_written_out():
    generator, discriminator, settings = networks(sr_adversarial_weight=0.5)
    stage = against(generator, discriminator, settings)
    small, large = stage.crops(ToyFeed())
    ones, zeros = torch.ones(2), torch.zeros(2)
    result = generator(small)
    critic = binary_cross_entropy_with_logits(discriminator(large), ones)
    critic = critic + binary_cross_entropy_with_logits(discriminator(result), zeros)
    scalars = stage.step(ToyFeed())
    assert float(scalars["discriminator"]) == pytest.approx(float(critic.detach()), rel=1e-4)
    assert float(scalars["content"]) == pytest.approx(float(mse_loss(result, large).detach()), rel=1e-4)


def test_adversarial_loss_is_minus_log_d():
    generator, discriminator, settings = networks(sr_adversarial_weight=0.5)
    stage = against(generator, discriminator, settings)
    small, large = stage.crops(ToyFeed())
    result = generator(small)
    expected = 0.5 * binary_cross_entropy_with_logits(discriminator(result), torch.ones(2))
    found = stage.update_generator(result, large)["adversarial"]
    assert float(found) == pytest.approx(float(expected.detach()), rel=1e-4)


def test_each_update_changes_one_network():
    generator, discriminator, settings = networks()
    stage = against(generator, discriminator, settings)
    small, large = stage.crops(ToyFeed())
    result = generator(small)
    ours, theirs = copied(generator), copied(discriminator)
    stage.update_discriminator(result.detach(), large)
    assert same(generator, ours)
    assert not same(discriminator, theirs)
    theirs = copied(discriminator)
    stage.update_generator(result, large)
    assert same(discriminator, theirs)
    assert not same(generator, ours)
    assert all(weight.requires_grad for weight in discriminator.parameters())


def test_rates_of_both_networks_and_a_tenth_in_the_second_half():
    rates = {"srgan_learning_rate": 1e-3, "sr_discriminator_learning_rate": 3e-4, "sr_learning_rate": 7e-3}
    generator, discriminator, settings = networks(srgan_steps=4, **rates)
    (group,) = Srresnet(generator, settings).optimizers["generator"].param_groups
    assert group["lr"] == 7e-3
    stage, found = against(generator, discriminator, settings), []
    for step in range(4):
        stage.step(ToyFeed(step))
        found.append([stage.optimizers[role].param_groups[0]["lr"] for role in ("generator", "discriminator")])
    assert found == [[1e-3, 3e-4]] * 2 + [pytest.approx([1e-4, 3e-5])] * 2


def test_the_second_phase_goes_on_from_the_first_and_leaves_it_as_it_is():
    srresnet, discriminator, settings = networks()
    generator, _, _ = networks()
    first, second = training.stages(srresnet, generator, discriminator, settings)
    assert (first.name, second.name) == ("srresnet", "srgan_mse")
    before = copied(generator)
    first.step(ToyFeed())
    assert same(generator, before)
    trained, ends = copied(srresnet), []
    for start in (generator, srresnet):
        feed = ToyFeed()
        small, large = second.crops(feed)
        ends.append(float(mse_loss(start(small), large).detach()))
    assert ends[0] != ends[1]
    assert float(second.step(ToyFeed())["content"]) == pytest.approx(ends[1], rel=1e-4)
    assert same(srresnet, trained)
    assert not same(generator, trained)
    later = copied(generator)
    second.step(ToyFeed(1))
    assert not same(generator, later)
    assert float(second.step(ToyFeed(1))["content"]) != ends[1]


def test_content_of_vgg_features(tmp_path, monkeypatch):
    torch.manual_seed(0)
    layers = make_layers(cfgs["E"])
    for layer in layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    path = tmp_path / "vgg.pth"
    torch.save({f"features.{key}": value for key, value in layers.state_dict().items()}, path)
    monkeypatch.setattr(vgg, "VGG19", replace(vgg.VGG19, sha256_prefix=""))
    generator, discriminator, settings = networks(vgg19_file=str(path))
    stage = against(generator, discriminator, settings)
    assert stage.name == "srgan_vgg54"
    one, other = torch.rand(2, 2, 3, 48, 48) * 2 - 1
    with torch.no_grad():
        features = [layers[:36](vgg.normalised(image)) for image in (one, other)]
    # Eq. (5): squared length over channels, summed over places, divided by their number; images as a mean.
    expected = sum(float((a - b).square().sum()) / (3 * 3) for a, b in zip(*features, strict=True)) / 2 / 12.75**2
    assert float(stage.content(one, other)) == pytest.approx(expected, rel=1e-2)
    assert float(stage.content(one, one)) == 0
