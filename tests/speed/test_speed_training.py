import re

import pytest
import torch
from cards import DEVICES
from torch.optim import Adam

from bench.methods.base import DataFacts, TrainedSettings
from bench.methods.catalog import find
from bench.methods.settings import DEFAULT, overrides
from bench.runs.building import build_method
from bench.speed import roof, training


def raced(calls, quick):
    for call in calls.values():
        call()
    return dict(zip(calls, (2.0, 10.0), strict=True))


@pytest.fixture
def timed(monkeypatch):
    monkeypatch.setattr(training, "race", raced)
    monkeypatch.setattr(roof, "_flops_per_ms", lambda device, precision: ROOFS[precision])


ROOFS = {torch.float32: {"product": 4e9, "convolution": 2e9}, torch.bfloat16: {"product": 1e9, "convolution": 8e9}}


def test_both_train_the_same_networks(timed, monkeypatch):
    monkeypatch.setattr(roof, "flops", lambda work: 1e9)
    found = training._row(find()["fang2021"], "smoke", "cpu", "", quick=True)
    assert found.subject == "fang2021"
    assert "64², adversarial" in found.size
    assert (found.ratio, found.peer) == (5, training.PORT)
    assert found.note == "500.00 and 100.00 steps a second, 12.5 % of the roof"
    assert found.agreement < 1e-4


def test_bfloat16_is_weighed_against_its_own_roof_and_agrees_to_its_digits(timed, monkeypatch):
    monkeypatch.setattr(roof, "flops", lambda work: 1e9)
    found = training._row(find()["context_encoder"], "smoke", "cpu", "bf16", quick=True)
    assert found.subject == "context_encoder bf16"
    assert found.note.endswith(", 6.2 % of the roof")
    assert 1e-3 < found.agreement < 0.5


@pytest.mark.slow
def test_every_trained_method_agrees_with_float32_in_each_way(timed, monkeypatch):
    rows, scales = training._row, []

    def small(entry, scale, kind, way, quick):
        scales.append(scale)
        return rows(entry, "smoke", kind, way, quick)

    monkeypatch.setattr(training, "_row", small)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = {row.subject: row.agreement for row in training.rows(quick=False)}
    torch._dynamo.reset()
    trained = [key for key, entry in find().entries.items() if issubclass(entry.load().settings_class, TrainedSettings)]
    assert len(trained) >= 12
    assert set(scales) == {"quick", "smoke"}
    for key in trained:
        assert 0 < found[f"{key} bf16"] < 0.7, key
        # Traced, the arithmetic is that of plain float32, which itself is apart from the port's by rounding.
        assert found[f"{key} compiled"] < max(1e-4, 1.01 * found.get(key, 0)), key


@pytest.mark.slow
@pytest.mark.parametrize("device", DEVICES)
def test_a_method_is_timed_compiled_and_in_bfloat16_on_each_device(device):
    """Nothing faked; on a card with torch's own compiler, on a processor traced only."""
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()  # other tests of this process compile, too
    found = training._row(find()["context_encoder"], "smoke", device, "bf16, compiled", quick=True)
    frames = torch._dynamo.utils.counters["frames"]
    torch._dynamo.reset()
    assert frames["ok"] == frames["total"] > 0
    assert 1e-3 < found.agreement < 0.5
    assert found.ours_ms > 0
    assert found.peer_ms > 0
    share = float(re.search(r", (\d+\.\d) % of the roof", found.note)[1])
    assert 0 < share < 100
    plain, half = roof.rows(device)
    assert plain.ours_ms > 0
    assert half.ours_ms > 0


def test_the_operations_of_a_step_are_counted_with_their_gradients(monkeypatch):
    weight, image = torch.ones(4, 3, 3, 3, requires_grad=True), torch.ones(2, 3, 8, 8, requires_grad=True)
    once = 2 * 2 * 8 * 8 * 4 * 3 * 9  # a multiplication and an addition; images, places, channels out and in, taps
    assert roof.flops(lambda: torch.nn.functional.conv2d(image, weight, padding=1)) == once
    assert roof.flops(lambda: torch.nn.functional.conv2d(image, weight, padding=1).sum().backward()) == 3 * once


def test_the_roof_is_the_faster_of_product_and_convolution(monkeypatch):
    roof._flops_per_ms.cache_clear()
    monkeypatch.setitem(roof.SIZES, "cpu", roof.Sizes(8, 1, 2))
    monkeypatch.setattr(roof, "race", lambda calls, quick: {name: call() or 2.0 for name, call in calls.items()})
    product, convolution = 2 * 8**3 / 2, 2 * 64 * 64 * 2 * 2 * 9 / 2
    assert roof._flops_per_ms("cpu", torch.float32) == {"product": product, "convolution": convolution}
    assert roof.share(convolution, 1.0, "cpu", torch.float32) == 1
    assert roof.share(convolution, 4.0, "cpu", torch.float32) == 0.25
    monkeypatch.setattr(roof, "_megabytes_per_ms", lambda device: 3.0)
    (plain, half) = roof.rows("cpu")
    assert (plain.subject, plain.ours_ms) == ("roof, float32", 2.0)
    assert plain.note.endswith("copying: 3.0 GB/s")
    assert half.subject == "roof, bfloat16"
    roof._flops_per_ms.cache_clear()


def test_apart_as_a_share_of_their_size():
    theirs = {"loss": torch.tensor(-0.02), "gradients of net": torch.tensor([3.0, 4.0])}
    ours = {"loss": torch.tensor(-0.021), "gradients of net": torch.tensor([3.0, 5.0])}
    assert training.apart(ours, theirs) == pytest.approx(0.2)
    assert training.apart(ours | {"gradients of net": torch.tensor([3.0, 4.0])}, theirs) == pytest.approx(0.05)
    assert training.apart(theirs, theirs) == 0


def test_the_first_step_tells_losses_and_the_gradients_of_every_network():
    stage = training._method(find()["context_encoder"], "smoke", {}, 64).stages()[-1]
    found = training.as_port(stage, training.noise(64), torch.device("cpu")).first()
    networks = {name: sum(one.numel() for one in network.parameters()) for name, network in stage.networks.items()}
    assert {f"gradients of {name}": (size,) for name, size in networks.items()}.items() <= {
        name: tuple(value.shape) for name, value in found.items()
    }.items()
    assert {"reconstruction", "discriminator"} <= found.keys()


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
