from itertools import pairwise

import pytest
import torch
from torch import nn

from bench.util.errors import UserError
from papers.huang2022.networks import discriminator, generator
from papers.huang2022.settings import HuangSettings

CHANNELS = [512, 256, 128, 64, 3]


def parameters(network):
    return sum(weight.numel() for weight in network.parameters())


def kinds(network):
    return [type(layer) for layer in network.modules() if not list(layer.children())]


def test_generator_parameters_by_the_layer_table():
    """§3.1: 100 to 8192 to 4x4x512, transposed convolutions 5x5 of stride 2, all but the last normalised."""
    table = 100 * 8192 + 8192
    table += sum(25 * inside * out + out for inside, out in pairwise(CHANNELS))
    table += sum(2 * channels for channels in CHANNELS[:-1])
    assert table == 5_135_363
    assert parameters(generator(HuangSettings(), 64)) == table


def test_discriminator_parameters_by_the_layer_table():
    """§3.1: four 5x5 convolutions of stride 2, all normalised, flattened 8192, one full connection."""
    channels = CHANNELS[::-1]
    table = sum(25 * inside * out + out + 2 * out for inside, out in pairwise(channels))
    table += 8192 + 1
    assert table == 4_316_673
    assert parameters(discriminator(HuangSettings(), 64)) == table
    assert parameters(discriminator(HuangSettings(critic_norm_first=False), 64)) == table - 2 * 64


def test_sides_of_the_features():
    network, sides = generator(HuangSettings(width=2), 64), []
    for layer in network.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            layer.register_forward_hook(lambda layer, inside, out: sides.append(out.shape[-1]))
    assert network(torch.rand(2, 100)).shape == (2, 3, 64, 64)
    assert sides == [8, 16, 32, 64]
    network, sides = discriminator(HuangSettings(width=2), 64), []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda layer, inside, out: sides.append(out.shape[-1]))
    assert network(torch.rand(2, 3, 64, 64)).shape == (2,)
    assert sides == [32, 16, 8, 4]


def test_activations_as_printed_and_exchanged():
    printed = HuangSettings(width=2)
    made, judged = kinds(generator(printed, 64)), kinds(discriminator(printed, 64))
    assert made.count(nn.LeakyReLU) == judged.count(nn.ReLU) == judged.count(nn.BatchNorm2d) == 4
    assert nn.ReLU not in made
    assert nn.LeakyReLU not in judged
    assert made[-1] is nn.Tanh
    assert nn.Sigmoid not in judged
    exchanged = HuangSettings(width=2, generator_activation="relu", critic_activation="leaky_relu")
    assert kinds(generator(exchanged, 64)).count(nn.ReLU) == 4
    assert kinds(discriminator(exchanged, 64)).count(nn.LeakyReLU) == 4


@pytest.mark.parametrize("slope", [0.2, 0.3])
def test_slope(slope):
    network = generator(HuangSettings(width=2, slope=slope), 64)
    assert {layer.negative_slope for layer in network.modules() if isinstance(layer, nn.LeakyReLU)} == {slope}


def test_first_weights():
    torch.manual_seed(0)
    (dcgan, *_), (keras, *_) = (
        [layer for layer in discriminator(HuangSettings(framework=name), 64).modules() if isinstance(layer, nn.Conv2d)][
            1:
        ]
        for name in ("dcgan", "keras")
    )
    assert float(dcgan.weight.detach().std()) == pytest.approx(0.02, rel=0.02)
    # Glorot and Bengio 2010: uniform within sqrt(6 / (fan in + fan out)), so 1 / sqrt(3) of that as deviation.
    bound = (6 / (25 * (64 + 128))) ** 0.5
    assert float(keras.weight.detach().abs().max()) == pytest.approx(bound, rel=0.01)
    assert float(keras.weight.detach().std()) == pytest.approx(bound / 3**0.5, rel=0.02)


def test_batch_normalisation_of_tensorflow():
    network = generator(HuangSettings(width=2, framework="keras"), 64)
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert all((norm.eps, norm.momentum) == (1e-3, 0.01) and bool((norm.weight == 1).all()) for norm in norms)
    # Keras: moving = 0.99 moving + 0.01 batch, from 0.
    x = torch.randn(8, norms[0].num_features, 4, 4, generator=torch.Generator().manual_seed(0)) + 3
    norms[0](x)
    assert torch.allclose(norms[0].running_mean, 0.01 * x.mean(dim=(0, 2, 3)), atol=1e-6)


def test_a_resolution_that_does_not_suit():
    with pytest.raises(UserError, match="resolution of 90"):
        generator(HuangSettings(width=2), 90)
