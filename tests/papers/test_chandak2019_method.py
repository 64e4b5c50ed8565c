import math

import pytest
import torch
from watched import Waits

from baselines.latent.search import LatentSearch, search
from baselines.latent.settings import SEARCH_SETTINGS
from bench.data import Packed
from bench.masks.sets import MASK_SETS
from bench.methods.base import Batch, DataFacts, compose
from bench.training.device import open_fabric
from bench.training.loop import Stopped, Training
from bench.training.options import Options
from bench.util.errors import UserError
from bench.util.seeds import Chance, seed_of
from papers.chandak2019.enhancement import blur, residual_loss
from papers.chandak2019.method import METHOD, Completion, FakePenaltyStage
from papers.chandak2019.settings import ChandakSettings

SIDE = 16
TINY = {
    "width": 4,
    "batch_size": 4,
    "n_critic": 2,
    "steps": 3,
    "iterations": 5,
    "images_at_once": 4,
    "enhancement_depth": 4,
    "enhancement_width": 6,
    "enhancement_batch_size": 4,
    "enhancement_steps": 5,
    "enhancement_images": 6,
    "pair_iterations": 2,
}


def tiny(**changes):
    torch.manual_seed(0)
    return METHOD(ChandakSettings(**(TINY | changes)), DataFacts(SIDE, 10))


def pictures(count=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    image = torch.nn.functional.interpolate(torch.rand(count, 3, 4, 4, generator=generator), size=SIDE, mode="bilinear")
    return image, MASK_SETS["random"].holes([str(i) for i in range(count)], SIDE, SIDE)


class ToyFeed:
    """Smooth pictures with the stage's own holes."""

    def __init__(self, stage, seed=0):
        self.stage, self.seed, self.step, self.drawn = stage, seed, 0, []
        self.rng = torch.Generator().manual_seed(seed_of(seed, "t"))

    def fixed(self, count):
        return Batch(*pictures(count, 99))

    def batch(self):
        count, index = self.stage.batch_size, len(self.drawn)
        image, _ = pictures(count, seed_of(self.seed, index) % 1000)
        chances = [Chance(self.seed, "hole", index, i) for i in range(count)]
        hole = torch.stack([torch.from_numpy(self.stage.holes.draw(chance, SIDE, SIDE)) for chance in chances])
        self.drawn.append(Batch(image, hole[:, None]))
        return self.drawn[-1]


def set_last_layer(method):
    """The enhancement's last layer starts at 0; here it says something."""
    weight = method.networks()["enhancement"].layers[-1].weight
    with torch.no_grad():
        weight.copy_(0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(0)))


def copied(network):
    return [value.detach().clone() for value in network.state_dict().values()]


def same(network, values):
    return all(torch.equal(a, b) for a, b in zip(network.state_dict().values(), values, strict=True))


# --------------------------------------------------------------------------------------------------------------- stages


def test_two_stages():
    gan, enhancement = tiny().stages()
    assert (gan.name, gan.steps, gan.batch_size, gan.n_critic, gan.gp_weight) == ("wgan", 3, 4, 2, 10)
    assert (enhancement.name, enhancement.steps, enhancement.batch_size) == ("enhancement", 5, 4)
    assert (gan.images, enhancement.images, ChandakSettings().enhancement_images) == (None, 6, 2000)
    (group,) = gan.optimizers["generator"].param_groups
    assert (group["lr"], group["betas"]) == (1e-4, (0.0, 0.9))
    (group,) = enhancement.optimizers["enhancement"].param_groups
    assert (group["lr"], group["betas"]) == (1e-3, (0.9, 0.999))


def test_lengths_at_paper_scale():
    """C9, C14, C19: 10 000 updates, or so many passes of the discriminator; 200 passes over 2000 pictures by 32."""
    printed = ChandakSettings()
    assert printed.gan_steps(15_000) == 10_000
    assert round(10_000 * 5 * 128 / 15_000) == 427
    assert ChandakSettings(epochs_are="epochs").gan_steps(15_000) == 234_375
    assert abs(234_375 * 5 / (10_000 * 117) - 1) < 0.002  # the discriminator's updates, by whole batches
    assert ChandakSettings(epochs_are="epochs", epochs=1250).gan_steps(15_000) == 29_296
    assert ChandakSettings(steps=7, epochs_are="epochs").gan_steps(15_000) == 7
    assert printed.all_enhancement_steps(15_000) == 12_500
    assert printed.all_enhancement_steps(320) == 2_000
    assert (printed.pair_iterations, printed.pair_learning_rate) == (printed.iterations, printed.search_learning_rate)
    assert ChandakSettings(enhancement_steps=9).all_enhancement_steps(15_000) == 9


