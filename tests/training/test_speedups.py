import pytest
import torch
from cards import DEVICES
from torch import nn
from toy import noise, toy

from baselines.latent.training import WassersteinStage
from bench.contract.methods import Subject, penalised_networks_are_named
from bench.methods.base import DataFacts, TrainedSettings
from bench.methods.catalog import find
from bench.methods.settings import DEFAULT, overrides
from bench.runs.building import build_method
from bench.training import speedups
from bench.training.device import open_fabric
from bench.training.feed import TrainingFeed
from bench.training.loop import Training
from bench.training.options import Options
from bench.training.speedups import sped_up, told

CPU = torch.device("cpu")
IMAGE = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def quick_compiler(monkeypatch):
    """Traces and differentiates as torch.compile does, but makes no machine code."""
    monkeypatch.setattr(speedups, "BACKEND", "aot_eager")
    yield
    torch._dynamo.reset()


def stage_of(network):
    stage = toy().stages()[0]
    stage.networks = {"net": network}
    return stage


def test_bfloat16_is_used_within_and_only_there():
    network = nn.Conv2d(3, 3, 3)
    stage, plain = stage_of(network), network(IMAGE)
    with sped_up(stage, TrainedSettings(precision="bf16"), CPU):
        with torch.autocast("cpu", torch.bfloat16):
            expected = nn.functional.conv2d(IMAGE, network.weight, network.bias)
        found = network(IMAGE)
        assert expected.dtype == torch.bfloat16
        assert torch.equal(found, expected.float())
        assert network.weight.dtype == torch.float32
    assert torch.equal(network(IMAGE), plain)
    assert not torch.equal(found, plain)


def test_results_of_any_shape_come_back_as_float32():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 1, 1)

        def forward(self, image):
            return self.conv(image), {"count": torch.tensor(3)}

    network = Two()
    with sped_up(stage_of(network), TrainedSettings(precision="bf16"), CPU):
        image, facts = network(IMAGE)
    assert image.dtype == torch.float32
    assert facts["count"].dtype == torch.int64


def test_float32_changes_nothing():
    network = nn.Conv2d(3, 3, 3)
    stage, plain = stage_of(network), network(IMAGE)
    with sped_up(stage, TrainedSettings(), CPU):
        assert torch.equal(network(IMAGE), plain)
        assert "forward" not in vars(network)
    assert told(stage, TrainedSettings()) == {}


def test_a_penalised_network_is_not_compiled(quick_compiler):
    stage = toy().stages()[0]
    critic = nn.Conv2d(3, 1, 1)
    stage.networks = stage.networks | {"critic": critic}
    stage.penalised = frozenset({"critic"})
    how = TrainedSettings(compiled=True)
    with sped_up(stage, how, CPU):
        assert stage.networks["net"]._compiled_call_impl is not None
        assert critic._compiled_call_impl is None
        stage.networks["net"](IMAGE)
    assert stage.networks["net"]._compiled_call_impl is None
    assert told(stage, how)["compiled"] == ["net"]


def trained(folder, entry, changes):
    facts, train = DataFacts(64, 16), noise(16, 64)
    values = overrides(entry.description(), "smoke", DEFAULT) | changes
    events = []
    training = Training(folder, build_method(entry, values, facts, 0), train, 0, open_fabric("cpu"))
    training.run(Options(), lambda *_: None, lambda event, facts: events.append((event, facts)))
    return training.scalars.rows, dict(events).get("sped up")


def test_a_wgan_with_gradient_penalty_trains_compiled(quick_compiler, tmp_path):
    """torch.compile cannot differentiate twice: without `penalised` this training would stop."""
    entry = find()["chandak2019"]
    plain, silent = trained(tmp_path / "plain", entry, {})
    compiled, said = trained(tmp_path / "compiled", entry, {"compiled": True})
    assert silent is None
    assert said is not None
    assert [row[:3] for row in plain] == [row[:3] for row in compiled]
    assert [row[3] for row in compiled] == pytest.approx([row[3] for row in plain], rel=1e-3, abs=1e-4)


def test_bfloat16_trains_and_moves_numbers_a_little(tmp_path):
    entry = find()["chandak2019"]
    plain, _ = trained(tmp_path / "plain", entry, {})
    half, said = trained(tmp_path / "half", entry, {"precision": "bf16"})
    assert said["precision"] == "bf16"
    assert half[0][3] != plain[0][3]
    assert half[0][3] == pytest.approx(plain[0][3], rel=0.1, abs=0.05)


def test_the_contract_finds_an_unnamed_penalty(monkeypatch):
    entry = find()["chandak2019"]
    penalised_networks_are_named(Subject(entry))
    monkeypatch.setattr(WassersteinStage, "penalised", frozenset())
    with pytest.raises(
        AssertionError, match="stage 'wgan' differentiates a gradient of discriminator, generator again"
    ):
        penalised_networks_are_named(Subject(entry))


@pytest.mark.parametrize("device", DEVICES)
def test_images_kept_on_the_device_are_the_same_bits(device):
    stage = toy().stages()[0]
    usual, kept = (TrainingFeed(stage, noise(), 0, torch.device(device), resident=one) for one in (False, True))
    assert usual._resident is None
    if device == "cpu":
        kept._resident = torch.from_numpy(noise().pixels)
    assert kept._resident.device.type == device
    for _ in range(5):
        (image, hole), (same, its_hole) = usual.batch(), kept.batch()
        assert image.device.type == device
        assert torch.equal(image, same)
        assert torch.equal(hole, its_hole)
