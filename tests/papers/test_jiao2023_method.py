"""What is this paper's own: gated rows, skip connections, spectral normalisation, what the discriminators see."""

import copy

import pytest
import torch
from torch import nn
from watched import SameBatch

from baselines.gated import Gated
from baselines.glcic.method import METHOD as GLCIC
from baselines.glcic.networks import Branch, DiscriminatorStyle
from baselines.glcic.settings import GlcicSettings
from bench.masks.geometry import box_crop, window
from bench.methods.base import DataFacts
from bench.training import checkpoint
from papers.jiao2023.method import METHOD
from papers.jiao2023.settings import JiaoSettings

TINY = {"width": 4, "critic_width": 2, "batch_size": 4, "completion_steps": 2, "critic_steps": 2, "joint_steps": 4}
SIDE = 32


def tiny(**changes):
    torch.manual_seed(0)
    return METHOD(JiaoSettings(**(TINY | changes)), DataFacts(SIDE, 16))


def parameters(network):
    return sum(weight.numel() for weight in network.parameters())


def full_size(**changes):
    """The networks at 160x160, without memory for their weights."""
    with torch.device("meta"):
        return METHOD(JiaoSettings(**changes), DataFacts(160, 16)).networks()


# ----------------------------------------------------------------------------------------------- the completion network


@pytest.mark.parametrize(
    ("gated", "expected", "rows"),
    [
        ("none", 6_072_131, []),
        ("table", 6_300_035, [1, 2, 3]),
        ("text", 7_269_219, [1, 2, 4, 13, 14, 15, 16]),
        ("updown", 8_596_963, [1, 2, 3, 4, 5, 6, 13, 14, 15, 16]),
        ("all", 12_137_443, list(range(1, 17))),
    ],
)
def test_gated_rows(gated, expected, rows):
    """J-1. A gated row has its convolution twice, weights and biases; normalisation is there once."""
    network = full_size(gated=gated)["generator"]
    assert parameters(network) == expected
    found = [n for n, row in enumerate(network.rows, 1) if any(isinstance(part, Gated) for part in row.modules())]
    assert found == rows
    assert isinstance(network.colours, nn.Conv2d)


def test_rows_of_table_1_one_by_one():
    counts = [parameters(row) for row in full_size()["generator"].rows]
    middle = 8 * [590_592]
    assert counts == [13_056, 147_968, 295_424, 295_680, *middle, 524_672, 147_840, 131_264, 18_528]
    assert parameters(full_size()["generator"].colours) == 867


def test_without_gates_it_has_glcic_s_size():
    with torch.device("meta"):
        other = GLCIC(GlcicSettings(), DataFacts(160, 16)).networks()["generator"]
    mine = full_size(gated="none")["generator"]
    assert [tuple(w.shape) for w in mine.parameters()] == [tuple(w.shape) for w in other.parameters()]


def test_concatenation_s_extra_weights():
    """J-3: row 14 takes 256 channels, row 16 takes 128; nothing else changes, and adding costs nothing."""
    counts = {
        skips: [parameters(row) for row in full_size(skips=skips)["generator"].rows]
        for skips in ("none", "add", "concat")
    }
    assert counts["none"] == counts["add"]
    extra = [more - less for more, less in zip(counts["concat"], counts["add"], strict=True)]
    assert extra == [0] * 13 + [147_456, 0, 18_432]


@pytest.mark.parametrize("order", ["gate_first", "activation_first"])
def test_order_of_a_gated_row(order):
    """J-4."""
    row = tiny(gate_order=order).networks()["generator"].rows[1]
    kinds = [type(part).__name__ for part in row]
    assert kinds == (["Gated", "BatchNorm2d", "LeakyReLU"] if order == "gate_first" else ["Gated", "BatchNorm2d"])
    assert type(row[0].activation).__name__ == ("Identity" if order == "gate_first" else "LeakyReLU")


def test_without_normalisation():
    for gated in ("table", "all"):
        parts = tiny(norm=False, gated=gated).networks()["generator"].modules()
        assert not any(isinstance(part, nn.BatchNorm2d) for part in parts)


# -------------------------------------------------------------------------------------------------- the discriminators


@pytest.mark.parametrize(("fc_in", "sizes"), [("flatten", (22_136_000, 15_581_888)), ("gap", (17_941_696, 11_387_584))])
def test_discriminator_parameters(fc_in, sizes):
    """J-9: 37 719 937 with all features, 29 331 329 with the 512 as printed."""
    judge = full_size(fc_in=fc_in)["discriminator"]
    assert (parameters(judge.whole), parameters(judge.part), parameters(judge.verdict)) == (*sizes, 2049)
    assert parameters(judge) == sum(sizes) + 2049 == {"flatten": 37_719_937, "gap": 29_331_329}[fc_in]
    assert {branch.dense[0].in_features for branch in (judge.whole, judge.part)} == {
        4608 if fc_in == "flatten" else 512
    }


