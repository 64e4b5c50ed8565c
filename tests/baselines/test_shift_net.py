from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torch.nn.functional import binary_cross_entropy_with_logits
from watched import copied, same

from baselines.joint import entered
from baselines.shift_net.method import METHOD, ShiftNetSettings, guidance
from baselines.shift_net.networks import Discriminator, Generator, Passed, missing_places, shift
from baselines.unet import levels_at, sizes
from bench.methods.base import Batch, DataFacts, fill
from bench.methods.settings import DEFAULT, build, overrides
from bench.paper import read_paper
from bench.util.errors import UserError
from bench.util.seeds import Chance

PAPER = read_paper(Path(__file__).resolve().parents[2] / "baselines" / "shift_net" / "paper.toml")
TINY = {"width": 4, "shift_level": 2, "batch_size": 4, "steps": 3}


def tiny(side=32, **changes):
    torch.manual_seed(0)
    return METHOD(ShiftNetSettings(**(TINY | changes)), DataFacts(side, 16))


def parameters(network):
    return sum(weight.numel() for weight in network.parameters())


def box(count=2, side=32, first=8, end=24):
    hole = torch.zeros(count, 1, side, side, dtype=torch.bool)
    hole[..., first:end, first:end] = True
    return hole


class ToyFeed:
    """One batch of smooth noise with the stage's own holes, again and again."""

    def __init__(self, stage, side=32):
        generator = torch.Generator().manual_seed(1)
        image = F.interpolate(torch.rand(stage.batch_size, 3, 4, 4, generator=generator), (side, side), mode="bilinear")
        holes = [torch.from_numpy(stage.holes.draw(Chance(i), side, side)) for i in range(stage.batch_size)]
        self.step, self.rng, self.drawn = 0, torch.Generator(), Batch(image, torch.stack(holes).unsqueeze(1))

    def batch(self):
        return self.drawn


# --------------------------------------------------------------------------------------------------------------- shift


def one_by_one(decoded, encoded, missing):
    """The shift, place by place."""
    result = torch.zeros_like(encoded)
    count, _, height, width = encoded.shape
    for n in range(count):
        places = [(i, j) for i in range(height) for j in range(width)]
        known = [place for place in places if not missing[n, 0, place[0], place[1]]]
        for i, j in places:
            if missing[n, 0, i, j] and known:
                likeness = [F.cosine_similarity(decoded[n, :, i, j], encoded[n, :, k, m], dim=0) for k, m in known]
                k, m = known[int(torch.stack(likeness).argmax())]
                result[n, :, i, j] = encoded[n, :, k, m]
    return result


def test_shift_place_by_place():
    generator = torch.Generator().manual_seed(2)
    decoded, encoded = (torch.randn(3, 5, 4, 6, generator=generator) for _ in range(2))
    missing = torch.rand(3, 1, 4, 6, generator=generator) < torch.tensor([0.2, 0.5, 0.9]).view(3, 1, 1, 1)
    found = shift(decoded, encoded, missing)
    assert torch.equal(found, one_by_one(decoded, encoded, missing))
    assert not found[~missing.expand_as(found)].any()
    assert found[missing.expand_as(found)].all()


def test_shift_by_hand():
    # Known places look right, up (short) and up again, but less straight (long). The missing one looks up.
    decoded = torch.tensor([[9.0, 9.0, 9.0, 0.0], [9.0, 9.0, 9.0, 7.0]]).view(1, 2, 2, 2)
    encoded = torch.tensor([[5.0, 0.0, 1.0, 0.0], [0.0, 0.1, 3.0, 50.0]]).view(1, 2, 2, 2)
    missing = torch.tensor([[False, False], [False, True]]).view(1, 1, 2, 2)
    expected = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.1]]).view(1, 2, 2, 2)
    assert torch.equal(shift(decoded, encoded, missing), expected)


def test_with_nothing_known_nothing_is_shifted():
    missing = torch.ones(2, 1, 3, 3, dtype=torch.bool)
    missing[1, 0, 0, 0] = False
    found = shift(torch.randn(2, 4, 3, 3), torch.ones(2, 4, 3, 3), missing)
    assert not found[0].any()
    assert torch.equal(found[1, 0], missing[1, 0].float())


def test_gradients_go_to_what_was_copied():
    decoded, encoded = (torch.randn(1, 3, 2, 2, requires_grad=True) for _ in range(2))
    missing = torch.tensor([[False, True], [True, True]]).view(1, 1, 2, 2)
    shift(decoded, encoded, missing).sum().backward()
    # The one known place is copied three times.
    assert torch.equal(encoded.grad[0, 0], torch.tensor([[3.0, 0.0], [0.0, 0.0]]))
    assert decoded.grad is None


