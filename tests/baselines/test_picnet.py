import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from watched import Recorder, copied, same

from baselines.holes import HOLES
from baselines.picnet.method import (
    METHOD,
    PicnetSettings,
    divergence,
    diversity,
    latent_noise,
    prior_sigma,
)
from baselines.picnet.networks import (
    Attention,
    Decoder,
    Discriminator,
    Encoder,
    Gaussian,
    LongAttention,
    mixed,
    sizes,
)
from bench.methods.base import Batch, DataFacts, fill
from bench.methods.settings import DEFAULT, build, overrides
from bench.paper import read_paper
from bench.util.errors import UserError
from bench.util.seeds import Chance

PAPER = read_paper(Path(__file__).resolve().parents[2] / "baselines" / "picnet" / "paper.toml")
SIDE = 32
TINY = {"width": 4, "z_size": 8, "layers": 3, "prior_blocks": 1, "batch_size": 4, "steps": 3, "holes": "rectangle"}


def tiny(side=SIDE, **changes):
    torch.manual_seed(0)
    return METHOD(PicnetSettings(**(TINY | changes)), DataFacts(side, 16))


def parameters(network):
    return sum(weight.numel() for weight in network.parameters())


def pictures(count=4):
    generator = torch.Generator().manual_seed(1)
    image = F.interpolate(torch.rand(count, 3, 4, 4, generator=generator), size=(SIDE, SIDE), mode="bilinear")
    holes = np.stack([HOLES["rectangle"].draw(Chance(i), SIDE, SIDE) for i in range(count)])
    return Batch(image, torch.from_numpy(holes).unsqueeze(1))


class ToyFeed:
    """One batch, again and again."""

    def __init__(self, stage):
        self.step, self.rng, self.drawn = 0, torch.Generator().manual_seed(2), pictures(stage.batch_size)

    def batch(self):
        return self.drawn


# ------------------------------------------------------------------------------------------------------------ networks


def conv(inside, outside, kernel=3):
    return kernel * kernel * inside * outside + outside


def block(inside, outside, hidden):
    return conv(inside, hidden) + conv(hidden, outside) + conv(inside, outside, 1)


def first():
    return conv(3, 32) + conv(32, 32) + conv(3, 32, 1)


def up(inside, outside):
    return conv(inside, outside) + conv(outside, outside) + conv(inside, outside) + 2 * (inside + outside)


def layer_table():
    """Parameters at the released sizes (32 to 128 channels, 5 halvings, latents of 128), layer by layer."""
    down = block(32, 64, 32) + block(64, 128, 64) + 2 * block(128, 128, 128)
    encoder = first() + down + 6 * block(128, 128, 128) + 2 * block(128, 256, 128)
    attention = conv(128, 32, 1) + 2 + block(256, 128, 128)
    ups = up(128, 128) + up(128, 128) + up(128 + 3, 128) + up(128 + 3, 64) + up(64 + 3, 32)
    results = conv(128, 3) + conv(128, 3) + conv(64, 3) + conv(32, 3)
    decoder = block(128, 128, 128) + ups + attention + results
    discriminator = first() + down + conv(128, 32, 1) + 1 + block(128, 128, 128) + conv(128, 1)
    return {"encoder": encoder, "decoder": decoder, "discriminator": discriminator}


def test_parameters_by_the_layer_table():
    expected = layer_table()
    assert expected == {"encoder": 3_604_224, "decoder": 2_374_016, "discriminator": 1_099_554}
    networks = {
        "encoder": Encoder(32, 128, 5, 6),
        "decoder": Decoder(32, 128, 5),
        "discriminator": Discriminator(32, 5),
    }
    assert {name: parameters(network) for name, network in networks.items()} == expected
    assert PAPER.parameters == {**expected, "discriminator_rec": expected["discriminator"]}
    # What the released code keeps unused in each discriminator (ledger P-8).
    assert block(256, 128, 128) + 1 == 475_521


@pytest.mark.parametrize(("layers", "side"), [(3, 32), (4, 64), (5, 128)])
def test_shapes(layers, side):
    encoder, decoder, judge = Encoder(4, 6, layers, 1), Decoder(4, 6, layers), Discriminator(4, layers)
    picture, visible = torch.rand(2, 3, side, side) * 2 - 1, torch.ones(2, 1, side, side)
    with torch.no_grad():
        codes = encoder(picture, picture)
        results = decoder(codes.prior.mean, codes.deep, codes.context, visible)
        scores = judge(picture)
        assert encoder(picture).posterior is None
    least = side >> layers
    assert codes.prior.mean.shape == codes.posterior.std.shape == (2, 6, least, least)
    assert codes.context.shape[-1] == 4 * least
    assert [result.shape[-1] for result in results] == [side >> times for times in range(layers - 2, -1, -1)]
    assert all(float(result.abs().max()) <= 1 for result in results)
    assert float(codes.prior.std.min()) > 0
    assert scores.shape == (2, 1, least - 2, least - 2)


