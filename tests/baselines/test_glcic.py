"""GLCIC: layer tables by hand, losses by closed forms, phases by what they change."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss
from watched import Recorder, SameBatch, copied, same

from baselines.glcic.method import METHOD
from baselines.glcic.networks import (
    SIZES,
    Branch,
    CompletionNetwork,
    Discriminator,
    DiscriminatorStyle,
    Style,
    halved,
)
from baselines.glcic.settings import GlcicSettings
from baselines.glcic.training import HOLES, entered, part_side
from bench.masks.geometry import box_crop, window
from bench.methods.base import Batch, DataFacts, fill
from bench.paper import read_paper
from bench.util.errors import UserError
from bench.util.seeds import Chance

PAPER = read_paper(Path(__file__).resolve().parents[2] / "baselines" / "glcic" / "paper.toml")
TINY = {"width": 4, "critic_width": 2, "batch_size": 4, "completion_steps": 3, "critic_steps": 2, "joint_steps": 4}
SIDE = 32
MEAN = (0.2, 0.5, 0.7)


def tiny(**changes):
    torch.manual_seed(0)
    return METHOD(GlcicSettings(**(TINY | changes)), DataFacts(SIDE, 16, MEAN))


def parameters(network):
    return sum(weight.numel() for weight in network.parameters())


# ------------------------------------------------------------------------------------------------------------ networks

TABLE = [  # kernel, inside, outside of the 17 rows, as the paper's Table 1 has them
    *[(5, 4, 64), (3, 64, 128), (3, 128, 128), (3, 128, 256), (3, 256, 256), (3, 256, 256)],
    *4 * [(3, 256, 256)],
    *[(3, 256, 256), (3, 256, 256), (4, 256, 128), (3, 128, 128), (4, 128, 64), (3, 64, 32), (3, 32, 3)],
]


def test_parameters_by_the_layer_table():
    convolutions = sum(k * k * inside * outside + outside for k, inside, outside in TABLE)
    normalisations = sum(2 * outside for _, _, outside in TABLE[:-1])
    assert convolutions + normalisations == 6_072_131
    network = CompletionNetwork()
    assert parameters(network) == 6_072_131
    found = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
    assert [(one.kernel_size[0], one.in_channels, one.out_channels) for one in found] == TABLE


def test_strides_and_rates():
    found = [one for one in CompletionNetwork(2).modules() if isinstance(one, nn.Conv2d | nn.ConvTranspose2d)]
    assert [number for number, one in enumerate(found, 1) if one.stride == (2, 2)] == [2, 4, 13, 15]
    assert [one.dilation[0] for one in found] == [1] * 6 + [2, 4, 8, 16] + [1] * 7


def test_sides_at_160():
    network, sides = CompletionNetwork(2), []
    for row in network.rows:
        row.register_forward_hook(lambda layer, inside, out: sides.append(out.shape[-1]))
    result = network(torch.rand(1, 3, 160, 160), torch.zeros(1, 1, 160, 160, dtype=torch.bool))
    assert sides == [160, 80, 80, *9 * [40], 80, 80, 160, 160]
    assert result.shape == (1, 3, 160, 160)
    assert 0 < result.min() <= result.max() < 1


@pytest.mark.parametrize("skips", ["add", "concat"])
def test_skip_connections_join_row_3_to_13_and_row_1_to_15(skips):
    torch.manual_seed(0)
    network = CompletionNetwork(4, Style(skips=skips)).eval()
    seen, made = {}, {}
    for number, row in enumerate(network.rows, 1):
        row.register_forward_hook(
            lambda layer, inside, out, number=number: (seen.update({number: inside[0]}), made.update({number: out}))[0]
        )
    network(torch.rand(1, 3, 16, 16), torch.zeros(1, 1, 16, 16, dtype=torch.bool))
    for number, earlier in ((14, 3), (16, 1)):
        before = made[number - 1]
        joined = before + made[earlier] if skips == "add" else torch.cat([before, made[earlier]], dim=1)
        assert torch.equal(seen[number], joined)


def test_order_of_activation_and_normalisation():
    kinds = {
        first: [type(layer).__name__ for layer in CompletionNetwork(2, Style(activation_first=first)).rows[4]]
        for first in (False, True)
    }
    assert kinds == {False: ["Conv2d", "BatchNorm2d", "ReLU"], True: ["Conv2d", "ReLU", "BatchNorm2d"]}


@pytest.mark.parametrize(
    ("side", "times", "expected"),
    [(160, 6, 3), (160, 5, 5), (96, 5, 3), (80, 5, 3), (64, 5, 2), (256, 6, 4), (128, 5, 4)],
)
def test_halving_rounds_up_each_time(side, times, expected):
    assert halved(side, times) == expected
    x = torch.zeros(1, 1, side, side)
    for _ in range(times):
        x = nn.functional.conv2d(x, torch.zeros(1, 1, 5, 5), stride=2, padding=2)
    assert x.shape[-1] == expected


def test_a_full_connection_by_the_floor_formula_does_not_fit():
    style = DiscriminatorStyle(width=2, norm="none")
    branch = Branch(3, 160, 6, style)
    picture = torch.rand(1, 3, 160, 160)
    assert branch(picture).shape == (1, 32)
    assert branch.dense[0].in_features == 9 * 16
    branch.dense[0] = nn.Linear((160 // 2**6) ** 2 * 16, 32)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        branch(picture)


def test_discriminator_parameters_at_160_and_96():
    def branch(side, layers, inside=3):
        channels = [inside, 64, 128, 256, 512, 512, 512][: layers + 1]
        convolutions = sum(25 * a * b + b + 2 * b for a, b in pairwise(channels))
        return convolutions + side * side * 512 * 1024 + 1024

    assert branch(5, 5) + branch(3, 5) + 2049 == 39_557_121 == PAPER.parameters["discriminator"]
    with torch.device("meta"):
        assert parameters(Discriminator(3, 160, 96, (5, 5), DiscriminatorStyle())) == 39_557_121


def test_part_sides():
    settings = GlcicSettings()
    assert [part_side(settings, side) for side in (160, 64, 32)] == [96, 38, 19]
    assert part_side(GlcicSettings(local_share=0.5), 256) == 128


# -------------------------------------------------------------------------------------------------------------- losses


def test_what_the_network_sees():
    image, hole = torch.rand(2, 3, 8, 8), torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    hole[:, :, 2:5, 3:6] = True
    seen = entered(image, hole, MEAN)
    assert torch.allclose(seen[:, :, 3, 4], torch.tensor(MEAN).expand(2, 3))
    assert torch.equal(seen[~hole.expand_as(image)], image[~hole.expand_as(image)])


@pytest.mark.parametrize(("colour", "empty"), [("mean", MEAN), ("zero", (0.0, 0.0, 0.0))])
def test_filling_is_one_pass_over_the_picture_with_that_colour(colour, empty):
    method = tiny(hole_colour=colour)
    image, hole = torch.rand(2, 3, SIDE, SIDE), torch.zeros(2, 1, SIDE, SIDE, dtype=torch.bool)
    hole[:, :, 8:24, 4:20] = True
    generator = method.networks()["generator"].eval()
    with torch.no_grad():
        expected = generator(torch.where(hole, torch.tensor(empty).view(1, 3, 1, 1), image), hole)
    assert torch.allclose(fill(method.inpainter(), image, hole, torch.arange(2)), expected, atol=1e-5)
    assert torch.equal(method.stages()[0].filled(Batch(image, hole)), expected)


@pytest.mark.parametrize(("known", "reduction"), [(0.0, "mean"), (1.0, "mean"), (0.5, "mean"), (0.0, "sum")])
def test_distance(known, reduction):
    stage = tiny(known_weight=known, reduction=reduction).stages()[0]
    batch = SameBatch(stage).drawn
    result = torch.rand_like(batch.image)
    mask = batch.hole.float()
    # otenim's completion_network_loss: MSE of masked pictures, over all pixels.
    expected = mse_loss(result * mask, batch.image * mask)
    expected += known * mse_loss(result * (1 - mask), batch.image * (1 - mask))
    expected *= 3 * SIDE * SIDE if reduction == "sum" else 1
    assert torch.allclose(stage.distance(result, batch), expected)


@pytest.mark.parametrize("sees_hole", [False, True])
def test_adversarial_losses_are_cross_entropies(sees_hole):
    stage = tiny(critic_sees_hole=sees_hole, real_part="same", critic_norm="none").stages()[2]
    feed = SameBatch(stage)
    image, hole = feed.drawn
    result = torch.rand_like(image)
    judge = stage.networks["discriminator"]

    def logits(picture):
        seen = torch.cat([picture, hole.float()], 1) if sees_hole else picture
        return judge(seen, box_crop(seen, *window(hole, 19), 19))

    ones, zeros = torch.ones(4), torch.zeros(4)
    fooled = binary_cross_entropy_with_logits(logits(result), ones)
    both = binary_cross_entropy_with_logits(logits(image), ones) + binary_cross_entropy_with_logits(
        logits(result), zeros
    )
    assert torch.allclose(stage.adversarial_loss(feed.drawn, result), fooled)
    assert torch.allclose(stage.update_discriminator(feed.drawn, result, feed.rng), both / 2)


def test_the_discriminator_judges_the_raw_output_or_the_composite():
    for kind in ("raw", "composite"):
        stage = tiny(gan_input=kind).stages()[2]
        batch = SameBatch(stage).drawn
        result = torch.rand_like(batch.image)
        known = ~batch.hole.expand_as(result)
        candidate = stage.candidate(batch, result)
        assert torch.equal(candidate[~known], result[~known])
        assert torch.equal(candidate[known], (result if kind == "raw" else batch.image)[known])


def test_parts_of_true_pictures_lie_anywhere():
    stage = tiny().stages()[2]
    batch = Batch(torch.rand(500, 3, SIDE, SIDE), torch.zeros(500, 1, SIDE, SIDE, dtype=torch.bool))
    top, left = stage.anywhere(batch, torch.Generator().manual_seed(0))
    for places in (top, left):
        assert (int(places.min()), int(places.max())) == (0, SIDE - 19)
    assert abs(float(torch.corrcoef(torch.stack([top, left]).float())[0, 1])) < 0.15


# ------------------------------------------------------------------------------------------------------------ training


def test_three_phases_as_long_as_said():
    stages = METHOD(GlcicSettings(width=2, critic_width=1), DataFacts(160, 40)).stages()
    found = [(stage.name, stage.steps, stage.first) for stage in stages]
    assert found == [("completion", 90_000, 0), ("discrimination", 10_000, 90_000), ("joint", 400_000, 100_000)]
    assert {stage.batch_size for stage in stages} == {96}
    assert {(type(o).__name__, o.param_groups[0]["lr"]) for s in stages for o in s.optimizers.values()} == {
        ("Adadelta", 1.0)
    }


@pytest.mark.parametrize(
    ("place", "learning"), [(0, {"generator"}), (1, {"discriminator"}), (2, {"generator", "discriminator"})]
)
def test_a_phase_changes_its_own_networks_alone(place, learning):
    stage = tiny().stages()[place]
    before = {name: copied(network) for name, network in stage.networks.items()}
    events = []
    for name, inner in stage.optimizers.items():
        stage.optimizers[name] = Recorder(name, inner, events)
    scalars = stage.step(SameBatch(stage))
    assert {name for name, weights in before.items() if not same(stage.networks[name], weights)} == learning
    assert set(stage.optimizers) == learning
    assert events == sorted(learning)  # the discriminator first
    assert all(not value.requires_grad and value.dim() == 0 for value in scalars.values())
    if place == 2:
        assert set(scalars) == {"reconstruction", "adversarial", "generator", "discriminator"}
        assert torch.allclose(scalars["generator"], scalars["reconstruction"] + scalars["adversarial"])


def test_the_discriminator_learns_from_its_own_update_only():
    stage = tiny().stages()[2]
    stage.step(SameBatch(stage))
    judge = stage.networks["discriminator"]
    kept = [weight.grad.clone() for weight in judge.parameters()]
    batch = SameBatch(stage).drawn
    stage.adversarial_loss(batch, torch.rand_like(batch.image).requires_grad_()).backward()
    assert all(torch.equal(w.grad, old) for w, old in zip(judge.parameters(), kept, strict=True))
    assert all(weight.requires_grad for weight in judge.parameters())


def test_without_an_adversarial_loss_there_is_one_phase():
    method = tiny(gan_weight=0.0)
    (stage,) = method.stages()
    assert (stage.name, stage.steps, list(method.networks())) == ("completion", 7, ["generator"])


@pytest.mark.parametrize("optimizer", ["adadelta", "adam", "sgd"])
def test_it_learns_what_it_is_shown(optimizer):
    rate = {"adadelta": 1.0, "adam": 5e-3, "sgd": 1.0}[optimizer]
    method = tiny(width=8, completion_steps=40, optimizer=optimizer, learning_rate=rate)
    stage = method.stages()[0]
    feed, curve = SameBatch(stage), []
    for feed.step in range(stage.steps):
        curve.append(float(stage.step(feed)["reconstruction"]))
    assert np.mean(curve[-5:]) < 0.9 * curve[0]


def test_learning_rates_run_over_all_phases():
    stages = tiny(schedule="cosine", completion_steps=60, critic_steps=10, joint_steps=30).stages()
    rates = []
    for stage in stages:
        for step in range(stage.steps):
            stage.follow_schedule(step)
            rates.append({group["lr"] for one in stage.optimizers.values() for group in one.param_groups})
    found = np.array([rate for (rate,) in rates])
    assert len(found) == 100
    assert (found.max(), found.argmax()) == (1.0, 2)
    assert (np.diff(found[2:]) <= 0).all()
    assert found[-1] < 1e-3


def test_the_discriminator_may_learn_at_another_rate():
    for optimizer in ("adadelta", "adam", "sgd"):
        stage = tiny(critic_rate=0.25, learning_rate=0.5, optimizer=optimizer, schedule="cosine").stages()[2]
        (fast,), (slow,) = (stage.optimizers[name].param_groups for name in ("generator", "discriminator"))
        assert (fast["lr"], slow["lr"]) == (0.5, 0.125)
        stage.follow_schedule(2)
        assert slow["lr"] == 0.25 * fast["lr"] < 0.125


def test_the_joint_phase_alone_is_as_long_as_all_three():
    (stage,) = tiny(phases="joint").stages()
    assert (stage.name, stage.first, stage.steps) == ("joint", 0, 9)


def test_the_joint_phase_without_its_squared_error():
    for weight in (0.0, 0.5):
        stages = tiny(joint_distance=weight).stages()
        batch = SameBatch(stages[2]).drawn
        expected = weight * stages[2].distance(stages[2].filled(batch), batch)
        assert torch.allclose(stages[2].step(SameBatch(stages[2]))["reconstruction"], expected)
        assert stages[0].step(SameBatch(stages[0]))["reconstruction"] > 0


@pytest.mark.parametrize(("branches", "unseen"), [("both", ""), ("global", "part"), ("local", "whole")])
def test_one_branch_sees_its_own_picture_alone(branches, unseen):
    judge = tiny(branches=branches, critic_norm="none").networks()["discriminator"]
    seen = {"whole": torch.rand(2, 3, SIDE, SIDE), "part": torch.rand(2, 3, 19, 19)}
    for name, picture in seen.items():
        other = judge(**(seen | {name: torch.rand_like(picture)}))
        assert torch.equal(judge(**seen), other) == (name == unseen)


def test_training_holes():
    for name, family in HOLES.items():
        holes = [family.draw(Chance(i), 64, 64) for i in range(90)]
        squares = sum(hole[16:48, 16:48].all() and hole.sum() == 1024 for hole in holes)
        filled = sum(bool(hole[np.ix_(hole.any(1), hole.any(0))].all()) for hole in holes)
        low, high = {"rectangles": (0, 3), "center": (90, 90)}.get(name, (15, 45))
        assert low <= squares <= high, name
        assert filled == 90 if name in ("rectangles", "center") else 40 < filled < 90, name


def test_inpainting_leaves_the_mode_and_the_statistics_alone():
    method = tiny()
    generator = method.networks()["generator"]
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    image, hole = torch.rand(3, 3, SIDE, SIDE), torch.zeros(3, 1, SIDE, SIDE, dtype=torch.bool)
    hole[..., 8:24, 8:24] = True
    result = fill(method.inpainter(), image, hole, torch.arange(3))
    assert generator.training
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    assert 0 <= result.min() <= result.max() <= 1


def test_a_resolution_that_cannot_be_halved_twice_is_refused():
    with pytest.raises(UserError, match="resolution of 66 is not a multiple of 4"):
        METHOD(GlcicSettings(**TINY), DataFacts(66, 16))
    assert tiny().inpainter().sizes == SIZES


# ---------------------------------------------------------------------------------------------------------- paper.toml


def test_bfloat16_is_refused_where_a_judge_convolves_a_single_pixel():
    METHOD(GlcicSettings(**TINY), DataFacts(16, 16, MEAN))
    with pytest.raises(UserError, match="precision = float32"):
        METHOD(GlcicSettings(**TINY, precision="bf16"), DataFacts(16, 16, MEAN))
