from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from watched import Recorder, copied, same

from baselines.ca import losses
from baselines.ca.method import METHOD
from baselines.ca.settings import CaSettings
from bench.data.protocol import protocols
from bench.methods.base import Batch, DataFacts, compose, fill
from bench.methods.catalog import find
from bench.methods.settings import DEFAULT, build, overrides
from bench.paper import read_paper
from bench.util.errors import UserError
from bench.util.seeds import Chance, seed_of

ROOT = Path(__file__).resolve().parents[2]
PAPER = read_paper(ROOT / "baselines" / "ca" / "paper.toml")
SIDE = 32
TINY = {"width": 4, "critic_width": 4, "dilations": (2, 4), "batch_size": 2, "steps": 4, "n_critic": 2}


def tiny(side=SIDE, **changes):
    torch.manual_seed(0)
    return METHOD(CaSettings(**(TINY | changes)), DataFacts(side, 10))


def judging(method):
    """The discriminators by name."""
    return {name: network for name, network in method.networks().items() if name != "generator"}


class ToyFeed:
    """Smooth pictures with the stage's own holes; keeps what is drawn."""

    def __init__(self, stage, seed=0):
        self.stage, self.seed, self.step = stage, seed, 0
        self.rng, self.drawn = torch.Generator().manual_seed(seed_of(seed, "t")), []

    def batch(self):
        count, index = self.stage.batch_size, len(self.drawn)
        generator = torch.Generator().manual_seed(seed_of(self.seed, "pictures", index))
        image = torch.nn.functional.interpolate(torch.rand(count, 3, 4, 4, generator=generator), size=(SIDE, SIDE))
        chances = [Chance(self.seed, "hole", index, i) for i in range(count)]
        holes = np.stack([self.stage.holes.draw(chance, SIDE, SIDE) for chance in chances])
        self.drawn.append(Batch(image, torch.from_numpy(holes).unsqueeze(1)))
        return self.drawn[-1]


def literal_box(x, hole, side):
    """The box around the middle of each hole, by indices."""
    found = []
    for picture, gap in zip(x, hole, strict=True):
        rows, columns = np.nonzero(gap[0].numpy())
        top, left = ((lines.min() + lines.max() + 1 - side) // 2 for lines in (rows, columns))
        found.append(picture[:, top : top + side, left : left + side])
    return torch.stack(found)


# -------------------------------------------------------------------------------------------------------------- losses


def test_spatial_discount_by_hand():
    expected = [
        [1.0, 1.0, 1.0, 1.0],
        [1.0, 0.5, 0.5, 0.5],
        [1.0, 0.5, 0.25, 0.5],
        [1.0, 0.5, 0.5, 0.5],
    ]
    assert losses.discount(4, 0.5).tolist() == expected
    assert bool((losses.discount(5, 1.0) == 1).all())


def test_discount_is_the_formula_of_the_code():
    weights = losses.discount(7, 0.9)
    for i in range(7):
        for j in range(7):
            assert float(weights[i, j]) == pytest.approx(max(0.9 ** min(i, 7 - i), 0.9 ** min(j, 7 - j)), rel=1e-6)


def test_known_loss_with_one_hole_for_all_is_the_code_s():
    distances, hole = torch.rand(3, 3, 8, 8), torch.zeros(3, 1, 8, 8, dtype=torch.bool)
    hole[..., 2:6, 1:5] = True
    known = (~hole).float()
    expected = (distances * known).mean() / known.mean()
    assert float(losses.known_loss(distances, hole)) == pytest.approx(float(expected), rel=1e-5)
    changed = torch.where(hole, 100.0, distances)
    assert torch.equal(losses.known_loss(changed, hole), losses.known_loss(distances, hole))


def test_known_loss_counts_images_alike_and_knows_an_empty_picture():
    hole = torch.zeros(2, 1, 8, 8, dtype=torch.bool)
    hole[..., 2:6, 1:5] = True
    distances = torch.where(hole, 7.0, 2.0).expand(-1, 3, -1, -1)
    assert losses.known_loss(distances, hole) == pytest.approx(2.0)
    assert losses.known_loss(distances, torch.ones_like(hole)) == 0
    hole[1, :, 1:] = True
    uneven = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1).expand(2, 3, 8, 8)
    assert losses.known_loss(uneven, hole) == pytest.approx(2.0)