def test_every_convolution_but_the_queries_has_a_largest_singular_value_of_one():
    method = tiny(layers=4, side=64)
    seen = 0
    for network in method.networks().values():
        for name, layer in network.named_modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                largest = float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), ord=2))
                expected = 0.02 if name.endswith("query") else 1.0
                assert largest == pytest.approx(expected, rel=1e-3), name
                seen += 1
    assert seen > 60


def test_attention_by_hand():
    attention = LongAttention(4, 2)
    with torch.no_grad():
        attention.query.weight.copy_(torch.tensor([[[[1.0]], [[0.0]], [[0.0]], [[0.0]]]]))
        attention.gamma.fill_(0.5)
        attention.alpha.fill_(2.0)
    x, context = torch.randn(1, 4, 1, 3), torch.randn(1, 2, 1, 3)
    q = x[0, 0, 0].double().numpy()
    shares = np.exp(np.outer(q, q))
    shares /= shares.sum(axis=1, keepdims=True)
    assert np.allclose(attention.shares(x)[0].detach().numpy(), shares, atol=1e-6)
    by_hand = np.stack([[sum(shares[i, j] * row[j] for j in range(3)) for i in range(3)] for row in x[0, :, 0].numpy()])
    assert np.allclose(attention(x)[0, :, 0].detach().numpy(), x[0, :, 0].numpy() + 0.5 * by_hand, atol=1e-5)
    joined = []
    attention.join.register_forward_pre_hook(lambda layer, args: joined.append(args[0]))
    attention.long(x, context, torch.tensor([[[[1.0, 0.0, 0.25]]]]))
    flow, away = joined[0][0, 4:, 0], mixed(context, attention.shares(x))[0, :, 0]
    assert torch.allclose(flow[:, 0], context[0, :, 0, 0])  # what is visible stays as it is
    assert torch.allclose(flow[:, 1], 2 * away[:, 1])
    assert torch.allclose(flow[:, 2], 2 * 0.75 * away[:, 2] + 0.25 * context[0, :, 0, 2])


def test_slopes_of_every_leaky_relu():
    encoder, decoder, judge = Encoder(4, 6, 5, 6), Decoder(4, 6, 5), Discriminator(4, 5)
    joining = {layer for layer in decoder.attention.modules() if isinstance(layer, nn.LeakyReLU)}
    assert len(joining) == 2
    for network in (encoder, decoder, judge):
        for layer in network.modules():
            if isinstance(layer, nn.LeakyReLU):
                assert layer.negative_slope == (0.01 if layer in joining else 0.1)


def test_attention_begins_as_nothing():
    x = torch.rand(2, 4, 5, 5)
    assert torch.equal(Attention(4)(x), x)


# -------------------------------------------------------------------------------------------------------------- losses


def test_divergence_is_the_closed_form():
    mean, std = torch.rand(2, 2, 3, 2, 2).unbind(), (torch.rand(2, 2, 3, 2, 2) + 0.1).unbind()
    found = divergence(Gaussian(mean[0], std[0]), Gaussian(mean[1], std[1]))
    expected = (std[1] / std[0]).log() + (std[0] ** 2 + (mean[0] - mean[1]) ** 2) / (2 * std[1] ** 2) - 0.5
    assert float(found) == pytest.approx(float(expected.mean()), rel=1e-5)
    assert float(divergence(Gaussian(mean[0], std[0]), Gaussian(mean[0], std[0]))) == pytest.approx(0, abs=1e-6)


def test_divergence_is_the_integral():
    x = torch.linspace(-12, 12, 40_001, dtype=torch.float64)
    one, other = torch.distributions.Normal(0.3, 0.5), torch.distributions.Normal(-0.2, 1.2)
    integral = torch.trapezoid(one.log_prob(x).exp() * (one.log_prob(x) - other.log_prob(x)), x)
    sides = [Gaussian(torch.tensor([side.mean]), torch.tensor([side.stddev])) for side in (one, other)]
    assert float(divergence(*sides)) == pytest.approx(float(integral), rel=1e-5)
    assert float(divergence(*sides)) != pytest.approx(float(divergence(*sides[::-1])), rel=1e-2)