def test_penalty_on_fake_is_at_the_generators_pictures():
    (plain, _), (printed, _) = tiny().stages(), tiny(penalty_on="fake").stages()
    real, fake = torch.rand(2, 4, 3, SIDE, SIDE)
    assert isinstance(printed, FakePenaltyStage)
    assert not isinstance(plain, FakePenaltyStage)
    assert torch.equal(printed.penalty_point(real, fake, ToyFeed(printed)), fake)
    between = plain.penalty_point(real, fake, ToyFeed(plain))
    t = (between - real) / (fake - real)
    assert torch.allclose(t, t[:, :1, :1, :1].expand_as(t), atol=1e-3)
    assert t.min() >= 0
    assert t.max() <= 1


def test_the_discriminator_sees_each_image_alone():
    discriminator = tiny().networks()["discriminator"]
    image = torch.rand(4, 3, SIDE, SIDE)
    assert torch.allclose(discriminator(image)[1:2], discriminator(image[1:2]), atol=1e-6)
    assert not any(
        isinstance(layer, torch.nn.GroupNorm)
        for layer in tiny(critic_norm="none").networks()["discriminator"].modules()
    )


def test_enhancement_step_written_out():
    """Eq. (8) on blurred pictures: one step of Adam by hand, with the sigmas that the feed's generator gives."""
    method, other = tiny(pairs="blur"), tiny(pairs="blur")
    for one in (method, other):
        set_last_layer(one)
    stage = method.stages()[1]
    feed = ToyFeed(stage)
    scalars = stage.step(feed)
    clear = feed.drawn[0].image
    sigma = 2 * torch.rand(4, generator=ToyFeed(stage).rng)
    broken = blur(clear, sigma, 7)
    network = other.networks()["enhancement"]
    loss = residual_loss(network(broken), broken, clear)
    assert float(scalars["enhancement"]) == pytest.approx(float(loss.detach()))
    adam = torch.optim.Adam(network.parameters(), 1e-3)
    loss.backward()
    adam.step()
    for mine, theirs in zip(network.parameters(), method.networks()["enhancement"].parameters(), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)


def test_sigmas_cover_their_range(monkeypatch):
    stage = tiny(pairs="blur", enhancement_batch_size=512).stages()[1]
    asked = []
    monkeypatch.setattr("papers.chandak2019.method.blur", lambda x, sigma, side: asked.append((sigma, side)) or x)
    stage.blurred(ToyFeed(stage))
    ((sigma, side),) = asked
    assert side == 7
    assert 0 <= sigma.min() < 0.02
    assert 1.98 < sigma.max() <= 2.0


def test_the_rate_falls_to_a_tenth_after_three_fifths():
    stage = tiny().stages()[1]
    feed, rates = ToyFeed(stage), []
    for feed.step in range(stage.steps):
        stage.step(feed)
        rates.append(stage.optimizers["enhancement"].param_groups[0]["lr"])
    assert rates == pytest.approx([1e-3] * 3 + [1e-4] * 2)


@pytest.mark.parametrize("pairs", ["blur", "completed"])
def test_the_enhancement_learns_alone(pairs):
    method = tiny(pairs=pairs)
    stage = method.stages()[1]
    before = {name: copied(network) for name, network in method.networks().items()}
    stage.step(ToyFeed(stage))
    assert same(method.networks()["generator"], before["generator"])
    assert same(method.networks()["discriminator"], before["discriminator"])
    assert not same(method.networks()["enhancement"], before["enhancement"])
    for name in ("generator", "discriminator"):
        assert all(weight.requires_grad and weight.grad is None for weight in method.networks()[name].parameters())


