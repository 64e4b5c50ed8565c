import torch
from torch.optim import Adam

from bench.methods.base import DataFacts
from bench.methods.catalog import find
from bench.methods.settings import DEFAULT, overrides
from bench.runs.building import build_method
from bench.speed import training


def raced(calls, quick):
    for call in calls.values():
        call()
    return dict(zip(calls, (2.0, 10.0), strict=True))


def test_both_train_the_same_networks(monkeypatch):
    monkeypatch.setattr(training, "race", raced)
    found = training._row(find()["fang2021"], "smoke", training.noise(64), "cpu", {}, quick=True)
    assert found.subject == "fang2021"
    assert "64², adversarial" in found.size
    assert (found.ratio, found.peer) == (5, training.PORT)
    assert found.note == "500.00 and 100.00 steps a second"
    assert found.agreement < 1e-4


def test_the_networks_learn_while_they_are_timed():
    entry, train = find()["fang2021"], training.noise(64)
    values = overrides(entry.description(), "smoke", DEFAULT)
    stage = build_method(entry, values, DataFacts(64, 8), 0).stages()[-1]
    port = training.as_port(stage, train, torch.device("cpu"))
    before = [weight.clone() for weight in port.weights()]
    port.steps(2)
    assert port.taken == 2
    assert all(not torch.equal(a, b) for a, b in zip(before, port.weights(), strict=True) if a.dim() > 1)


def test_a_ports_optimiser_is_not_fused_and_updates_alike():
    weights = [torch.ones(3, requires_grad=True) for _ in range(2)]
    for weight in weights:
        weight.grad = torch.tensor([1.0, -2.0, 3.0])
    fused = Adam([weights[0]], 0.1, (0.5, 0.9), fused=True)
    other = training.plain(Adam([weights[1]], 0.1, (0.5, 0.9), fused=True))
    assert other.param_groups[0]["fused"] is None
    assert other.param_groups[0]["betas"] == (0.5, 0.9)
    fused.step()
    other.step()
    assert torch.allclose(weights[0], weights[1], atol=1e-6)