@pytest.mark.parametrize("missing", [0, 16, 64])
def test_prior_sigma(missing):
    hole = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    hole.view(-1)[:missing] = True
    visible = 1 - missing / 64
    found = prior_sigma(torch.cat([hole, ~hole]))
    assert found.shape == (2, 1, 1, 1)
    for value, share in zip(found.flatten().tolist(), (visible, 1 - visible), strict=True):
        assert value == pytest.approx(1 / (1 + math.exp(8 * (share - 0.8))), abs=2e-5)


def test_generator_loss_written_out():
    (stage,) = tiny(reconstruction_weight=3, kl_weight=5, gan_weight=7).stages()
    feed = ToyFeed(stage)
    image, hole = feed.batch()
    truth, known = 2 * image - 1, (~hole).float()
    with torch.no_grad():
        codes = stage.networks["encoder"](truth * known, truth * ~hole)
        recovered, generated = stage.both_paths(codes, hole, torch.Generator().manual_seed(2))
        sigma = prior_sigma(hole).expand_as(codes.posterior.std)
        fixed = Gaussian(torch.zeros_like(sigma), sigma)
    # Two sizes of results: 16 and 32 pixels.
    assert [result.shape[-1] for result in recovered] == [16, 32]
    smaller, kept = (F.interpolate(x, (16, 16), mode="bilinear", align_corners=True) for x in (truth, known))
    whole = sum(float((a - b).abs().mean()) for a, b in zip(recovered, (smaller, truth), strict=True))
    parts = zip(generated, (smaller, truth), (kept, known), strict=True)
    part = sum(float(((a - b) * share).abs().mean()) for a, b, share in parts)
    found = stage.distances((recovered, generated), truth, hole) | stage.divergences(codes, hole)
    assert float(found["l1_posterior"]) == pytest.approx(3 * whole, rel=1e-5)
    assert float(found["l1_prior"]) == pytest.approx(3 * part, rel=1e-5)
    assert float(found["kl_posterior"]) == pytest.approx(5 * 2 * float(divergence(fixed, codes.posterior)), rel=1e-5)
    assert float(found["kl_prior"]) == pytest.approx(5 * 2 * float(divergence(codes.posterior, codes.prior)), rel=1e-5)


