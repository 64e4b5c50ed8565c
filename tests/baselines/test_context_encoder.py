from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation
from torch.nn.functional import binary_cross_entropy_with_logits
from watched import SameBatch, copied, same

from baselines.context_encoder.method import METHOD, ContextEncoderSettings, weights
from baselines.context_encoder.networks import ContextEncoder, Discriminator, halvings, sizes, widths
from baselines.holes import HOLES
from baselines.joint import EMPTY, entered
from baselines.schedule import cosine
from bench.methods.base import DataFacts, fill
from bench.methods.settings import DEFAULT, build, overrides
from bench.paper import read_paper
from bench.util.errors import UserError
from bench.util.seeds import Chance

PAPER = read_paper(Path(__file__).resolve().parents[2] / "baselines" / "context_encoder" / "paper.toml")
TINY = {"width": 4, "bottleneck": 8, "batch_size": 4, "steps": 3}


def tiny(side=32, **changes):
    torch.manual_seed(0)
    return METHOD(ContextEncoderSettings(**(TINY | changes)), DataFacts(side, 16))


def parameters(network):
    return sum(weight.numel() for weight in network.parameters())


# ------------------------------------------------------------------------------------------------------------ networks


def layer_table(resolution, width=64, bottleneck=4000):
    """The generator's parameters, layer by layer as the released programs add them: (weights, biases)."""
    encoder = [(3, width)] + [(width, width)] * (resolution // 128)
    encoder += [(width, 2 * width), (2 * width, 4 * width), (4 * width, 8 * width), (8 * width, bottleneck)]
    decoder = [(out, inside) for inside, out in reversed(encoder)]
    convolutions = sum(16 * inside * out for inside, out in encoder + decoder)
    normalised = [out for _, out in encoder[1:]] + [out for _, out in decoder[:-1]]
    return convolutions + 2 * sum(normalised), sum(out for _, out in encoder + decoder)


@pytest.mark.parametrize(("resolution", "expected"), [(64, 71_058_880), (128, 71_190_208)])
def test_parameters_by_the_layer_table(resolution, expected):
    assert layer_table(resolution)[0] == expected
    assert parameters(ContextEncoder(64, 4000, halvings(resolution))) == expected


def test_the_released_centre_network_is_this_one_without_its_last_doubling():
    # 128 pixels in, 64 out; the published 71,130,531 count the biases, which its program keeps at zero.
    count, biases = layer_table(128)
    doubling = 16 * 64 * 64 + 2 * 64
    assert count - doubling + biases - 64 == 71_130_531


def test_discriminator_parameters():
    expected = 16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 2 * (128 + 256 + 512)
    assert parameters(Discriminator(64, 4)) == expected


@pytest.mark.parametrize(("resolution", "expected"), [(64, 4), (128, 5), (160, 5), (256, 6)])
def test_halvings_end_at_four_pixels_or_a_little_more(resolution, expected):
    assert halvings(resolution) == expected
    assert 4 <= resolution >> expected < 8


def test_widths_are_the_released_ones():
    assert widths(64, 4) == [64, 128, 256, 512]
    assert widths(64, 5) == [64, 64, 128, 256, 512]


def test_everything_passes_the_bottleneck():
    network, seen = ContextEncoder(4, 8, 3), []
    network[9].register_forward_hook(lambda layer, inside, out: seen.append(out.shape))
    network(torch.rand(2, 3, 32, 32))
    assert seen == [(2, 8, 1, 1)]


@pytest.mark.parametrize("shape", [(64, 64), (64, 80), (112, 96)])
def test_any_size_that_fits_is_kept(shape):
    assert sizes(4).fit(*shape)
    assert ContextEncoder(4, 8, 4)(torch.rand(2, 3, *shape)).shape == (2, 3, *shape)


def test_a_resolution_that_cannot_be_halved_is_refused():
    with pytest.raises(UserError, match="resolution of 90 cannot be halved 4 times"):
        tiny(90)
    with pytest.raises(UserError, match="take a power of two from 8"):
        tiny(6)
    assert tiny(160).inpainter().sizes == sizes(5)


# -------------------------------------------------------------------------------------------------------------- losses


def test_what_the_encoder_sees():
    image, hole = torch.rand(2, 3, 8, 8), torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    hole[:, :, 2:5, 3:6] = True
    seen = (entered(2 * image - 1, hole) + 1) / 2
    assert torch.allclose(seen[:, :, 3, 4], torch.tensor(EMPTY).expand(2, 3))
    known = ~hole.expand_as(image)
    assert torch.allclose(seen[known], image[known])


@pytest.mark.parametrize(("overlap", "known"), [(4, 0.0), (2, 0.5), (0, 1.0)])
def test_weights_are_a_dilation(overlap, known):
    hole = torch.from_numpy(np.stack([HOLES["mixed"].draw(Chance(i), 32, 32) for i in range(6)])).unsqueeze(1)
    settings = ContextEncoderSettings(overlap=overlap, overlap_weight=10, known_weight=known)
    square = np.ones((2 * overlap + 1, 2 * overlap + 1), dtype=bool)
    for found, inside in zip(weights(hole, settings)[:, 0], hole[:, 0].numpy(), strict=True):
        ring = binary_dilation(inside, square) & ~inside
        expected = np.where(inside, 1.0, np.where(ring, 10.0, known))
        assert np.array_equal(found.numpy(), expected)


def test_distance_is_the_released_criterion_over_the_square_that_it_learns():
    (stage,) = tiny(overlap=4).stages()
    truth, result = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    hole = torch.zeros(2, 1, 32, 32, dtype=torch.bool)
    hole[..., 12:20, 12:20] = True
    # The released program learns a 16x16 square here, of which it hides all but 4 pixels on each side.
    squared = ((result - truth) ** 2)[..., 8:24, 8:24]
    weight = torch.full((16, 16), 10.0)
    weight[4:12, 4:12] = 1.0
    assert torch.allclose(stage.distance(result, truth, hole), (weight * squared).mean())


def test_whole_picture_is_the_mean_squared_error():
    (stage,) = tiny(overlap=0, known_weight=1.0).stages()
    feed = SameBatch(stage)
    truth, result = feed.drawn.image, torch.rand_like(feed.drawn.image)
    assert torch.allclose(stage.distance(result, truth, feed.drawn.hole), (result - truth).square().mean())


def test_adversarial_losses_are_cross_entropies():
    (stage,) = tiny().stages()
    truth, pasted = torch.rand(4, 3, 32, 32), torch.rand(4, 3, 32, 32)
    discriminator = stage.networks["discriminator"]
    logits = discriminator(truth), discriminator(pasted)
    ones, zeros = torch.ones(4), torch.zeros(4)
    expected = binary_cross_entropy_with_logits(logits[0], ones) + binary_cross_entropy_with_logits(logits[1], zeros)
    assert torch.allclose(stage.adversarial_loss(pasted), binary_cross_entropy_with_logits(logits[1], ones))
    assert torch.allclose(stage.update_discriminator(truth, pasted), expected)


# ------------------------------------------------------------------------------------------------------------ training


def test_a_step_changes_both_networks_and_reports_the_weighted_loss():
    (stage,) = tiny().stages()
    before = {name: copied(network) for name, network in stage.networks.items()}
    scalars = stage.step(SameBatch(stage))
    assert not any(same(stage.networks[name], weights) for name, weights in before.items())
    assert set(scalars) == {"reconstruction", "adversarial", "generator", "discriminator"}
    assert torch.allclose(scalars["generator"], scalars["reconstruction"] + scalars["adversarial"])
    assert all(not value.requires_grad and value.dim() == 0 for value in scalars.values())


def test_the_discriminator_learns_from_its_own_update_only():
    (stage,) = tiny().stages()
    feed = SameBatch(stage)
    stage.step(feed)
    discriminator = stage.networks["discriminator"]
    kept = [weight.grad.clone() for weight in discriminator.parameters()]
    stage.adversarial_loss(torch.rand(4, 3, 32, 32, requires_grad=True)).backward()
    assert all(torch.equal(w.grad, old) for w, old in zip(discriminator.parameters(), kept, strict=True))
    assert all(weight.requires_grad for weight in discriminator.parameters())


def test_without_a_discriminator():
    method = tiny(reconstruction_weight=1.0)
    assert list(method.networks()) == ["generator"]
    (stage,) = method.stages()
    scalars = stage.step(SameBatch(stage))
    assert set(scalars) == {"reconstruction", "generator"}


def test_it_learns_what_it_is_shown():
    method = tiny(width=8, bottleneck=32, steps=60, schedule="cosine")
    (stage,) = method.stages()
    feed, curve = SameBatch(stage), []
    for feed.step in range(stage.steps):
        curve.append(float(stage.step(feed)["reconstruction"]))
    assert np.mean(curve[-5:]) < 0.5 * curve[0]


def test_learning_rates():
    (stage,) = tiny(schedule="cosine", steps=100).stages()
    rates = []
    for step in range(100):
        stage.follow_schedule(step)
        rates.append([stage.optimizers[name].param_groups[0]["lr"] for name in ("generator", "discriminator")])
    found = np.array(rates)
    assert np.allclose(found[:, 0] / found[:, 1], 10)
    assert found[:, 0].max() == 2e-3
    assert found[:, 0].argmax() == 2
    assert np.allclose(found[3 + 97 // 2 + 1, 0], 1e-3, rtol=0.03)
    assert found[-1, 0] < 1e-5
    assert cosine(0, 1) == 1.0


def test_holes_come_from_every_family():
    squares = {HOLES["center"].draw(Chance(i), 32, 32).tobytes() for i in range(3)}
    drawn = [HOLES["mixed"].draw(Chance(i), 32, 32) for i in range(60)]
    central = sum(hole.tobytes() in squares for hole in drawn)
    filled = sum(hole[np.ix_(hole.any(1), hole.any(0))].all() for hole in drawn)
    assert 8 <= central <= 32
    assert central < filled < 60


def test_inpainting_leaves_the_mode_and_the_statistics_alone():
    method = tiny()
    (generator,) = [method.networks()["generator"]]
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    image, hole = torch.rand(3, 3, 32, 32), torch.zeros(3, 1, 32, 32, dtype=torch.bool)
    hole[..., 8:24, 8:24] = True
    result = fill(method.inpainter(), image, hole, torch.arange(3))
    assert generator.training
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    assert 0 <= result.min() <= result.max() <= 1


# ---------------------------------------------------------------------------------------------------------- paper.toml


def test_paper_scale_is_the_released_command():
    built = build(METHOD.settings_class, overrides(PAPER, "paper", DEFAULT), "paper")
    assert (built.reconstruction_weight, built.bottleneck, built.overlap, built.epochs) == (0.999, 4000, 4, 500)
    assert built.all_steps(14_900) == 500 * 14_900 // 64
    protocol = PAPER.scales["paper"].protocol
    assert protocol.images * protocol.split[0] // sum(protocol.split) == 14_900