def test_box_loss_is_a_weighted_mean_of_the_box():
    hole = torch.zeros(1, 1, 8, 8, dtype=torch.bool)
    hole[..., 2:6, 1:5] = True
    distances = torch.where(hole, 6.0, 2.0).expand(-1, 3, -1, -1)
    assert losses.box_loss(distances, hole, torch.ones(4, 4)) == pytest.approx(6.0)
    assert losses.box_loss(distances, hole, torch.full((4, 4), 0.5)) == pytest.approx(3.0)


def test_generator_loss_written_out():
    method = tiny(discount_gamma=0.9)
    (stage,) = method.stages()
    image, hole = ToyFeed(stage).batch()
    x, known, side = image * 2 - 1, (~hole).float(), SIDE // 2
    with torch.no_grad():
        coarse, refined = method.generator(x, hole)
        weights = losses.discount(side, 0.9)
        box = [float((literal_box((r - x).abs(), hole, side) * weights).mean()) for r in (coarse, refined)]
        shares = known.mean(dim=(1, 2, 3))
        rest = [float((((r - x).abs() * known).mean(dim=(1, 2, 3)) / shares).mean()) for r in (coarse, refined)]
        fake = compose(x, hole, refined)
        score = judging(method)["discriminator_global"](fake).mean()
        score = score + judging(method)["discriminator_local"](literal_box(fake, hole, side)).mean()
    scalars = stage.update_generator(ToyFeed(stage))
    assert float(scalars["l1"]) == pytest.approx(1.2 * (1.2 * box[0] + box[1]), rel=1e-4)
    assert float(scalars["known"]) == pytest.approx(1.2 * (1.2 * rest[0] + rest[1]), rel=1e-4)
    assert float(scalars["adversarial"]) == pytest.approx(-1e-3 * float(score), rel=1e-4, abs=1e-9)
    whole = sum(float(scalars[name]) for name in ("l1", "known", "adversarial"))
    assert float(scalars["generator"]) == pytest.approx(whole, rel=1e-5)


class Linear(torch.nn.Module):
    """A critic with the same gradient everywhere it is not asked to have another."""

    def __init__(self, weight):
        super().__init__()
        self.weight = torch.nn.Parameter(weight)

    def forward(self, x):
        return (x * self.weight).flatten(1).sum(dim=1)


@pytest.mark.parametrize("outside", [0.0, 7.0])
def test_penalty_of_a_unit_gradient_in_the_hole_is_zero_whatever_lies_outside(outside):
    (stage,) = tiny(batch_size=1).stages()
    (image, hole), side = ToyFeed(stage).batch(), SIDE // 2
    unit = (3 * int(hole.sum())) ** -0.5
    weight = torch.where(hole, unit, outside).expand(1, 3, -1, -1)
    stage.networks["discriminator_global"], stage.networks["discriminator_local"] = (
        Linear(weight.clone()),
        Linear(literal_box(weight, hole, side).clone()),
    )
    scalars = stage.update_discriminators(ToyFeed(stage))
    assert float(scalars["penalty"]) == pytest.approx(0, abs=1e-9)
    truth = 2 * image - 1
    with torch.no_grad():
        fake = compose(truth, hole, stage.networks["generator"](truth, hole)[1])
    # Known pixels cancel in fake - true, so both critics see the hole's difference alone.
    assert float(scalars["wasserstein"]) == pytest.approx(2 * unit * float((fake - truth).sum()), rel=1e-3, abs=1e-5)


# ------------------------------------------------------------------------------------------------------------ training


def test_order_of_updates_each_with_a_fresh_batch():
    (stage,) = tiny(n_critic=3).stages()
    feed, events = ToyFeed(stage), []
    draw = feed.batch
    feed.batch = lambda: (events.append("batch"), draw())[1]
    for name, inner in stage.optimizers.items():
        stage.optimizers[name] = Recorder(name, inner, events)
    stage.step(feed)
    assert events == ["batch", "discriminator"] * 3 + ["batch", "generator"]
    assert not any(torch.equal(first.image, second.image) for first, second in pairwise(feed.drawn))


