import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torchvision.models.vgg import cfgs, make_layers

from bench.errors import UserError
from papers.fang2021 import losses


def box_hole(count: int = 2, side: int = 8) -> torch.Tensor:
    hole = torch.zeros(count, 1, side, side, dtype=torch.bool)
    hole[..., 2:6, 1:5] = True
    return hole


def linear(weight: torch.Tensor):
    return lambda x: (x * weight).flatten(1).sum(dim=1)


def test_wasserstein_and_adversarial():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-1.0, 0.0])
    assert losses.wasserstein(real, fake) == pytest.approx(-2.5)
    assert losses.adversarial(fake) == pytest.approx(0.5)


def test_interpolation_is_per_image():
    t = torch.tensor([0.0, 0.25, 1.0]).view(3, 1, 1, 1)
    point = losses.interpolate(torch.zeros(3, 3, 2, 2), torch.ones(3, 3, 2, 2), t)
    assert torch.equal(point, t.expand_as(point))


def test_penalty_of_a_unit_gradient_in_the_hole_is_zero():
    hole = box_hole()
    weight = hole / (3 * hole[0].sum()).sqrt()
    assert losses.gradient_penalty(linear(weight), torch.rand(2, 3, 8, 8), hole) == pytest.approx(0, abs=1e-10)


@given(scale=st.floats(0.01, 5), outside=st.floats(-100, 100))
def test_penalty_of_a_linear_critic(scale, outside):
    hole = box_hole()
    weight = torch.where(hole, scale, outside).expand(-1, 3, -1, -1)
    norm = scale * (3 * 16) ** 0.5
    penalty = losses.gradient_penalty(linear(weight), torch.rand(2, 3, 8, 8), hole)
    assert float(penalty) == pytest.approx((norm - 1) ** 2, rel=1e-4, abs=1e-5)
    everywhere = ((3 * 16) * scale**2 + (3 * 48) * outside**2) ** 0.5
    full = losses.gradient_penalty(linear(weight), torch.rand(2, 3, 8, 8), None)
    assert float(full) == pytest.approx((everywhere - 1) ** 2, rel=1e-4, abs=1e-5)


def test_penalty_of_a_quadratic_critic():
    # D(x) = |x|^2 / 2 has the gradient x: the penalty is the mean of (|x| - 1)^2 over images, not over the batch's sum.
    x, hole = torch.rand(2, 3, 8, 8), box_hole()
    penalty = losses.gradient_penalty(lambda x: x.square().flatten(1).sum(dim=1) / 2, x, hole)
    norms = (x * hole).flatten(1).norm(dim=1)
    assert float(penalty.detach()) == pytest.approx(float((norms - 1).square().mean()), rel=1e-5)


def test_penalty_trains_the_critic_and_not_the_picture():
    critic = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(72, 1))
    x = torch.rand(2, 3, 8, 8, requires_grad=True)
    losses.gradient_penalty(critic, x, box_hole()).backward()
    assert critic[0].weight.grad.abs().sum() > 0
    assert x.grad is None


def test_penalty_at_a_zero_gradient_is_one_and_trains_without_nan():
    weight = torch.zeros(1, 3, 8, 8, requires_grad=True)
    penalty = losses.gradient_penalty(linear(weight), torch.rand(2, 3, 8, 8), box_hole())
    penalty.backward()
    assert penalty == 1
    assert torch.isfinite(weight.grad).all()


def test_clipping():
    layer = nn.Linear(4, 4)
    before = layer.weight.clone()
    losses.clip_weights(layer.parameters(), 0.01)
    assert torch.equal(layer.weight, before.clamp(-0.01, 0.01))
    assert layer.bias.abs().max() <= 0.01


def test_distances():
    a, b = torch.tensor([1.0, -1.0]), torch.tensor([0.5, 1.0])
    assert losses.distance(a, b, "l1").tolist() == [0.5, 2.0]
    assert losses.distance(a, b, "l2").tolist() == [0.25, 4.0]


def test_means():
    hole = box_hole()
    distances = torch.where(hole, 7.0, 2.0).expand(-1, 3, -1, -1)
    assert losses.known_mean(distances, hole) == pytest.approx(2.0)
    assert losses.known_mean(distances, torch.ones_like(hole)) == 0
    # Images with holes of different sizes count alike.
    hole[1, :, 1:] = True
    uneven = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1).expand(2, 3, 8, 8)
    assert losses.known_mean(uneven, hole) == pytest.approx(2.0)
    assert losses.box_mean(uneven, None) == pytest.approx(2.0)
    assert losses.box_mean(uneven, torch.full((8, 8), 0.5)) == pytest.approx(1.0)


def test_discount_is_the_formula_of_the_code():
    side, gamma = 7, 0.9
    weights = losses.discount(side, gamma)
    for i in range(side):
        for j in range(side):
            expected = max(gamma ** min(i, side - i), gamma ** min(j, side - j))
            assert float(weights[i, j]) == pytest.approx(expected, rel=1e-6)
    assert bool((losses.discount(5, 1.0) == 1).all())


def vgg_file(folder):
    torch.manual_seed(0)
    layers = make_layers(cfgs["E"])[: losses.VGG_LAYERS]
    path = folder / "vgg.pth"
    torch.save({f"features.{key}": value for key, value in layers.state_dict().items()}, path)
    return path, layers


def test_perceptual_is_the_distance_of_features(tmp_path):
    path, layers = vgg_file(tmp_path)
    distance = losses.Perceptual(str(path))
    a, b = torch.rand(1, 3, 32, 32) * 2 - 1, torch.rand(1, 3, 32, 32) * 2 - 1
    mean, sd = (torch.tensor(x).view(3, 1, 1) for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        expected = (layers((a / 2 + 0.5 - mean) / sd) - layers((b / 2 + 0.5 - mean) / sd)).abs().mean()
    assert float(distance(a, b)) == pytest.approx(float(expected), rel=1e-4)
    assert distance(a, a) == 0
    assert isinstance(distance.features[-1], nn.ReLU)
    assert distance.features[-2].out_channels == 512


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_perceptual_tells_of_a_wrong_file(tmp_path, content):
    path = tmp_path / "vgg.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"vgg\.pth is not VGG-19"):
        losses.Perceptual(str(path))
    with pytest.raises(UserError, match=r"absent\.pth cannot be read"):
        losses.Perceptual(str(tmp_path / "absent.pth"))
