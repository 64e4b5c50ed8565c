import numpy as np
import pytest
import torch
from torch import nn

from baselines.ca.attention import contextual_attention, fuse, known_patches
from baselines.ca.networks import (
    Coarse,
    Critic,
    RefineWithAttention,
    RefineWithoutAttention,
    Style,
    global_critic,
    local_critic,
    near_identity,
    planes,
)


def parameters(*networks: nn.Module) -> int:
    return sum(weight.numel() for network in networks for weight in network.parameters())


@pytest.mark.parametrize(
    ("networks", "expected"),
    [
        ([Coarse(5)], 1_448_227),
        ([Coarse(4)], 1_447_427),
        ([Coarse(5), Coarse(5)], 2_896_454),
        ([Coarse(4), Coarse(4)], 2_894_854),
        ([Coarse(5), RefineWithAttention(5)], 3_601_542),
        ([Coarse(5), RefineWithoutAttention(5)], 2_758_118),
        ([global_critic(3, 256)], 2_733_441),
        ([local_critic(3, 128)], 4_339_329),
        ([global_critic(6, 256), local_critic(6, 128)], 7_082_370),
        ([global_critic(7, 256), local_critic(7, 128)], 7_085_570),
    ],
)
def test_parameters_are_those_of_the_authors_code(networks, expected):
    assert parameters(*networks) == expected


def test_parts_of_the_refine_network():
    network = RefineWithAttention(5)
    assert parameters(network.convolutions) == 880_480
    assert parameters(network.matched, network.mixed) == 695_968
    assert parameters(network.decoder) == 576_867


def test_layers_of_the_coarse_network():
    seen = []
    with torch.device("meta"):
        network = Coarse(5)
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d):
                layer.register_forward_hook(lambda layer, _, y: seen.append((layer, *y.shape[1:3])))
        network(torch.empty(1, 5, 256, 256))
    table = [(layer.kernel_size[0], layer.stride[0], layer.dilation[0], width, side) for layer, width, side in seen]
    assert table == [
        (5, 1, 1, 32, 256),
        (3, 2, 1, 64, 128),
        (3, 1, 1, 64, 128),
        (3, 2, 1, 128, 64),
        (3, 1, 1, 128, 64),
        (3, 1, 1, 128, 64),
        (3, 1, 2, 128, 64),
        (3, 1, 4, 128, 64),
        (3, 1, 8, 128, 64),
        (3, 1, 16, 128, 64),
        (3, 1, 1, 128, 64),
        (3, 1, 1, 128, 64),
        (3, 1, 1, 64, 128),
        (3, 1, 1, 64, 128),
        (3, 1, 1, 32, 256),
        (3, 1, 1, 16, 256),
        (3, 1, 1, 3, 256),
    ]
    activations = [layer for layer in network.modules() if isinstance(layer, nn.ELU)]
    assert len(activations) == 16  # none after the last convolution


@pytest.mark.parametrize("network", [Coarse, RefineWithoutAttention, RefineWithAttention])
@pytest.mark.parametrize("style", [Style(), Style("reflect", "relu", "batch")])
def test_shapes_and_range(network, style):
    x = torch.randn(2, 4, 32, 48) * 50
    with torch.no_grad():
        y = network(4, 4, (2, 4), style)(x)
    assert y.shape == (2, 3, 32, 48)
    assert y.abs().max() <= 1


def test_reflection_has_no_border_and_zeros_do():
    x = torch.full((1, 4, 32, 32), 0.3)
    torch.manual_seed(0)
    with torch.no_grad():
        reflected = Coarse(4, 4, (2, 4), Style("reflect"))(x)
        padded = Coarse(4, 4, (2, 4), Style("zeros"))(x)
    assert torch.allclose(reflected, reflected[..., 16:17, 16:17].expand_as(reflected), atol=1e-6)
    assert not torch.allclose(padded, padded[..., 16:17, 16:17].expand_as(padded), atol=1e-3)


def test_planes_end_with_the_hole_as_one():
    colours = torch.rand(1, 3, 4, 4)
    hole = torch.zeros(1, 1, 4, 4, dtype=torch.bool)
    hole[..., 1, 2] = True
    for ones in (False, True):
        x = planes(colours, hole, ones)
        assert x.shape[1] == (5 if ones else 4)
        assert torch.equal(x[:, :3], colours)
        assert torch.equal(x[:, -1:], hole.float())
        assert not ones or bool((x[:, 3] == 1).all())


@pytest.mark.parametrize("side", [8, 31, 60, 64, 128])
def test_critic_takes_any_side(side):
    critic = Critic(3, (2, 3, 4, 5), side)
    assert critic(torch.rand(2, 3, side, side)).shape == (2,)


