import shutil
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from watched import Recorder, Waits, copied, same

import papers.fang2021
from baselines import poisson
from baselines.schedule import cosine
from bench.methods.base import Batch, DataFacts, compose
from bench.methods.catalog import find
from bench.util.seeds import Chance, seed_of
from papers.fang2021.method import METHOD
from papers.fang2021.settings import FangSettings

SIDE = 64
TINY = {"width": 4, "critic_width": 4, "dilations": (2, 4), "batch_size": 2, "steps": 4, "n_critic": 2}


class ToyFeed:
    """Pictures of smooth colours with the stage's own holes; counts what is drawn."""

    def __init__(self, stage, side=SIDE, seed=0):
        self.stage, self.side, self.seed, self.step, self.steps = stage, side, seed, 0, stage.steps
        self.rng = torch.Generator().manual_seed(seed_of(seed, "t"))
        self.drawn = []

    def batch(self):
        count, index = self.stage.batch_size, len(self.drawn)
        generator = torch.Generator().manual_seed(seed_of(self.seed, "pictures", index))
        small = torch.rand(count, 3, 4, 4, generator=generator)
        image = torch.nn.functional.interpolate(small, size=(self.side, self.side), mode="bilinear")
        chances = [Chance(self.seed, "hole", index, i) for i in range(count)]
        holes = [torch.from_numpy(self.stage.holes.draw(chance, self.side, self.side)) for chance in chances]
        self.drawn.append(Batch(image, torch.stack(holes).unsqueeze(1)))
        return self.drawn[-1]


def tiny(side=SIDE, **changes):
    torch.manual_seed(0)
    return METHOD(FangSettings(**(TINY | changes)), DataFacts(side, 10))


# --------------------------------------------------------------------------------------------------------- Algorithm 1


def test_order_of_updates():
    (stage,) = tiny(n_critic=3).stages()
    feed, events = ToyFeed(stage), []
    draw = feed.batch
    feed.batch = lambda: (events.append("batch"), draw())[1]
    for name, inner in stage.optimizers.items():
        stage.optimizers[name] = Recorder(name, inner, events)
    stage.step(feed)
    assert events == ["batch", "discriminator"] * 3 + ["batch", "generator"]
    for first, second in pairwise(feed.drawn):
        assert not torch.equal(first.image, second.image)
        assert not torch.equal(first.hole, second.hole)


def test_only_the_critics_change_in_their_updates_and_only_the_generator_in_its_own():
    method = tiny()
    (stage,) = method.stages()
    generator = copied(method.networks()["generator"])
    before = {name: copied(method.networks()[name]) for name in ("discriminator_global", "discriminator_local")}
    feed = ToyFeed(stage)
    stage.update_discriminators(feed)
    assert same(method.networks()["generator"], generator)
    assert all(weight.grad is None for weight in method.networks()["generator"].parameters())
    after = {name: copied(method.networks()[name]) for name in before}
    for name, weights in before.items():
        assert not same(method.networks()[name], weights)
        for weight in method.networks()[name].parameters():
            weight.grad = None
    stage.update_generator(feed)
    assert not same(method.networks()["generator"], generator)
    for name, weights in after.items():
        assert same(method.networks()[name], weights)
        assert all(weight.grad is None and weight.requires_grad for weight in method.networks()[name].parameters())


def literal_crop(x, hole, side):
    """The box of half the side around each hole, one image at a time."""
    crops = []
    for picture, gap in zip(x, hole[:, 0], strict=True):
        rows, columns = gap.any(dim=1).nonzero()[:, 0], gap.any(dim=0).nonzero()[:, 0]
        top = (int(rows[0]) + int(rows[-1]) + 1 - side) // 2
        left = (int(columns[0]) + int(columns[-1]) + 1 - side) // 2
        top, left = (min(max(x, 0), picture.shape[-1] - side) for x in (top, left))
        crops.append(picture[:, top : top + side, left : left + side])
    return torch.stack(crops)