def test_missing_places():
    hole = box(count=1, side=16, first=4, end=12)
    assert torch.equal(missing_places(hole, 1), box(count=1, side=8, first=2, end=6))
    assert torch.equal(missing_places(hole, 2), box(count=1, side=4, first=1, end=3))
    # 5 of the 16 pixels under a kernel are not enough, 6 are.
    for count, expected in ((5, False), (6, True)):
        few = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
        few[0, 0, 3:5].view(-1)[3 : 3 + min(count, 3)] = True
        few[0, 0, 4, 3 : 3 + count - 3] = True
        assert int(few[0, 0, 3:7, 3:7].sum()) == count
        assert bool(missing_places(few, 1)[0, 0, 2, 2]) is expected


# ------------------------------------------------------------------------------------------------------------ networks


def layer_table(width, levels, shift_level):
    """The generator's parameters, layer by layer as the authors' code adds them, without its biases."""
    channels = [min(width << level, 8 * width) for level in range(levels)]
    weights = 16 * 3 * channels[0] + 16 * channels[-1] * channels[-2]
    norms = channels[-2]
    for level in range(1, levels):
        weights += 16 * channels[level - 1] * channels[level]
        norms += channels[level] if level < levels - 1 else 0
    for level in range(levels - 1, 0, -1):
        outside = channels[level - 2] if level > 1 else 3
        weights += 16 * channels[level - 1] * (3 if level == shift_level else 2) * outside
        norms += outside if level > 1 else 0
    return weights + 2 * norms


@pytest.mark.parametrize(("width", "levels", "shift_level"), [(64, 8, 3), (16, 6, 2), (4, 4, 3)])
def test_generator_parameters_by_the_layer_table(width, levels, shift_level):
    assert parameters(Generator(width, levels, shift_level)) == layer_table(width, levels, shift_level)
    assert layer_table(64, 8, 3) == PAPER.parameters["generator"] == 54_938_240


def test_without_the_shift_a_third_of_one_layer_is_missing():
    assert parameters(Generator(16, 6, 3)) - parameters(Generator(16, 6, 3, shifts=False)) == 16 * 64 * 32


def test_discriminator():
    expected = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 2 * (128 + 256 + 512)
    assert parameters(Discriminator()) == PAPER.parameters["discriminator"] == expected
    assert Discriminator(4)(torch.rand(1, 3, 256, 256)).shape == (1, 1, 30, 30)
    # One logit sees 70x70 pixels.
    network, colours = Discriminator(2).eval(), torch.randn(1, 3, 256, 256, requires_grad=True)
    network(colours)[0, 0, 15, 15].backward()
    seen = colours.grad.abs().sum(dim=(0, 1)) > 0
    assert (int(seen.any(0).sum()), int(seen.any(1).sum())) == (70, 70)


def test_features_are_shifted_where_they_should_be():
    passed = Generator(4, 5, 2)(torch.randn(2, 3, 32, 64), box(side=64)[:, :, :32])
    assert passed.result.shape == (2, 3, 32, 64)
    assert passed.decoded.shape == passed.encoded.shape == (2, 8, 8, 16)
    assert passed.missing.shape == (2, 1, 8, 16)
    assert passed.result.abs().max() <= 1


def test_the_decoder_uses_the_shifted_features():
    network = Generator(4, 5, 2).eval()
    colours, hole = torch.randn(1, 3, 32, 32), box(count=1)
    other = network(colours, torch.zeros_like(hole)).result
    assert not torch.allclose(network(colours, hole).result, other)
    network.shifts = False
    with torch.no_grad():
        taking_shifted = network.decoder[3][0].weight
        network.decoder[3][0].weight = torch.nn.Parameter(taking_shifted[:16])
        plain = network(colours, hole).result
    assert torch.allclose(plain, other, atol=1e-6)


@pytest.mark.parametrize(("resolution", "expected"), [(32, 5), (64, 6), (160, 5), (256, 8), (512, 8)])
def test_levels_by_resolution(resolution, expected):
    assert levels_at(resolution, None, most=8, least=1) == expected
    method = tiny(resolution, width=1)
    assert (method.levels, method.inpainter().sizes) == (expected, sizes(expected))


def test_a_shift_without_a_decoder_layer_is_refused():
    with pytest.raises(UserError, match="shift_level = 3 is not among the 3 halvings but the last; set it to 1 to 2"):
        tiny(8, shift_level=3)


# -------------------------------------------------------------------------------------------------------------- losses


def test_guidance_by_hand():
    decoded, wanted = torch.zeros(1, 2, 2, 2), torch.full((1, 2, 2, 2), 3.0)
    missing = torch.tensor([[True, False], [False, False]]).view(1, 1, 2, 2)
    # 2 channels of one place differ by 3, among 8 values.
    assert guidance(Passed(decoded, decoded, decoded, missing), wanted) == 2 * 9 / 8


def test_weights_of_the_terms():
    (stage,) = tiny().stages()
    truth, hole = torch.rand(4, 3, 32, 32) * 2 - 1, box(4)
    passed = stage.networks["generator"](entered(truth, hole), hole)
    shown, terms = stage.complete(truth, hole)
    assert torch.equal(shown, passed.result)
    assert torch.allclose(terms["l1"], 100 * (passed.result - truth).abs().mean())
    wanted = stage.networks["generator"](truth, hole).encoded
    assert torch.allclose(terms["guidance"], guidance(passed, wanted))
    logits = stage.networks["discriminator"](passed.result)
    expected = binary_cross_entropy_with_logits(logits, torch.ones_like(logits))
    assert torch.allclose(stage.adversarial_loss(shown), expected, rtol=1e-4)
    assert stage.adversarial_weight() == 0.2