def test_who_learns_from_whom():
    method = tiny(l1_weight=0, known_weight=0, gan_weight=1)
    (stage,) = method.stages()
    before = {name: copied(network) for name, network in judging(method).items()}
    stage.update_generator(ToyFeed(stage))
    # Through the paste the critics teach the first network too, as in the authors' code.
    for network in (method.generator.coarse, method.generator.refine):
        assert sum(float(weight.grad.abs().sum()) for weight in network.parameters()) > 0
    assert all(same(judging(method)[name], weights) for name, weights in before.items())
    kept = copied(method.generator)
    stage.update_discriminators(ToyFeed(stage))
    assert same(method.generator, kept)
    assert not any(same(judging(method)[name], weights) for name, weights in before.items())


def test_stages_and_optimizers():
    def plan(**changes):
        return [(stage.name, stage.first, stage.steps) for stage in tiny(**changes).stages()]

    assert plan() == [("adversarial", 0, 4)]
    assert plan(l1_first_steps=3) == [("reconstruction", 0, 3), ("adversarial", 3, 1)]
    (stage,) = tiny().stages()
    for name in ("generator", "discriminator"):
        (group,) = stage.optimizers[name].param_groups
        assert (group["lr"], group["betas"]) == (1e-4, (0.5, 0.9))
    with pytest.raises(UserError, match="l1_first_steps = 4 leaves no step"):
        tiny(l1_first_steps=4)


def test_schedule_goes_on_from_stage_to_stage():
    rates = []
    for stage in tiny(schedule="cosine", steps=40, l1_first_steps=25, learning_rate=1.0).stages():
        for step in range(stage.steps):
            stage.follow_schedule(step)
            rates.append(stage.optimizers["generator"].param_groups[0]["lr"])
    assert rates[1] == 1.0
    assert all(a > b for a, b in pairwise(rates[2:]))
    assert 0 < rates[-1] < 0.01


def test_it_learns_what_it_is_shown():
    method = tiny(l1_first_steps=40, steps=41, learning_rate=2e-3, init="near_identity")
    stage = method.stages()[0]
    curve = []
    for _ in range(stage.steps):
        feed = ToyFeed(stage)  # the same batch again and again
        curve.append(float(stage.step(feed)["generator"]))
    assert np.mean(curve[-4:]) < 0.6 * curve[0]


@pytest.mark.parametrize("attention", [True, False])
def test_sizes(attention):
    method = tiny(attention=attention)
    step = method.inpainter().sizes.multiple
    assert step == (8 if attention else 4)
    image, hole = torch.rand(1, 3, SIDE, SIDE + step), torch.zeros(1, 1, SIDE, SIDE + step, dtype=torch.bool)
    hole[..., 4:20, 4:20] = True
    assert fill(method.inpainter(), image, hole, torch.zeros(1, dtype=torch.int64)).shape == image.shape
    with pytest.raises(UserError, match=f"not a multiple of {step}"):
        tiny(SIDE + 2, attention=attention)


# ---------------------------------------------------------------------------------------------------------- paper.toml


def test_paper_scale_is_the_authors_code():
    built = build(CaSettings, overrides(PAPER, "paper", DEFAULT), "paper")
    assert (built.n_critic, built.gp_weight, built.discount_gamma, built.gan_weight) == (5, 10, 0.9, 1e-3)
    assert (built.l1_weight, built.known_weight, built.coarse_weight, built.batch_size) == (1.2, 1.2, 1.2, 16)
    assert sum(PAPER.parameters.values()) == 3_601_542 + 7_072_770


def test_parameters_without_attention():
    with torch.device("meta"):
        method = METHOD(CaSettings(attention=False), DataFacts(256, 10))
    assert sum(weight.numel() for weight in method.generator.parameters()) == 2_758_118


def test_quick_scale_has_the_budget_of_the_paper_that_it_is_a_row_of():
    other = find()["fang2021"].paper()
    names = ("width", "critic_width", "dilations", "init", "batch_size", "schedule", "learning_rate", "steps",
             "l1_first_steps", "n_critic")  # fmt: skip
    for scale in ("smoke", "quick"):
        theirs = other.scales[scale].settings
        if scale == "quick":
            assert {name: PAPER.scales[scale].settings[name] for name in names} == theirs
        own, hosted = (protocols(scale, paper.scales[scale].protocol) for paper in (PAPER, other))
        # The host has further mask sets, which its claims ask for.
        assert own == [one.model_copy(update={"mask_sets": own[0].mask_sets}) for one in hosted]
    holes = tiny().stages()[0].holes
    assert holes == find()["fang2021"].load().settings_class().holes()
