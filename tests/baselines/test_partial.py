import numpy as np
import pytest
import torch
from torch.nn import functional as F

from baselines.partial import PartialConv


def layer(*arguments, **options):
    torch.manual_seed(0)
    return PartialConv(*arguments, **options)


def some(count=2, planes=1, side=9, share=0.5):
    generator = torch.Generator().manual_seed(3)
    return (torch.rand(count, planes, side, side, generator=generator) < share).float()


def naive(x, known, weight, bias, stride, full):
    """Liu et al. 2018, Eqs. (1) and (2), place by place in double precision; `known` has a plane for each channel."""
    reach, kernel = weight.shape[-1] // 2, weight.shape[-1]
    border = ((0, 0), (0, 0), (reach, reach), (reach, reach))
    x, known = (np.pad(np.asarray(v, dtype=np.float64), border) for v in (x, known))
    side = (x.shape[-1] - kernel) // stride + 1
    result, seen = np.zeros((len(x), len(weight), side, side)), np.zeros((len(x), 1, side, side))
    for n, i, j in np.ndindex(len(x), side, side):
        window = np.s_[n, :, i * stride : i * stride + kernel, j * stride : j * stride + kernel]
        count = known[window].sum()
        if count:
            products = weight.detach().double().numpy() * (x[window] * known[window])
            result[n, :, i, j] = products.sum((1, 2, 3)) * full / count + bias
            seen[n, 0, i, j] = 1
    return result, seen


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (5, 2), (7, 2)])
@pytest.mark.parametrize("renormalise", ["window", "sum"])
def test_equations_place_by_place(kernel, stride, renormalise):
    conv = layer([2, 3], 4, kernel, stride, bias=True, renormalise=renormalise)
    torch.nn.init.normal_(conv.bias)
    x, known = torch.randn(2, 5, 9, 9), some(planes=2, share=0.15)
    result, seen = conv(x, known)
    each = torch.cat([known[:, :1].expand(-1, 2, -1, -1), known[:, 1:].expand(-1, 3, -1, -1)], dim=1)
    full = kernel**2 * 5 if renormalise == "window" else 1
    expected, expected_seen = naive(x, each, conv.weight, conv.bias.detach().double().numpy(), stride, full)
    assert np.allclose(result.detach().numpy(), expected, atol=1e-5)
    assert np.array_equal(seen.numpy(), expected_seen)


def test_a_mask_by_hand():
    # One known place of 5x5: the kernel meets it from the 3x3 places around it, and nowhere else.
    known, x = torch.zeros(1, 1, 5, 5), torch.full((1, 1, 5, 5), 100.0)
    known[..., 1, 2], x[..., 1, 2] = 1, 2.0
    conv = layer([1], 1, 3)
    torch.nn.init.ones_(conv.weight)
    result, seen = conv(x, known)
    expected = torch.tensor([[0, 1, 1, 1, 0]] * 3 + [[0, 0, 0, 0, 0]] * 2).float()
    assert torch.equal(seen[0, 0], expected)
    # 2, times 9 places over 1 known one.
    assert torch.equal(result[0, 0], 18 * expected)
    again = layer([1], 1, 3)(result, seen)[1]
    assert torch.equal(again[0, 0], torch.tensor([[1.0] * 5] * 4 + [[0.0] * 5]))


def test_all_known_it_is_a_plain_convolution_but_for_the_border():
    conv, x = layer([3], 4, 3), torch.randn(1, 3, 8, 8)
    result, seen = conv(x, torch.ones(1, 1, 8, 8))
    plain = F.conv2d(x, conv.weight, padding=1)
    assert torch.equal(result[..., 1:-1, 1:-1], plain[..., 1:-1, 1:-1])
    # What lies outside counts as unknown: 6 of 9 places at an edge, 4 at a corner.
    assert torch.allclose(result[..., 0, 1:-1], plain[..., 0, 1:-1] * 9 / 6, atol=1e-6)
    assert torch.allclose(result[..., -1, -1], plain[..., -1, -1] * 9 / 4, atol=1e-6)
    assert seen.all()


def test_a_constant_stays_one_whatever_is_known():
    conv = layer([2], 1, 5, 2)
    torch.nn.init.constant_(conv.weight, 1 / 50)
    result, seen = conv(torch.full((2, 2, 9, 9), 0.7), some(share=0.1))
    assert 0 < seen.mean() < 1
    assert torch.allclose(result, 0.7 * seen, atol=1e-6)


def test_unknown_values_have_no_influence_and_get_no_gradient():
    conv, known = layer([2], 3, 3, bias=True), some()
    x = torch.randn(2, 2, 9, 9, requires_grad=True)
    other = torch.where(known.bool(), x, 1e6 * torch.randn(2, 2, 9, 9))
    result, _ = conv(x, known)
    assert torch.equal(result, conv(other, known)[0])
    result.square().sum().backward()
    assert (x.grad * (1 - known) == 0).all()
    assert x.grad.abs().sum() > 0


def test_nothing_known_gives_zero_even_with_a_bias():
    conv = layer([1], 2, 3, bias=True)
    torch.nn.init.ones_(conv.bias)
    result, seen = conv(torch.randn(1, 1, 6, 6), torch.zeros(1, 1, 6, 6))
    assert not result.any()
    assert not seen.any()


def test_counts_are_exact_under_bfloat16():
    conv, known = layer([257], 1, 3), torch.ones(1, 1, 5, 5)
    with torch.autocast("cpu", torch.bfloat16):
        share = conv._share(known)
    assert torch.equal(share[0, 0, 1:-1, 1:-1], torch.ones(3, 3))


def test_its_state_is_weights_alone():
    assert set(layer([3], 4, 3).state_dict()) == {"weight"}