def test_near_identity():
    torch.manual_seed(0)
    network = RefineWithoutAttention(4, 16, (2, 4))
    near_identity(network)
    same = [x for x in network.modules() if isinstance(x, nn.Conv2d) and x.in_channels == x.out_channels]
    assert len(same) >= 6
    x = torch.rand(1, 64, 12, 12)
    for layer in same:
        # What is left beside the identity is small: its share of the output's power is near 0.1^2 * 2.
        y = torch.conv2d(
            x[:, : layer.in_channels],
            layer.weight,
            padding=layer.dilation[0] * (layer.kernel_size[0] // 2),
            dilation=layer.dilation,
        )
        assert (y - x[:, : layer.in_channels]).square().mean() < 0.1 * x.square().mean()
        assert bool((layer.bias == 0).all())
    with torch.no_grad():
        result = network(torch.rand(2, 4, 32, 32) * 2 - 1)
    assert (result.abs() == 1).float().mean() < 0.1  # little is clamped at the start


# ------------------------------------------------------------------------------------------------ contextual attention


def attention_by_loops(features: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """One image (C,H,W), hole (H,W), straight from the description and with loops only."""
    channels, height, width = features.shape
    rows, columns = height // 2, width // 2
    places = [(r, c) for r in range(rows) for c in range(columns)]
    small, cells = features[:, ::2, ::2], hole.reshape(rows, 2, columns, 2).max(axis=(1, 3))

    def around(x, r, c):
        return np.pad(x, ((0, 0), (1, 1), (1, 1)))[:, r : r + 3, c : c + 3]

    def dot(b, f):
        patch = around(small, *b)
        return (patch / max(np.sqrt((patch**2).sum()), 1e-4) * around(small, *f)).sum()

    score = np.array([[dot(b, f) for f in places] for b in places])

    def neighbours(score, order):
        position = {place: order.index(place) for place in places}
        result = np.zeros_like(score)
        for i, b in enumerate(places):
            for j, f in enumerate(places):
                for step in (-1, 0, 1):
                    p, q = position[b] + step, position[f] + step
                    if 0 <= p < len(places) and 0 <= q < len(places):
                        result[i, j] += score[places.index(order[p]), places.index(order[q])]
        return result

    score = neighbours(score, places)
    score = neighbours(score, sorted(places, key=lambda place: (place[1], place[0])))
    usable = np.array([around(cells[None], r, c).max() == 0 for r, c in places], dtype=float)[:, None]
    weights = np.exp(10 * score * usable - (10 * score * usable).max(axis=0))
    weights = weights / weights.sum(axis=0) * usable
    padded, result = np.pad(features, ((0, 0), (1, 1), (1, 1))), np.zeros((channels, height + 2, width + 2))
    for j, (r, c) in enumerate(places):
        for i, (u, v) in enumerate(places):
            result[:, 2 * r : 2 * r + 4, 2 * c : 2 * c + 4] += (
                weights[i, j] * padded[:, 2 * u : 2 * u + 4, 2 * v : 2 * v + 4]
            )
    return result[:, 1:-1, 1:-1] / 4


def test_attention_against_loops():
    generator = torch.Generator().manual_seed(3)
    features = torch.rand(2, 2, 12, 16, generator=generator, dtype=torch.float64) * 0.3
    hole = torch.zeros(2, 1, 12, 16, dtype=torch.float64)
    hole[0, :, 3:6, 4:7] = 1
    hole[1, :, 6:, :5] = 1
    result = contextual_attention(features, hole)
    for index in range(2):
        expected = attention_by_loops(features[index].numpy(), hole[index, 0].numpy())
        assert np.allclose(result[index].numpy(), expected, atol=1e-10)


def test_attention_takes_nothing_from_the_hole():
    features = torch.rand(1, 3, 16, 16)
    hole = torch.zeros(1, 1, 16, 16)
    hole[..., 4:9, 4:9] = 1
    features = torch.where(hole == 1, 1000.0, features)
    # Every pixel is a mean of known ones, although some of the features that are matched are huge.
    assert contextual_attention(features, hole).max() <= 1


def test_attention_of_an_image_ignores_its_batch_mates():
    features, hole = torch.rand(3, 4, 16, 16), torch.zeros(3, 1, 16, 16)
    hole[0, :, :8], hole[1, :, 4:6, 4:6], hole[2, :, :, 10:] = 1, 1, 1
    together = contextual_attention(features, hole)
    for index in range(3):
        alone = contextual_attention(features[index : index + 1], hole[index : index + 1])
        assert torch.allclose(together[index], alone[0], atol=1e-6)


def test_attention_without_a_known_patch_is_zero_and_finite():
    result = contextual_attention(torch.rand(1, 4, 8, 8), torch.ones(1, 1, 8, 8))
    assert torch.equal(result, torch.zeros_like(result))


def test_fuse_keeps_offsets_together():
    # A score that is 1 where background = foreground grows by both kinds of neighbours: 3 times 3 inside.
    score = torch.eye(20).unsqueeze(0)
    fused = fuse(score, 4, 5)[0]
    assert fused[7, 7] == 9
    assert torch.count_nonzero(fused - torch.diag(torch.diag(fused))) == 0


def test_known_patches():
    hole = torch.zeros(1, 1, 12, 12)
    hole[..., 6, 7] = 1  # in the cell (3,3) of a grid of 6x6
    usable = known_patches(hole).view(6, 6)
    expected = torch.ones(6, 6)
    expected[2:5, 2:5] = 0
    assert torch.equal(usable, expected)
