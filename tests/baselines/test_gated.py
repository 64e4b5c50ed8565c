import pytest
import torch
from torch import nn
from torch.nn import functional as F

from baselines.gated import Gated, gated


def two_convolutions(one):
    """The same layer as Yu et al. 2019 write it: features and gates by convolutions of their own."""
    features, gates = (nn.Conv2d(one.in_channels, one.out_channels // 2, 3, padding=1) for _ in range(2))
    for part, half in ((features, slice(0, one.out_channels // 2)), (gates, slice(one.out_channels // 2, None))):
        part.load_state_dict({"weight": one.weight[half], "bias": one.bias[half]})
    return features, gates


def test_one_convolution_is_two():
    torch.manual_seed(0)
    one, x = nn.Conv2d(3, 10, 3, padding=1), torch.randn(2, 3, 8, 8)
    features, gates = two_convolutions(one)
    assert torch.allclose(Gated(one)(x), features(x) * torch.sigmoid(gates(x)), atol=1e-6)
    assert torch.allclose(Gated(one, nn.ELU())(x), F.elu(features(x)) * torch.sigmoid(gates(x)), atol=1e-6)


@pytest.mark.parametrize("order", ["gate_first", "activation_first"])
@pytest.mark.parametrize("norm", [True, False])
def test_orders(order, norm):
    torch.manual_seed(0)
    layer = gated(lambda outside: nn.Conv2d(3, outside, 3, padding=1), 5, lambda: nn.LeakyReLU(0.2), order, norm)
    x = torch.randn(4, 3, 8, 8)
    features, gates = two_convolutions(layer[0].convolution)

    def normal(y):
        return F.batch_norm(y, None, None, training=True) if norm else y

    if order == "gate_first":
        expected = F.leaky_relu(normal(features(x) * torch.sigmoid(gates(x))), 0.2)
    else:
        expected = normal(F.leaky_relu(features(x), 0.2) * torch.sigmoid(gates(x)))
    assert torch.allclose(layer(x), expected, atol=1e-5)


def test_gates_can_shut_and_open():
    one = nn.Conv2d(1, 2, 1)
    with torch.no_grad():
        one.weight.copy_(torch.tensor([1.0, 0.0]).view(2, 1, 1, 1))
        for bias, factor in ((-100.0, 0.0), (100.0, 1.0), (0.0, 0.5)):
            one.bias.copy_(torch.tensor([0.0, bias]))
            x = torch.randn(1, 1, 4, 4)
            assert torch.allclose(Gated(one)(x), factor * x)


def test_a_gated_deconvolution_doubles_the_side():
    layer = gated(lambda outside: nn.ConvTranspose2d(4, outside, 4, 2, padding=1), 6, nn.ReLU)
    assert layer(torch.randn(1, 4, 8, 8)).shape == (1, 6, 16, 16)