def test_guidance_teaches_the_decoder_alone():
    (stage,) = tiny().stages()
    truth, hole = torch.rand(4, 3, 32, 32) * 2 - 1, box(4)
    generator = stage.networks["generator"]
    with torch.no_grad():
        wanted = generator(truth, hole).encoded
    guidance(generator(entered(truth, hole), hole), wanted).backward()
    assert all(weight.grad is not None for weight in generator.decoder[2].parameters())
    assert all(weight.grad is None for weight in generator.decoder[3].parameters())


def test_discriminator_loss_is_a_cross_entropy():
    (stage,) = tiny().stages()
    truth, result = torch.rand(4, 3, 32, 32), torch.rand(4, 3, 32, 32)
    logits = [stage.networks["discriminator"](picture) for picture in (truth, result)]
    expected = sum(
        binary_cross_entropy_with_logits(found, torch.full_like(found, label))
        for found, label in zip(logits, (1.0, 0.0), strict=True)
    )
    assert torch.allclose(stage.update_discriminator(truth, result), expected, rtol=1e-4)


# ------------------------------------------------------------------------------------------------------------ training


def test_a_step_changes_both_networks_and_reports_the_weighted_loss():
    (stage,) = tiny().stages()
    before = {name: copied(network) for name, network in stage.networks.items()}
    scalars = stage.step(ToyFeed(stage))
    assert not any(same(stage.networks[name], weights) for name, weights in before.items())
    assert set(scalars) == {"l1", "guidance", "adversarial", "generator", "discriminator"}
    assert torch.allclose(scalars["generator"], scalars["l1"] + scalars["guidance"] + scalars["adversarial"])
    assert all(not value.requires_grad and value.dim() == 0 for value in scalars.values())


def test_the_discriminator_learns_from_its_own_update_only():
    (stage,) = tiny().stages()
    stage.step(ToyFeed(stage))
    discriminator = stage.networks["discriminator"]
    kept = [weight.grad.clone() for weight in discriminator.parameters()]
    stage.adversarial_loss(torch.rand(4, 3, 32, 32, requires_grad=True)).backward()
    assert all(torch.equal(w.grad, old) for w, old in zip(discriminator.parameters(), kept, strict=True))


def test_parts_can_be_left_out():
    method = tiny(gan_weight=0.0, guidance_weight=0.0)
    assert list(method.networks()) == ["generator"]
    (stage,) = method.stages()
    assert set(stage.step(ToyFeed(stage))) == {"l1", "generator"}


def test_learning_rates():
    (stage,) = tiny(schedule="cosine", steps=100).stages()
    found = []
    for step in range(100):
        stage.follow_schedule(step)
        found.append([optimizer.param_groups[0]["lr"] for optimizer in stage.optimizers.values()])
    rates = np.array(found)
    assert rates.shape == (100, 2)
    assert (rates.max(axis=0) == 2e-4).all()
    assert (rates[-1] < 1e-6).all()


def test_it_learns_what_it_is_shown():
    (stage,) = tiny(width=8, steps=60, schedule="cosine", learning_rate=2e-3, gan_weight=0.0).stages()
    feed, curve = ToyFeed(stage), []
    for feed.step in range(stage.steps):
        curve.append(float(stage.step(feed)["l1"]))
    assert np.mean(curve[-5:]) < 0.6 * curve[0]


def test_inpainting_does_not_look_under_the_hole_and_leaves_the_mode_alone():
    method = tiny()
    image, hole = torch.rand(3, 3, 32, 32), box(3)
    inpainter, seed = method.inpainter(), torch.arange(3)
    result = fill(inpainter, image, hole, seed)
    assert method.networks()["generator"].training
    assert 0 <= result.min() <= result.max() <= 1
    other = torch.where(hole, 1 - image, image)
    assert torch.equal(inpainter.inpaint(image, hole, seed), inpainter.inpaint(other, hole, seed))


# ---------------------------------------------------------------------------------------------------------- paper.toml


def test_paper_scale_is_the_released_command():
    built = build(METHOD.settings_class, overrides(PAPER, "paper", DEFAULT), "paper")
    assert (built.l1_weight, built.guidance_weight, built.gan_weight) == (100, 1, 0.2)
    assert (built.learning_rate, built.beta1, built.batch_size, built.shift_level) == (2e-4, 0.5, 1, 3)
    protocol = PAPER.scales["paper"].protocol
    assert built.all_steps(protocol.images * protocol.split[0] // sum(protocol.split)) == 30 * 14_900


def test_pictures_too_small_for_the_discriminator_are_refused():
    with pytest.raises(UserError, match="at least 24 pixels, not 16"):
        tiny(16, shift_level=1)
    tiny(16, shift_level=1, gan_weight=0)
