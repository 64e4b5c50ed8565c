import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from baselines import wgan


def box_hole(count: int = 2, side: int = 8) -> torch.Tensor:
    hole = torch.zeros(count, 1, side, side, dtype=torch.bool)
    hole[..., 2:6, 1:5] = True
    return hole


def linear(weight: torch.Tensor):
    return lambda x: (x * weight).flatten(1).sum(dim=1)


def test_wasserstein_and_adversarial():
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([-1.0, 0.0])
    assert wgan.wasserstein(real, fake) == pytest.approx(-2.5)
    assert wgan.adversarial(fake) == pytest.approx(0.5)


def test_interpolation_is_per_image():
    t = torch.tensor([0.0, 0.25, 1.0]).view(3, 1, 1, 1)
    point = wgan.interpolate(torch.zeros(3, 3, 2, 2), torch.ones(3, 3, 2, 2), t)
    assert torch.equal(point, t.expand_as(point))


def test_penalty_of_a_unit_gradient_in_the_hole_is_zero():
    hole = box_hole()
    weight = hole / (3 * hole[0].sum()).sqrt()
    assert wgan.gradient_penalty(linear(weight), torch.rand(2, 3, 8, 8), hole) == pytest.approx(0, abs=1e-10)


@given(scale=st.floats(0.01, 5), outside=st.floats(-100, 100))
def test_penalty_of_a_linear_critic(scale, outside):
    hole = box_hole()
    weight = torch.where(hole, scale, outside).expand(-1, 3, -1, -1)
    norm = scale * (3 * 16) ** 0.5
    penalty = wgan.gradient_penalty(linear(weight), torch.rand(2, 3, 8, 8), hole)
    assert float(penalty) == pytest.approx((norm - 1) ** 2, rel=1e-4, abs=1e-5)
    everywhere = ((3 * 16) * scale**2 + (3 * 48) * outside**2) ** 0.5
    full = wgan.gradient_penalty(linear(weight), torch.rand(2, 3, 8, 8), None)
    assert float(full) == pytest.approx((everywhere - 1) ** 2, rel=1e-4, abs=1e-5)


def test_penalty_of_a_quadratic_critic():
    # D(x) = |x|^2 / 2 has the gradient x: the penalty is the mean of (|x| - 1)^2 over images, not over the batch's sum.
    x, hole = torch.rand(2, 3, 8, 8), box_hole()
    penalty = wgan.gradient_penalty(lambda x: x.square().flatten(1).sum(dim=1) / 2, x, hole)
    norms = (x * hole).flatten(1).norm(dim=1)
    assert float(penalty.detach()) == pytest.approx(float((norms - 1).square().mean()), rel=1e-5)


def test_penalty_trains_the_critic_and_not_the_picture():
    critic = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Tanh(), nn.Flatten(), nn.Linear(72, 1))
    x = torch.rand(2, 3, 8, 8, requires_grad=True)
    wgan.gradient_penalty(critic, x, box_hole()).backward()
    assert critic[0].weight.grad.abs().sum() > 0
    assert x.grad is None


def test_penalty_at_a_zero_gradient_is_one_and_trains_without_nan():
    weight = torch.zeros(1, 3, 8, 8, requires_grad=True)
    penalty = wgan.gradient_penalty(linear(weight), torch.rand(2, 3, 8, 8), box_hole())
    penalty.backward()
    assert penalty == 1
    assert torch.isfinite(weight.grad).all()


def test_clipping():
    layer = nn.Linear(4, 4)
    before = layer.weight.clone()
    wgan.clip_weights(layer.parameters(), 0.01)
    assert torch.equal(layer.weight, before.clamp(-0.01, 0.01))
    assert layer.bias.abs().max() <= 0.01
