import torch
from torch import nn

from baselines.elu import ELU


def test_it_is_torchs_elu_with_its_gradient():
    x = torch.cat([torch.linspace(-30, 30, 997), torch.tensor([0.0, -0.0, -1e-8, 1e-8])]).requires_grad_()
    ours, theirs = ELU()(x), nn.ELU()(x)
    assert torch.allclose(ours, theirs, rtol=0, atol=1.2e-7)
    weight = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    (mine,), (other,) = (torch.autograd.grad((value * weight).sum(), x) for value in (ours, theirs))
    assert torch.allclose(mine, other, rtol=0, atol=5e-7)


def test_its_gradient_can_be_differentiated_again():
    x = torch.tensor([-2.0, -0.3, 0.4], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(ELU(), x)


def test_what_is_not_finite_stays_so():
    x = torch.tensor([float("nan"), float("inf"), -float("inf")])
    assert torch.equal(ELU()(x)[1:], torch.tensor([float("inf"), -1.0]))
    assert ELU()(x)[0].isnan()
