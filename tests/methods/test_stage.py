"""What a stage's helpers do, against the same written out by hand."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bench.contract.methods import Subject
from bench.masks.center import Center
from bench.methods.base import Stage
from bench.methods.catalog import find


class Toy(Stage):
    """A generator of 4 numbers and a discriminator of them."""

    name, steps, batch_size, holes = "toy", 10, 3, Center()

    def __init__(self):
        torch.manual_seed(0)
        self.networks = {"generator": nn.Linear(2, 4), "discriminator": nn.Linear(4, 1)}
        self.optimizers = {name: torch.optim.Adam(net.parameters(), 0.1) for name, net in self.networks.items()}

    def step(self, feed):
        return {}


@pytest.fixture
def stage():
    return Toy()


def weights(stage):
    return [weight.detach().clone() for network in stage.networks.values() for weight in network.parameters()]


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_minimise_is_the_loop_by_hand(stage):
    other, x = copy.deepcopy(stage), torch.randn(3, 2)
    adam = torch.optim.Adam(other.networks["generator"].parameters(), 0.1)
    for _ in range(3):
        found = stage.minimise("generator", stage.networks["generator"](x).square().mean())
        loss = other.networks["generator"](x).square().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        assert torch.equal(found, loss)
        assert not found.requires_grad
    assert same(weights(stage), weights(other))


def test_gradients_of_earlier_losses_do_not_count(stage):
    other, x = copy.deepcopy(stage), torch.randn(3, 2)
    stage.networks["generator"](x).sum().backward()
    for one in (stage, other):
        one.minimise("generator", one.networks["generator"](x).square().mean())
    assert same(weights(stage), weights(other))
    assert all(weight.grad.abs().sum() > 0 for weight in stage.networks["generator"].parameters())


def test_minimise_sum_returns_the_terms_and_their_sum(stage):
    other, x = copy.deepcopy(stage), torch.randn(3, 2)
    y = stage.networks["generator"](x)
    found = stage.minimise_sum("generator", {"far": (y - 1).abs().mean(), "large": 0.5 * y.square().mean()})
    z = other.networks["generator"](x)
    far, large = (z - 1).abs().mean(), 0.5 * z.square().mean()
    other.minimise("generator", far + large)
    assert list(found) == ["far", "large", "generator"]
    assert [float(value) for value in found.values()] == [float(far), float(large), float(far + large)]
    assert not any(value.requires_grad for value in found.values())
    assert same(weights(stage), weights(other))


def test_a_frozen_network_passes_gradients_on_and_gets_none(stage):
    discriminator = stage.networks["discriminator"]
    discriminator.bias.requires_grad_(False)
    with stage.frozen("discriminator"):
        score = discriminator(stage.networks["generator"](torch.randn(3, 2))).sum()
    score.backward()
    assert all(weight.grad is None for weight in discriminator.parameters())
    assert all(weight.grad.abs().sum() > 0 for weight in stage.networks["generator"].parameters())
    assert [weight.requires_grad for weight in discriminator.parameters()] == [True, False]


def test_a_network_thaws_after_an_error(stage):
    with pytest.raises(ZeroDivisionError), stage.frozen("discriminator", "generator"):
        _ = 1 / 0
    assert all(weight.requires_grad for network in stage.networks.values() for weight in network.parameters())


def rates(stage):
    return {name: [group["lr"] for group in one.param_groups] for name, one in stage.optimizers.items()}


def test_learning_rates_of_all_or_of_some(stage):
    stage.optimizers["generator"].add_param_group({"params": [nn.Parameter(torch.zeros(1))]})
    stage.set_learning_rate(0.5)
    assert rates(stage) == {"generator": [0.5, 0.5], "discriminator": [0.5]}
    stage.set_learning_rate(0.25, "discriminator")
    assert rates(stage) == {"generator": [0.5, 0.5], "discriminator": [0.25]}


def test_a_learning_rate_holds_from_the_next_update_on(stage):
    before = stage.networks["generator"].bias.detach().clone()
    stage.set_learning_rate(0.0)
    stage.minimise("generator", F.mse_loss(stage.networks["generator"](torch.ones(3, 2)), torch.zeros(3, 4)))
    assert torch.equal(stage.networks["generator"].bias, before)


@pytest.mark.parametrize("key", list(find().entries))
def test_one_role_has_one_name(key):
    method = Subject(find()[key]).build()
    names = [*method.networks()]
    for stage in method.stages():
        names += [*stage.networks, *stage.optimizers]
    strange = [name for name in names if any(word in name for word in ("critic", "adversary", "judge"))]
    assert not strange, f"{key}: the role is called discriminator, not {strange[0]}"