@pytest.mark.parametrize(
    ("side", "layers", "expected"),
    [(80, 5, 15_581_888), (64, 5, 12_960_448), (128, 5, 19_251_904), (256, 6, 25_806_016)],
)
def test_branches_of_other_sizes(side, layers, expected):
    with torch.device("meta"):
        assert parameters(Branch(4, side, layers, DiscriminatorStyle(norm="spectral"))) == expected


def test_spectral_normalisation_brings_the_largest_singular_value_to_1():
    """On the convolutions, and on nothing else (§3.4); it takes some passes, one power iteration each."""
    judge = tiny().networks()["discriminator"]
    layers = [one for one in judge.modules() if isinstance(one, nn.Conv2d)]
    assert len(layers) == 11
    assert [nn.utils.parametrize.is_parametrized(one) for one in judge.modules() if isinstance(one, nn.Linear)] == 3 * [
        False
    ]
    with torch.no_grad():
        for one in layers:
            one.parametrizations.weight.original.mul_(7.0)
        for _ in range(200):
            judge(torch.rand(1, 4, SIDE, SIDE), torch.rand(1, 4, 19, 19))
        judge.eval()
        for one in layers:
            values = torch.linalg.svdvals(one.weight.flatten(1))
            assert abs(float(values[0]) - 1) < 1e-3
    plain = tiny(critic_norm="none").networks()["discriminator"]
    assert not any(nn.utils.parametrize.is_parametrized(one) for one in plain.modules())


def test_a_checkpoint_keeps_spectral_normalisation_bit_for_bit(tmp_path):
    """Its vectors are part of the state: with them training goes on with the same bits, with fresh ones it does not."""
    method = tiny()
    stage = method.stages()[2]
    for _ in range(2):
        stage.step(SameBatch(stage))
    state = {name: network.state_dict() for name, network in method.networks().items()}
    kept = [name for name in state["discriminator"] if name.endswith(("_u", "_v"))]
    assert len(kept) == 22
    path = checkpoint.save(tmp_path, "state", copy.deepcopy(state))

    def gone_on(forget=False):
        again = tiny()
        loaded = checkpoint.load(path)
        if forget:
            fresh = again.networks()["discriminator"].state_dict()
            loaded["discriminator"].update({name: fresh[name] for name in kept})
        for name, network in again.networks().items():
            network.load_state_dict(loaded[name])
        new = again.stages()[2]
        scalars = new.step(SameBatch(new))
        return scalars, {name: network.state_dict() for name, network in again.networks().items()}

    new = method.stages()[2]
    straight = new.step(SameBatch(new))
    scalars, networks = gone_on()
    assert all(torch.equal(value, scalars[name]) for name, value in straight.items())
    for name, network in method.networks().items():
        assert all(torch.equal(value, networks[name][key]) for key, value in network.state_dict().items()), name
    assert not torch.equal(gone_on(forget=True)[0]["discriminator"], straight["discriminator"])


def test_what_the_discriminators_see():
    """J-8, J-10, J-15: the composite and the hole; the same hole and place for a true picture."""
    stage = tiny().stages()[2]
    judge, seen = stage.networks["discriminator"], []
    judge.register_forward_hook(lambda layer, inside, out: seen.append([one.detach() for one in inside]))
    feed = SameBatch(stage)
    image, hole = feed.drawn
    with torch.no_grad():
        result = stage.filled(feed.drawn)
    stage.step(feed)
    pasted = torch.where(hole, result, image)
    for (whole, part), picture in zip(seen[:2], (image, pasted), strict=True):
        expected = torch.cat([picture, hole.float()], dim=1)
        assert torch.equal(whole, expected)
        assert torch.equal(part, box_crop(expected, *window(hole, 19), 19))
    assert len(seen) == 3  # true, filled, and the filled again for the completion network


def test_the_printed_optimiser():
    """J-18: no momentum, no decay."""
    stage = tiny().stages()[2]
    for optimizer in stage.optimizers.values():
        (group,) = optimizer.param_groups
        assert (type(optimizer).__name__, group["lr"], group["momentum"], group["weight_decay"]) == ("SGD", 1e-3, 0, 0)
    weights = [weight.detach().clone() for weight in stage.networks["generator"].parameters()]
    stage.step(SameBatch(stage))
    for weight, old in zip(stage.networks["generator"].parameters(), weights, strict=True):
        assert torch.allclose(weight, old - 1e-3 * weight.grad)
