"""The enhancement network, its loss and its blur (§3.5), against scipy and counts by hand."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import nn

from papers.chandak2019.enhancement import Enhancement, blur, residual_loss


def trained(network):
    """With a last layer that is not 0."""
    nn.init.normal_(network.layers[-1].weight, 0.0, 0.1)
    return network


def parameters(network):
    return sum(weight.numel() for weight in network.parameters())


def test_layers_are_dncnns():
    network = Enhancement()
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == ["Conv2d", "ReLU", *["Conv2d", "BatchNorm2d", "ReLU"] * 15, "Conv2d"]
    convolutions = [layer for layer in network.layers if isinstance(layer, nn.Conv2d)]
    assert len(convolutions) == 17
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
    assert [layer.bias is not None for layer in convolutions] == [True] + [False] * 16
    assert parameters(network) == 558_400
    # One bias more for each of 15 inner layers of 64 maps and for 3 colours is the count of KAIR's network.
    assert parameters(network) + 15 * 64 + 3 == 559_363


@pytest.mark.parametrize(("depth", "width"), [(2, 4), (3, 5), (7, 16)])
def test_parameters_by_hand(depth, width):
    by_hand = 27 * width + width + (depth - 2) * (9 * width**2 + 2 * width) + 27 * width
    assert parameters(Enhancement(depth, width)) == by_hand


def test_it_keeps_the_shape_and_sees_as_far_as_its_layers():
    torch.manual_seed(0)
    network = trained(Enhancement(depth=5, width=8)).eval()
    image = torch.rand(1, 3, 21, 21, requires_grad=True)
    result = network(image)
    assert result.shape == image.shape
    result[0, :, 10, 10].sum().backward()
    rows, columns = image.grad.abs().sum(dim=(0, 1)).nonzero().T
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 15, 5, 15)


def test_first_weights():
    torch.manual_seed(0)
    *convolutions, last = [layer for layer in Enhancement().layers if isinstance(layer, nn.Conv2d)]
    for layer in convolutions:
        assert float(layer.weight.detach().std()) == pytest.approx((2 / 576) ** 0.5, rel=0.1)
        assert layer.bias is None or not layer.bias.any()
    assert not last.weight.any()


def test_an_untrained_network_leaves_a_picture_as_it_is():
    assert not Enhancement(depth=4, width=8)(torch.rand(2, 3, 9, 9)).any()


def test_loss_is_eq_8():
    residual, blurred, clear = np.random.default_rng(0).normal(size=(3, 4, 3, 5, 6))
    by_hand = sum(np.linalg.norm(r - (y - x)) ** 2 for r, y, x in zip(residual, blurred, clear, strict=True)) / (2 * 4)
    assert float(residual_loss(*map(torch.from_numpy, (residual, blurred, clear)))) == pytest.approx(by_hand)
    assert float(residual_loss(torch.ones(7, 3, 2, 2), torch.ones(7, 3, 2, 2), torch.zeros(7, 3, 2, 2))) == 0


@pytest.mark.parametrize("side", [1, 3, 7, 9])
def test_blur_is_scipys(side):
    image = np.random.default_rng(0).random((3, 3, 17, 12))
    sigma = np.array([0.5, 1.1, 2.0])
    expected = [
        [gaussian_filter(plane, one, mode="mirror", radius=side // 2) for plane in picture]
        for picture, one in zip(image, sigma, strict=True)
    ]
    found = blur(torch.from_numpy(image), torch.from_numpy(sigma), side)
    assert found.numpy() == pytest.approx(np.array(expected), abs=1e-12)


def test_a_sigma_of_0_blurs_nothing():
    image = torch.rand(2, 3, 9, 9)
    found = blur(image, torch.tensor([0.0, 1.0]), 7)
    assert torch.equal(found[0], image[0])
    assert not torch.allclose(found[1], image[1], atol=0.01)


def test_blur_keeps_a_flat_picture_and_the_range():
    flat = torch.full((2, 3, 16, 16), 0.3)
    assert torch.allclose(blur(flat, torch.tensor([0.5, 2.0]), 7), flat)
    harsh = torch.randint(0, 2, (2, 3, 16, 16)).float()
    found = blur(harsh, torch.tensor([0.5, 2.0]), 7)
    assert found.min() >= 0
    assert found.max() <= 1 + 1e-6