class Mean(nn.Module):
    """A discriminator whose only score is the picture's mean."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.scale * x.mean(dim=(1, 2, 3), keepdim=True)


def test_least_squares_by_hand():
    (stage,) = tiny(gan_weight=2).stages()
    stage.networks["discriminator"], stage.networks["discriminator_rec"] = Mean(), Mean()
    truth, generated, recovered = (torch.full((2, 3, 8, 8), value) for value in (0.5, -0.5, 0.25))
    found = stage.adversarial_losses(truth, generated, recovered)
    assert float(found["adversarial"]) == pytest.approx(2 * 1.5**2)
    assert float(found["matching"]) == pytest.approx(2 * 0.25**2)
    found = stage.update_discriminators(truth, generated, recovered)
    assert float(found["discriminator"]) == pytest.approx((0.5**2 + 0.5**2) / 2)
    assert float(found["discriminator_rec"]) == pytest.approx((0.5**2 + 0.25**2) / 2)


# ------------------------------------------------------------------------------------------------------------ training


def test_a_step_updates_the_discriminators_then_the_generator():
    method = tiny()
    (stage,) = method.stages()
    before = {name: copied(network) for name, network in method.networks().items()}
    events = []
    for name, inner in stage.optimizers.items():
        (group,) = inner.param_groups
        assert (group["lr"], group["betas"]) == (1e-4, (0.0, 0.999))
        stage.optimizers[name] = Recorder(name, inner, events)
    scalars = stage.step(ToyFeed(stage))
    assert events == ["discriminator", "generator"]
    assert not any(same(network, before[name]) for name, network in method.networks().items())
    names = ("kl_posterior", "kl_prior", "l1_posterior", "l1_prior", "adversarial", "matching")
    assert float(scalars["generator"]) == pytest.approx(sum(float(scalars[name]) for name in names), rel=1e-5)
    assert all(value.ndim == 0 and not value.requires_grad for value in scalars.values())


def test_the_discriminators_may_learn_at_another_rate():
    (stage,) = tiny(critic_rate=0.25, steps=100, schedule="cosine").stages()
    rates = [one.param_groups[0] for one in (stage.optimizers["generator"], stage.optimizers["discriminator"])]
    assert [group["lr"] for group in rates] == [1e-4, 0.25e-4]
    stage.follow_schedule(50)
    fast, slow = (group["lr"] for group in rates)
    assert slow == 0.25 * fast < 0.25e-4


def test_the_prior_learns_from_the_posterior_and_not_the_other_way():
    (stage,) = tiny(reconstruction_weight=0, gan_weight=0).stages()
    image, hole = pictures()
    truth = 2 * image - 1
    encoder = stage.networks["encoder"]
    stage.divergences(encoder(truth * ~hole, truth * hole), hole)["kl_prior"].backward()
    moved = {name: weight.grad is not None and bool(weight.grad.any()) for name, weight in encoder.named_parameters()}
    assert any(value for name, value in moved.items() if name.startswith("infer"))
    assert not any(value for name, value in moved.items() if name.startswith("posterior"))


def test_it_learns_what_it_is_shown():
    (stage,) = tiny(width=8, steps=40, learning_rate=3e-3, schedule="cosine").stages()
    feed, curve = ToyFeed(stage), []
    for feed.step in range(stage.steps):
        curve.append(float(stage.step(feed)["l1_posterior"]))
    assert np.mean(curve[-5:]) < 0.6 * curve[0]


# ----------------------------------------------------------------------------------------------------------- inpainting


def test_a_seed_is_a_fill_and_another_seed_another():
    method = tiny()
    image, hole = pictures()
    inpainter = method.inpainter()

    def filled(seeds):
        return fill(inpainter, image, hole, torch.tensor(seeds))

    one = filled([1, 2, 3, 4])
    assert torch.equal(one, filled([1, 2, 3, 4]))
    other = filled([1, 2, 9, 4])
    assert torch.equal(one[[0, 1, 3]], other[[0, 1, 3]])
    assert not torch.equal(one[2], other[2])
    assert all(network.training for network in method.networks().values())


def test_noise_depends_on_seed_and_number_alone():
    seed, shape = torch.tensor([5, 6, 5]), torch.Size([2, 3, 3])
    noise = latent_noise(seed, 0, shape)
    assert torch.equal(noise[0], noise[2])
    assert not torch.equal(noise[0], noise[1])
    assert not torch.equal(noise, latent_noise(seed, 1, shape))
    large = latent_noise(torch.arange(50), 0, torch.Size([8, 4, 4]))
    assert float(large.mean()) == pytest.approx(0, abs=0.05)
    assert float(large.std()) == pytest.approx(1, abs=0.05)


def test_samples_first_mean_and_what_is_told():
    image, hole = pictures(3)
    seed = torch.tensor([7, 8, 9])

    def drawn(**changes):
        inpainter = tiny(**changes).inpainter()
        return inpainter.inpaint(image, hole, seed), inpainter.diagnostics

    alone, told = drawn()
    assert told == {}
    first_of_four, told = drawn(samples=4)
    assert torch.equal(alone, first_of_four)
    assert told["diversity"].shape == (3,)
    assert bool((told["diversity"] > 0).all())
    mean, again = drawn(samples=4, shown="mean")
    assert not torch.allclose(mean, alone)
    assert torch.equal(again["diversity"], told["diversity"])


def test_diversity_over_pairs():
    fills, hole = torch.rand(3, 2, 3, 6, 6), torch.zeros(2, 1, 6, 6, dtype=torch.bool)
    hole[0, :, 1:4, 2:5] = True
    gaps = [(a - b)[..., 1:4, 2:5].abs().mean() for a, b in combinations(fills[:, 0], 2)]
    assert diversity(fills, hole).tolist() == pytest.approx([100 * float(np.mean(gaps)), 0.0], rel=1e-5)


def test_resolutions():
    assert tiny(layers=4, side=64).inpainter().sizes == sizes(4)
    for layers, side in ((5, 64), (3, 20)):
        with pytest.raises(UserError, match=f"resolution of {side} cannot be halved {layers} times"):
            tiny(layers=layers, side=side)


# ---------------------------------------------------------------------------------------------------------- paper.toml


def test_paper_scale_is_the_released_code():
    built = build(PicnetSettings, overrides(PAPER, "paper", DEFAULT), "paper")
    assert (built.reconstruction_weight, built.kl_weight, built.gan_weight) == (20, 20, 1)
    assert (built.layers, built.prior_blocks, built.z_size, built.width, built.holes) == (5, 6, 128, 32, "center")


def test_quick_scale_has_the_data_of_ca():
    other = read_paper(Path(__file__).resolve().parents[2] / "baselines" / "ca" / "paper.toml").scales["quick"]
    own = PAPER.scales["quick"]
    assert (own.protocol.images, own.protocol.data) == (other.protocol.images, other.protocol.data)
