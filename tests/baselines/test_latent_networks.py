import pytest
import torch
from torch import nn

from baselines.latent.frozen import frozen_copy
from baselines.latent.networks import ConnectedDiscriminator, ConnectedGenerator, Discriminator, Generator
from bench.util.errors import UserError


def count(network):
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({}, 5_135_363),
        ({"bias": False}, 5_126_720),
        ({"bias": False, "width": 128}, 18_855_040),
        ({"bias": False, "width": 128, "dense_norm": "unit"}, 18_885_760),
        ({"bias": False, "kernel": 4}, 3_576_704),
        ({"width": 8}, 171_523),
    ],
)
def test_parameters_of_the_generator(changes, parameters):
    assert count(Generator(**changes)) == parameters


@pytest.mark.parametrize(
    ("changes", "parameters"),
    [
        ({"norm_first": True}, 4_316_673),
        ({}, 4_316_545),
        ({"norm": "layer"}, 4_316_545),
        ({"norm": "none"}, 4_314_753),
        ({"width": 128, "bias": False}, 17_232_768),
        ({"width": 8, "norm_first": True}, 69_185),
    ],
)
def test_parameters_of_the_discriminator(changes, parameters):
    assert count(Discriminator(**changes)) == parameters


def test_connected_networks():
    """Two full layers of 16 times the width, and one more: counted by hand."""
    generator, discriminator = ConnectedGenerator(64, 100, 64), ConnectedDiscriminator(64, 64)
    assert count(generator) == 101 * 1024 + 1025 * 1024 + 1025 * 3 * 64 * 64
    assert count(discriminator) == (3 * 64 * 64 + 1) * 1024 + 1025 * 1024 + 1025
    picture = generator(torch.randn(5, 100))
    assert picture.shape == (5, 3, 64, 64)
    assert float(picture.detach().abs().max()) <= 1
    assert discriminator(picture).shape == (5,)


def shapes(network, x):
    found = []
    for layer in network.layers:
        x = layer(x)
        if isinstance(layer, nn.Unflatten | nn.Conv2d | nn.ConvTranspose2d):
            found.append(tuple(x.shape[1:]))
    return found


@pytest.mark.parametrize("kernel", [3, 4, 5, 6])
def test_shapes(kernel):
    down = [(512, 4, 4), (256, 8, 8), (128, 16, 16), (64, 32, 32), (3, 64, 64)]
    assert shapes(Generator(kernel=kernel), torch.randn(2, 100)) == down
    up = [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]
    discriminator = Discriminator(kernel=kernel)
    assert shapes(discriminator, torch.randn(2, 3, 64, 64)) == up
    assert discriminator(torch.randn(2, 3, 64, 64)).shape == (2,)


@pytest.mark.parametrize("resolution", [8, 32, 128])
def test_other_resolutions(resolution):
    picture = Generator(2, z_size=7, resolution=resolution)(torch.randn(3, 7))
    assert picture.shape == (3, 3, resolution, resolution)
    assert picture.abs().max() <= 1
    assert Discriminator(2, resolution=resolution)(picture).shape == (3,)


@pytest.mark.parametrize("resolution", [4, 48, 100])
def test_a_side_that_is_no_power_of_two_is_refused(resolution):
    with pytest.raises(UserError, match=f"{resolution} does not suit a DCGAN; take 8"):
        Generator(2, resolution=resolution)


def test_normalisation_and_activations():
    generator = Generator(2, activation="leaky_relu", slope=0.3)
    slopes = [layer.negative_slope for layer in generator.layers if isinstance(layer, nn.LeakyReLU)]
    assert slopes == [0.3] * 4
    norms = [layer for layer in generator.layers if isinstance(layer, nn.BatchNorm2d)]
    assert [norm.num_features for norm in norms] == [16, 8, 4, 2]
    relu = Discriminator(2, norm="layer", activation="relu").layers
    assert sum(isinstance(layer, nn.ReLU) for layer in relu) == 4
    assert [layer.num_channels for layer in relu if isinstance(layer, nn.GroupNorm)] == [4, 8, 16]
    assert {layer.num_groups for layer in relu if isinstance(layer, nn.GroupNorm)} == {1}


def test_first_weights():
    torch.manual_seed(0)
    for network in (Generator(16), Discriminator(16)):
        for layer in network.layers:
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                assert float(layer.weight.detach().std()) == pytest.approx(0.02, rel=0.1)
                assert not layer.bias.any()
            elif isinstance(layer, nn.BatchNorm2d):
                assert float(layer.weight.detach().mean()) == pytest.approx(1, abs=0.02)
                assert 0 < float(layer.weight.detach().std()) < 0.04


def worn(network):
    """As after a training: larger weights, and batch normalisation with statistics of its own."""
    for layer in network.layers:
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0, 0.2)
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
            layer.running_mean.normal_()
            layer.running_var.uniform_(0.5, 2)
            nn.init.normal_(layer.bias)
    return network


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("kernel", "dense_norm"), [(4, "channel"), (5, "channel"), (5, "unit")])
def test_a_frozen_copy_is_the_same_function(bias, kernel, dense_norm):
    torch.manual_seed(1)
    generator, discriminator = (
        worn(Generator(4, bias=bias, kernel=kernel, dense_norm=dense_norm)),
        worn(Discriminator(4, bias=bias, norm_first=True)),
    )
    for network, x in ((generator, torch.randn(3, 100)), (discriminator, torch.randn(3, 3, 64, 64))):
        before = {name: value.clone() for name, value in network.state_dict().items()}
        copied = frozen_copy(network)
        assert network.training
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
        assert all(weight.requires_grad for weight in network.parameters())
        assert not any(weight.requires_grad for weight in copied.parameters())
        assert not any(isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) for layer in copied.modules())
        expected = network.eval()(x).detach()
        assert float(expected.std()) > 0.01
        torch.testing.assert_close(copied(x), expected, rtol=1e-3, atol=1e-4)


def test_layer_normalisation_is_not_folded():
    discriminator = Discriminator(4, norm="layer")
    copied, x = frozen_copy(discriminator), torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(copied(x), discriminator(x).detach(), rtol=1e-4, atol=1e-6)


def test_a_normalisation_after_an_activation_is_kept():
    chain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.BatchNorm2d(4))
    chain[2].running_mean.normal_()
    x = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(frozen_copy(chain)(x), chain.eval()(x).detach())