def test_completed_pairs_are_what_the_search_finds():
    # Neither the settings of the search at test time nor the step have a say.
    method = tiny(prior="none", iterations=3, search_learning_rate=0.5, pair_learning_rate=0.3)
    stage = method.stages()[1]
    feed = ToyFeed(stage)
    feed.step = 3
    some = stage.completed(feed)
    clear, hole = feed.fixed(6)
    networks = method.networks()["generator"], method.networks()["discriminator"]
    search_of_pairs = ChandakSettings(**TINY | {"iterations": 2, "search_learning_rate": 0.3})
    found = compose(clear, hole, search(*networks, clear, hole, torch.arange(6), search_of_pairs).fill)
    place = torch.randint(6, (4,), generator=ToyFeed(stage).rng)
    assert torch.equal(some.clear, clear[place])
    assert torch.allclose(some.degraded, found[place], atol=1e-6)
    assert torch.equal(some.degraded[~hole.expand_as(clear)[place]], clear[place][~hole.expand_as(clear)[place]])


def test_pairs_are_made_once(monkeypatch):
    stage, made = tiny().stages()[1], []
    monkeypatch.setattr("papers.chandak2019.method.search", lambda *args: made.append(1) or search(*args))
    feed = ToyFeed(stage)
    first, second = stage.completed(feed), stage.completed(feed)
    assert made == [1]
    assert not torch.equal(first.clear, second.clear)
    assert feed.drawn == []


def test_no_more_pairs_than_images():
    assert tiny(enhancement_images=2000).stages()[1].count == 10


def test_a_training_does_not_follow_what_comes_after_it():
    after = METHOD.after_training
    assert after == SEARCH_SETTINGS | {"enhance"}
    other = {"iterations": 9, "search_learning_rate": 0.5, "context": "yeh", "prior": "critic", "prior_weight": 1.0}
    other |= {"blend": "poisson", "clip": True, "keep": "best", "restarts": 2, "images_at_once": 2, "enhance": False}
    other |= {"reduction": "mean", "window": 3, "descent": "nesterov", "search_schedule": "cosine", "start": "normal"}
    other |= {"norm": "l2"}
    assert set(other) == after
    ends = []
    for changes in ({}, other):
        method = tiny(**changes)
        for stage in method.stages():
            feed = ToyFeed(stage)
            for feed.step in range(2):
                stage.step(feed)
        ends.append([value for network in method.networks().values() for value in copied(network)])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


@pytest.mark.parametrize("pairs", ["blur", "completed"])
def test_a_step_never_waits_for_the_device(pairs):
    stage = tiny(pairs=pairs).stages()[1]
    feed = ToyFeed(stage)
    batch = feed.batch()
    feed.batch = lambda: batch
    stage.completed(feed)  # the search does wait; it comes once
    stage.optimizers["enhancement"].step = lambda: None
    with Waits() as waits:
        stage.step(feed)
    assert waits.found == set()


def test_straight_and_stopped_training_agree_with_completed_pairs(tmp_path):
    """The second stage searches with the first one's networks, also where a new process begins with it."""
    image, _ = pictures(10)
    ids = [str(i) for i in range(10)]
    train = Packed(ids, ids, (image * 255).byte().numpy())
    names = []
    for folder, options in (("straight", Options()), ("stopped", Options(minutes=0))):
        while True:
            training = Training(tmp_path / folder, tiny(), train, 0, open_fabric("cpu"))
            try:
                training.run(options, lambda what, done, total: None, lambda event, facts: None)
            except Stopped:
                continue
            break
        names.append(training.trained.name)
    assert names[0] == names[1]


def test_it_learns_to_take_blur_away():
    torch.manual_seed(0)
    tried = {"enhancement_steps": 60, "enhancement_learning_rate": 5e-3}
    method = tiny(pairs="blur", enhancement_depth=5, enhancement_width=16, enhancement_batch_size=16, **tried)
    stage = method.stages()[1]
    feed = ToyFeed(stage)
    image = torch.nn.functional.interpolate((torch.rand(16, 3, 4, 4) > 0.5).float(), size=SIDE)
    feed.batch = lambda: Batch(image, torch.zeros(16, 1, SIDE, SIDE, dtype=torch.bool))
    curve = []
    for feed.step in range(stage.steps):
        curve.append(float(stage.step(feed)["enhancement"]))
    assert sum(curve[-5:]) < 0.5 * sum(curve[:5])


# ----------------------------------------------------------------------------------------------------------- completion


def test_without_enhancement_the_result_is_eq_4():
    method = tiny(enhance=False)
    image, hole = pictures()
    seed = torch.arange(4)
    networks = method.networks()
    found = LatentSearch(networks["generator"], networks["discriminator"], method.settings, SIDE).inpaint(
        image, hole, seed
    )
    result = method.inpainter().inpaint(image, hole, seed)
    mask = (~hole).float()
    assert torch.allclose(result, mask * image + (1 - mask) * found)
    assert torch.equal(result, compose(image, hole, found))