@pytest.mark.parametrize("region", ["hole", "full"])
@pytest.mark.parametrize("conditional", [True, False])
def test_critic_loss_written_out(region, conditional):
    """With literal crops of the candidate, the condition and the mask: F-14, F-18, F-19."""
    method = tiny(gp_region=region, conditional=conditional)
    (stage,) = method.stages()
    generator = method.networks()["generator"]
    feed = ToyFeed(stage)
    image, hole = feed.batch()
    x, m = image * 2 - 1, (~hole).float()
    t = torch.rand(2, 1, 1, 1, generator=feed.rng)
    x_tilde = x * m + generator(x * m, hole)[1].detach() * (1 - m)
    x_hat = (1 - t) * x + t * x_tilde
    wasserstein = penalty = 0.0
    for name, look in (
        ("discriminator_global", lambda x: x),
        ("discriminator_local", lambda x: literal_crop(x, hole, SIDE // 2)),
    ):
        critic, condition = method.networks()[name], [look(x * m)] if conditional else []
        real, fake = critic(torch.cat([look(x), *condition], dim=1)), critic(torch.cat([look(x_tilde), *condition], 1))
        wasserstein += float((fake.mean() - real.mean()).detach())
        point = look(x_hat).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(torch.cat([point, *condition], dim=1)).sum(), point)
        norm = (gradient * (look(1 - m) if region == "hole" else 1)).square().sum(dim=(1, 2, 3)).sqrt()
        penalty += float((norm - 1).square().mean())
    scalars = stage.update_discriminators(ToyFeed(stage))
    assert float(scalars["wasserstein"]) == pytest.approx(wasserstein, rel=1e-4, abs=1e-6)
    assert float(scalars["penalty"]) == pytest.approx(penalty, rel=1e-4)


@pytest.mark.parametrize("gamma", [None, 0.9])
def test_generator_loss_written_out(gamma):
    """Algorithm 1's last line with CA's weights: F-16, F-17."""
    method = tiny(discount_gamma=gamma)
    (stage,) = method.stages()
    image, hole = ToyFeed(stage).batch()
    x, m = image * 2 - 1, (~hole).float()
    with torch.no_grad():
        coarse, refined = method.networks()["generator"](x, hole)
        side = SIDE // 2
        index = torch.arange(side).float()
        edge = torch.minimum(index, side - index)
        sd = 1.0 if gamma is None else torch.maximum(gamma ** edge[:, None], gamma ** edge[None, :])

        def patch(result):
            return float((literal_crop((result - x).abs(), hole, side) * sd).mean())

        def known(result):
            return sum(float(((r - y).abs() * k).mean() / k.mean()) for r, y, k in zip(result, x, m, strict=True)) / 2

        fake, broken = compose(x, hole, refined), x * m
        score = method.networks()["discriminator_global"](torch.cat([fake, broken], dim=1)).mean()
        crop = literal_crop(torch.cat([fake, broken], dim=1), hole, side)
        score = score + method.networks()["discriminator_local"](crop).mean()
    reconstruction = 1.2 * (1.2 * patch(coarse) + patch(refined)) + 1.2 * (1.2 * known(coarse) + known(refined))
    scalars = stage.update_generator(ToyFeed(stage))
    assert float(scalars["reconstruction"]) == pytest.approx(reconstruction, rel=1e-5)
    assert float(scalars["adversarial"]) == pytest.approx(-1e-3 * float(score), rel=1e-4)
    assert float(scalars["generator"]) == pytest.approx(reconstruction - 1e-3 * float(score), rel=1e-5)


def test_gradient_of_the_critics_reaches_the_second_network_only():
    for detach, reached in ((True, False), (False, True)):
        method = tiny(detach_coarse=detach, l1_hole_weight=0, l1_known_weight=0, gan_weight=1)
        (stage,) = method.stages()
        stage.update_generator(ToyFeed(stage))
        generator = method.networks()["generator"]
        moved = sum(float(w.grad.abs().sum()) for w in generator.coarse.parameters() if w.grad is not None)
        assert (moved > 0) == reached
        assert sum(float(w.grad.abs().sum()) for w in generator.refine.parameters()) > 0


def test_clipping_follows_each_update():
    method = tiny(gan="wgan_clip")
    (stage,) = method.stages()
    scalars = stage.update_discriminators(ToyFeed(stage))
    assert set(scalars) == {"wasserstein"}
    largest = max(
        float(w.detach().abs().max()) for name in stage.discriminators for w in method.networks()[name].parameters()
    )
    assert largest == pytest.approx(0.01)


def test_cross_entropy_written_out():
    """DCGAN's losses: of the discriminators as they were for their own, as they are then for the generator's."""
    method = tiny(gan="cross_entropy", reconstruction="l1", gan_weight=0.5)
    (stage,) = method.stages()
    image, hole = ToyFeed(stage).batch()
    x = image * 2 - 1

    def logits(candidate):
        seen = torch.cat([candidate, x.masked_fill(hole, 0)], dim=1)
        networks = method.networks()
        whole, part = networks["discriminator_global"], networks["discriminator_local"]
        return torch.stack([whole(seen), part(literal_crop(seen, hole, SIDE // 2))])

    with torch.no_grad():
        fake = compose(x, hole, method.networks()["generator"](x, hole)[1])
        true, filled = torch.sigmoid(logits(x)), torch.sigmoid(logits(fake))
    expected = -true.log().mean(dim=1).sum() - (1 - filled).log().mean(dim=1).sum()
    scalars = stage.update_discriminators(ToyFeed(stage))
    assert set(scalars) == {"cross_entropy"}
    assert float(scalars["cross_entropy"]) == pytest.approx(float(expected), rel=1e-5)
    with torch.no_grad():
        expected = -0.5 * torch.sigmoid(logits(fake)).log().mean(dim=1).sum()
    found = stage.update_generator(ToyFeed(stage))["adversarial"]
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_one_stage_has_one_distance_and_all_gradients():
    method = tiny(refine="none", gan_weight=1)
    (stage,) = method.stages()
    image, hole = ToyFeed(stage).batch()
    x = image * 2 - 1
    with torch.no_grad():
        result = method.networks()["generator"](x, hole)[0]
        expected = stage.distance(result, x, hole)
    scalars = stage.update_generator(ToyFeed(stage))
    assert float(scalars["reconstruction"]) == pytest.approx(float(expected), rel=1e-5)
    by_critics = tiny(refine="none", gan_weight=1, l1_hole_weight=0, l1_known_weight=0)
    by_critics.stages()[0].update_generator(ToyFeed(stage))
    assert all(bool(w.grad.any()) for w in by_critics.networks()["generator"].parameters())


def test_blended_results_are_the_same_network_s():
    plain, blended = tiny(), tiny(blend="poisson")
    image, hole = ToyFeed(plain.stages()[0]).batch()
    results = [method.inpainter().inpaint(image, hole, torch.zeros(2).long()) for method in (plain, blended)]
    known = ~hole.expand_as(image)
    assert torch.equal(results[0][known], results[1][known])
    expected = compose(results[0], hole, poisson.blend(image, hole, results[0]))
    assert torch.equal(results[1], expected)
    assert not torch.equal(*results)
    assert METHOD.after_training == {"blend"}


# ------------------------------------------------------------------------------------------------- stages and settings


def test_stages():
    def plan(**changes):
        return [(stage.name, stage.first, stage.steps) for stage in tiny(**changes).stages()]

    assert plan() == [("adversarial", 0, 4)]
    assert plan(l1_first_steps=3) == [("reconstruction", 0, 3), ("adversarial", 3, 1)]
    assert plan(gan="none", l1_first_steps=3) == [("reconstruction", 0, 4)]
    assert plan(reconstruction="none", l1_first_steps=3) == [("adversarial", 0, 4)]
    assert plan(steps=None, epochs=3) == [("adversarial", 0, 15)]
    assert plan(steps=None, epochs=1, l1_first_steps=9) == [
        ("reconstruction", 0, 4),
        ("adversarial", 4, 1),
    ]


def test_optimizers():
    (stage,) = tiny(weight_decay=1e-4).stages()
    for name, decay in (("generator", 1e-4), ("discriminator", 0)):
        (group,) = stage.optimizers[name].param_groups
        assert (group["lr"], group["betas"], group["weight_decay"]) == (5e-4, (0.5, 0.9), decay)
        assert isinstance(stage.optimizers[name], torch.optim.Adam)
    (stage,) = tiny(optimizer="sgd").stages()
    assert all(isinstance(one, torch.optim.SGD) for one in stage.optimizers.values())


def test_schedule_goes_on_from_stage_to_stage():
    first, second = tiny(schedule="cosine", steps=8, l1_first_steps=5).stages()
    rates = []
    for stage, steps in ((first, 5), (second, 3)):
        for step in range(steps):
            stage.follow_schedule(step)
            rates.append({group["lr"] for one in stage.optimizers.values() for group in one.param_groups})
    assert rates == [{5e-4 * cosine(step, 8)} for step in range(8)]


VARIANTS = [
    {"refine": "ca_noattn"},
    {"refine": "ca_full"},
    {"refine": "none"},
    {"refine": "none", "widened": True, "gan": "none"},
    {"blend": "poisson"},
    {"padding": "zeros", "ones_channel": True},
    {"norm": "batch"},
    {"activation": "relu"},
    {"loops": 2},
    {"detach_coarse": False},
    {"init": "near_identity"},
    {"critics": "global"},
    {"critics": "local"},
    {"conditional": False},
    {"gan": "wgan_clip"},
    {"gan": "cross_entropy"},
    {"gan": "none"},
    {"gp_region": "full"},
    {"gp_weight": 0},
    {"n_critic": 1},
    {"reconstruction": "l2"},
    {"reconstruction": "none"},
    {"reconstruction": "l2", "gan": "none"},
    {"discount_gamma": 0.9},
    {"weight_decay": 1e-4},
    {"optimizer": "sgd"},
    {"schedule": "cosine"},
    {"l1_first_steps": 2},
    {"channels_last": False},
    {"hole_share": 0.25, "hole_trim": 0.0},
    {"width": 8, "critic_width": 8, "dilations": (2, 4, 8), "batch_size": 4},
]


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_every_setting_takes_a_step_and_fills(changes):
    method = tiny(**changes)
    generator = method.networks()["generator"]
    before = [(network, copied(network)) for network in generator.children()]
    for stage in method.stages():
        assert stage.batch_size == method.settings.batch_size
        feed = ToyFeed(stage)
        for feed.step in range(min(2, stage.steps)):
            scalars = stage.step(feed)
        assert all(value.ndim == 0 and not value.requires_grad for value in scalars.values())
        assert all(torch.isfinite(value) for value in scalars.values())
    assert not any(same(network, weights) for network, weights in before)
    image, hole = ToyFeed(method.stages()[0]).batch()
    result = method.inpainter().inpaint(image, hole, torch.zeros(2, dtype=torch.int64))
    assert result.shape == image.shape
    assert result.min() >= 0
    assert result.max() <= 1


def test_perceptual_term_is_added(monkeypatch):
    method = tiny(perceptual_weight=0.5, vgg19_file="vgg.pth", gan="none")
    asked = []

    class Fake:
        def __init__(self, file):
            asked.append(file)

        def __call__(self, result, truth):
            asked.append((result, truth))
            return (result - truth).abs().mean()

    monkeypatch.setattr("papers.fang2021.losses.Perceptual", Fake)
    (stage,) = method.stages()
    scalars = stage.step(ToyFeed(stage))
    file, (result, truth) = asked
    hole = ToyFeed(stage).batch().hole
    assert file == "vgg.pth"
    assert torch.equal(result.detach().masked_fill(hole, 0), truth.masked_fill(hole, 0))
    assert float(scalars["perceptual"]) == pytest.approx(0.5 * float((result - truth).abs().mean().detach()))
    assert float(scalars["generator"]) == pytest.approx(float(scalars["reconstruction"] + scalars["perceptual"]))


def test_it_learns_a_batch():
    (stage,) = tiny(width=8, init="near_identity", learning_rate=2e-3, gan="none").stages()
    feed = ToyFeed(stage)
    one = feed.batch()
    feed.batch = lambda: one
    curve = [float(stage.step(feed)["reconstruction"]) for feed.step in range(30)]
    assert curve[-1] < 0.6 * curve[0]


def test_critics_learn_to_tell():
    (stage,) = tiny(width=8, critic_width=8, batch_size=4, learning_rate=1e-3).stages()
    feed = ToyFeed(stage)
    curve = [float(stage.update_discriminators(feed)["wasserstein"]) for _ in range(20)]
    assert sum(curve[-5:]) < sum(curve[:5]) - 1


def test_a_step_depends_on_its_seeds_alone():
    def run(seed):
        method = tiny()
        (stage,) = method.stages()
        stage.step(ToyFeed(stage, seed=seed))
        return copied(method.networks()["generator"])

    assert all(torch.equal(a, b) for a, b in zip(run(1), run(1), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(run(1), run(2), strict=True))


def test_a_step_never_waits_for_the_device():
    (stage,) = tiny(discount_gamma=0.9, refine="ca_full").stages()
    feed = ToyFeed(stage)
    batches = [feed.batch() for _ in range(3)]
    feed.batch = batches.pop
    for one in stage.optimizers.values():
        one.step = lambda: None
    with Waits() as waits:
        stage.step(feed)
    assert waits.found == set()
    with Waits() as waits:
        torch.ones(1).item()
    assert waits.found == {"_local_scalar_dense"}


def test_resumed_from_saved_states_is_the_same(tmp_path):
    straight = tiny()
    (stage,) = straight.stages()
    feed = ToyFeed(stage)
    stage.step(feed)
    state = [{name: part.state_dict() for name, part in group.items()} for group in (stage.networks, stage.optimizers)]
    torch.save(state, tmp_path / "state.pt")

    resumed = tiny()
    (other,) = resumed.stages()
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    for group, states in zip((other.networks, other.optimizers), state, strict=True):
        for name, part in group.items():
            part.load_state_dict(states[name])
    batches = [feed.batch() for _ in range(3)]
    for one in (stage, other):
        copy = ToyFeed(one)
        copy.step, copy.batch = 1, iter(batches).__next__
        one.step(copy)
    for name, network in straight.networks().items():
        assert same(resumed.networks()[name], copied(network))


def test_networks_and_optimizers_may_be_wrapped():
    """By Fabric, in place: the same numbers as without."""
    results = []
    for wrap in (False, True):
        method = tiny()
        (stage,) = method.stages()
        if wrap:
            fabric = Fabric(accelerator="cpu", devices=1)
            stage.networks.update({name: fabric.setup_module(x) for name, x in stage.networks.items()})
            stage.optimizers.update({name: fabric.setup_optimizers(x) for name, x in stage.optimizers.items()})
        feed = ToyFeed(stage)
        for feed.step in range(2):
            scalars = stage.step(feed)
        results.append([*copied(method.networks()["generator"]), *scalars.values()])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


# ----------------------------------------------------------------------------------------------------------- inpainter


@pytest.mark.parametrize("changes", [{}, {"refine": "ca_full", "norm": "batch"}], ids=str)
def test_inpainter_keeps_images_apart_and_modes_as_they_were(changes):
    method = tiny(**changes)
    (stage,) = method.stages()
    image, hole = ToyFeed(stage).batch()
    image, hole = torch.cat([image] * 5 + [image.flip(3)]), torch.cat([hole] * 5 + [hole.flip(3)])
    seed = torch.arange(12)
    inpainter = method.inpainter()
    together = inpainter.inpaint(image, hole, seed)
    assert method.networks()["generator"].training
    alone = torch.cat([inpainter.inpaint(image[i : i + 1], hole[i : i + 1], seed[i : i + 1]) for i in range(12)])
    assert torch.equal(together, alone)
    other = compose(image, hole, torch.rand_like(image))
    assert torch.equal(inpainter.inpaint(other, hole, seed), together)
    wide = inpainter.inpaint(image[:2, :, :40], hole[:2, :, :40], seed[:2])
    assert wide.shape == (2, 3, 40, SIDE)


def test_range_at_the_border():
    """The networks' -1 and 1 are the picture's 0 and 1."""
    method = tiny()
    generator = method.networks()["generator"]
    seen = []
    generator.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    image = torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1).expand(1, 3, SIDE, SIDE)
    hole = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    hole[..., :32, :32] = True
    with torch.no_grad():
        generator.refine[-1].weight.zero_()
        generator.refine[-1].bias.copy_(torch.tensor([-5.0, 0.0, 5.0]))
    result = method.inpainter().inpaint(image, hole, torch.zeros(1, dtype=torch.int64))
    assert seen[0][0, :, 0, 0].tolist() == [-1, 0, 1]
    assert result[0, :, 0, 0].tolist() == [0, 0.5, 1]


def test_folder_can_be_copied_under_another_name(tmp_path):
    folder = Path(papers.fang2021.__file__).parent
    target = tmp_path / "another_2099"
    target.mkdir()
    for file in folder.glob("*.py"):
        assert "fang2021" not in file.read_text()
        shutil.copy(file, target)
    copy = find([target])["another_2099"].load()
    assert copy is not METHOD
    method = copy(copy.settings_class(**TINY), DataFacts(SIDE, 10))
    (stage,) = method.stages()
    assert stage.step(ToyFeed(stage))
    assert type(stage).__module__ == "included.another_2099.method"


@pytest.mark.slow
def test_paper_scale_takes_a_step():
    torch.manual_seed(0)
    method = METHOD(FangSettings(), DataFacts(256, 25_000))
    assert sum(w.numel() for name in method.networks() for w in method.networks()[name].parameters()) == 9_977_224
    (stage,) = method.stages()
    assert (stage.steps, stage.batch_size, stage.box) == (500_000, 2, 128)
    scalars = stage.step(ToyFeed(stage, side=256))
    assert all(torch.isfinite(value) for value in scalars.values())