def test_the_whole_completed_picture_is_enhanced():
    """C20: y - R(y), known pixels included."""
    plain, full = tiny(enhance=False), tiny()
    set_last_layer(full)
    image, hole = pictures()
    completed = plain.inpainter().inpaint(image, hole, torch.arange(4))
    network = full.networks()["enhancement"].eval()
    with torch.no_grad():
        expected = completed - network(completed)
    result = full.inpainter().inpaint(image, hole, torch.arange(4))
    assert torch.allclose(result, expected, atol=1e-5)
    known = ~hole.expand_as(image)
    assert not torch.equal(result[known], image[known])


def test_a_preview_is_a_short_search():
    method = tiny(iterations=400, images_at_once=16)
    assert (method.preview().settings.iterations, method.preview().images_at_once) == (50, 8)
    assert method.preview().enhancement is method.networks()["enhancement"]
    assert tiny().preview().settings.iterations == 5


def test_it_tells_about_the_search():
    method = tiny(iterations=30, prior_weight=0.1)
    inpainter = method.inpainter()
    image, hole = pictures()
    inpainter.inpaint(image, hole, torch.arange(4))
    assert {"context_start", "prior_start", "prior_change", "settled"} < set(inpainter.diagnostics)
    networks = method.networks()
    found = search(networks["generator"], networks["discriminator"], image, hole, torch.arange(4), method.settings)
    by_hand = 2 * (~hole * (found.fill - image)).abs().sum(dim=(1, 2, 3))  # Eq. (5), colours in [-1,1]
    assert inpainter.diagnostics["context_loss"].tolist() == pytest.approx(by_hand.tolist(), rel=1e-4)
    score = networks["discriminator"].eval()(2 * found.fill - 1).detach()
    prior = [0.1 * math.log(1 - 1 / (1 + math.exp(-one))) for one in score.tolist()]  # Eq. (6), bounded (C12)
    shares = [abs(p) / c for p, c in zip(prior, by_hand.tolist(), strict=True)]
    assert inpainter.diagnostics["prior_share"].tolist() == pytest.approx(shares, rel=1e-3)
    assert isinstance(inpainter, Completion)


def test_inpainting_leaves_the_networks_as_they_are():
    method = tiny()
    for network in method.networks().values():
        network.train()
    before = {name: copied(network) for name, network in method.networks().items()}
    image, hole = pictures()
    method.inpainter().inpaint(image, hole, torch.arange(4))
    for name, network in method.networks().items():
        assert same(network, before[name])
        assert network.training


# ------------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    "changes",
    [
        {"pairs": "blur"},
        {"pairs": "blur", "blur_low": 1.0, "blur_high": 1.0},
        {"enhancement_depth": 2},
        {"critic_norm": "none"},
        {"penalty_on": "fake"},
        {"gp_weight": 0.0},
        {"n_critic": 1},
        {"z_prior": "uniform", "clip": True},
        {"prior": "critic"},
        {"prior": "none"},
        {"prior_weight": 1.0},
        {"enhance": False},
        {"flip": True},
    ],
    ids=str,
)
def test_every_setting_takes_a_step_and_fills(changes):
    method = tiny(**changes)
    for stage in method.stages():
        feed = ToyFeed(stage)
        scalars = stage.step(feed)
        assert all(value.ndim == 0 and not value.requires_grad and value.isfinite() for value in scalars.values())
    image, hole = pictures()
    result = method.inpainter().inpaint(image, hole, torch.arange(4))
    assert result.shape == image.shape
    assert torch.isfinite(result).all()


def test_a_uniform_z_stays_in_its_range_in_pairs_too():
    assert ChandakSettings(z_prior="uniform").pair_search().clip
    assert not ChandakSettings().pair_search().clip
    assert ChandakSettings(pair_iterations=12).pair_search().iterations == 12


def test_settings_that_do_not_fit_together():
    with pytest.raises(UserError, match="blur_low = 3.0 is above blur_high = 2.0"):
        ChandakSettings(blur_low=3.0)
    with pytest.raises(UserError, match="blur_side = 4 has no middle pixel"):
        ChandakSettings(blur_side=4)
