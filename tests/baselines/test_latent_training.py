import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy

from baselines import gan
from baselines.latent.networks import Discriminator, Generator
from baselines.latent.settings import DcganSettings, WganSettings
from baselines.latent.training import AVERAGE, AdversarialStage, WassersteinStage, drawing, gan_networks
from bench.methods.base import Batch

SIDE, COUNT = 16, 4
TINY = {"width": 2, "z_size": 8, "batch_size": COUNT}


class Feed:
    """Random pictures; counts the batches drawn."""

    def __init__(self):
        self.step, self.rng, self.drawn = 0, torch.Generator().manual_seed(0), []

    def batch(self):
        chance = torch.Generator().manual_seed(len(self.drawn))
        self.drawn.append(Batch(torch.rand(COUNT, 3, SIDE, SIDE, generator=chance), None))
        return self.drawn[-1]


def dcgan(images=40, **changes):
    torch.manual_seed(0)
    settings = DcganSettings(**TINY | {"flip": False} | changes)
    generator, discriminator = Generator(2, 8, SIDE, bias=False), Discriminator(2, SIDE, bias=False)
    return AdversarialStage(gan_networks(generator, discriminator, settings), settings, images)


def wgan(images=400, **changes):
    torch.manual_seed(0)
    settings = WganSettings(**TINY | {"flip": False} | changes)
    networks = gan_networks(Generator(2, 8, SIDE), Discriminator(2, SIDE, norm="layer"), settings)
    return WassersteinStage(networks, settings, images)


def weights(network):
    return [weight.detach().clone() for weight in network.parameters()]


def moved(before, network):
    return any(not torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))


def test_steps():
    assert dcgan(images=3000, epochs=1000, batch_size=64).steps == 46_875
    assert dcgan(images=202_599, epochs=25, batch_size=128).steps == 39_570
    assert dcgan(steps=7).steps == 7
    assert dcgan(images=1).steps == 6
    assert dcgan(images=202_599, epochs=25, batch_size=128, in_turn=True).steps == 19_785
    assert dcgan(steps=7, in_turn=True).steps == 7
    # An epoch of a Wasserstein GAN is one of its discriminator: 10,000 of 15,000 images in 128s, five to a step.
    assert wgan(images=15_000, epochs=10_000, batch_size=128).steps == 234_375
    assert wgan(steps=10_000).steps == 10_000


def test_connected_networks_take_the_place_of_dcgans():
    stage = dcgan(architecture="connected")
    assert all(not isinstance(layer, nn.Conv2d | nn.BatchNorm2d) for layer in stage.networks["generator"].modules())
    before = weights(stage.networks["generator"])
    stage.step(Feed())
    assert moved(before, stage.networks["generator"])


@pytest.mark.parametrize("make", [dcgan, wgan])
def test_fewer_images_are_as_many_steps(make):
    few, all_images = make(training_images=4), make()
    assert (few.images, all_images.images) == (4, None)
    assert few.steps == all_images.steps


@pytest.mark.parametrize("make", [dcgan, wgan])
def test_scalars(make):
    stage = make()
    scalars = stage.step(Feed())
    names = {
        "dcgan": {"discriminator", "generator", "generator_gradient", "generator_slope"},
        "wgan": {"wasserstein", "penalty", "generator"},
    }
    assert set(scalars) == names[stage.name]
    assert all(value.dim() == 0 and not value.requires_grad and torch.isfinite(value) for value in scalars.values())


@pytest.mark.parametrize("make", [dcgan, wgan])
def test_both_networks_learn_and_stay_free(make):
    stage = make()
    before = {name: weights(network) for name, network in stage.networks.items()}
    stage.step(Feed())
    for name, network in stage.networks.items():
        assert moved(before[name], network)
        assert network.training
        assert all(weight.requires_grad for weight in network.parameters())


def hand_step(stage, feed, g_steps):
    """A step of a DCGAN as a textbook writes it: probabilities, a picture made anew for every update."""
    generator, discriminator = stage.networks["generator"], stage.networks["discriminator"]
    real = 2 * feed.batch().image - 1
    z = 2 * torch.rand(COUNT, 8, generator=feed.rng) - 1
    one, nought = torch.ones(COUNT), torch.zeros(COUNT)
    fake = generator(z).detach()
    loss = binary_cross_entropy(discriminator(real).sigmoid(), one) + binary_cross_entropy(
        discriminator(fake).sigmoid(), nought
    )
    stage.optimizers["discriminator"].zero_grad()
    loss.backward()
    stage.optimizers["discriminator"].step()
    for _ in range(g_steps):
        stage.optimizers["generator"].zero_grad()
        deceit = binary_cross_entropy(discriminator(generator(z)).sigmoid(), one)
        deceit.backward()
        stage.optimizers["generator"].step()
    gradient = torch.cat([weight.grad.flatten() for weight in generator.parameters()]).norm()
    return {"discriminator": loss.detach(), "generator": deceit.detach(), "generator_gradient": gradient}


@pytest.mark.parametrize("g_steps", [1, 2, 3])
def test_a_step_is_the_textbooks(g_steps):
    ours, theirs = dcgan(g_steps=g_steps), dcgan(g_steps=g_steps)
    feeds = Feed(), Feed()
    for _ in range(2):
        scalars, expected = ours.step(feeds[0]), hand_step(theirs, feeds[1], g_steps)
        for name, value in expected.items():
            torch.testing.assert_close(scalars[name], value, rtol=1e-4, atol=1e-6)
    for name in ("generator", "discriminator"):
        for a, b in zip(ours.networks[name].parameters(), theirs.networks[name].parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=2e-5)
    assert len(feeds[0].drawn) == 2


def test_the_saturating_loss_is_the_two_players():
    """The generator minimises what the discriminator maximises: log(1 - D), whose slope by a logit is -D."""
    score = torch.linspace(-8, 4, 7, requires_grad=True)
    loss = gan.saturating_loss(score)
    torch.testing.assert_close(loss, (1 - score.sigmoid()).log().mean())
    loss.backward()
    torch.testing.assert_close(score.grad, -score.detach().sigmoid() / 7)


@pytest.mark.parametrize("kind", ["saturating", "nonsaturating"])
def test_the_slope_is_that_of_the_loss_by_the_logits(kind):
    stage, scores = dcgan(generator_loss=kind), []
    plain = stage.score
    stage.score = lambda image: scores.append(plain(image)) or scores[-1].retain_grad() or scores[-1]
    scalars = stage.step(Feed())
    torch.testing.assert_close(scalars["generator_slope"], scores[-1].grad.abs().sum())
    expected = {"saturating": lambda s: (1 - s.sigmoid()).log(), "nonsaturating": lambda s: -s.sigmoid().log()}[kind]
    torch.testing.assert_close(scalars["generator"], expected(scores[-1].detach()).mean())


def test_in_turn_each_network_has_a_z_of_its_own():
    for in_turn, different in ((False, 1), (True, 2)):
        stage, seen = dcgan(in_turn=in_turn, g_steps=2), []
        stage.networks["generator"].register_forward_hook(
            lambda net, z, out, seen=seen: seen.append(tuple(z[0].ravel().tolist()))
        )
        feed = Feed()
        stage.step(feed)
        assert len(set(seen)) == different
        assert len(feed.drawn) == 1


@pytest.mark.parametrize("make", [dcgan, wgan])
def test_the_average_follows_the_generator(make):
    """Against the plain recursion; every number of the state takes part, those of batch normalisation included."""
    stage, feed = make(average=0.6), Feed()
    average = stage.networks[AVERAGE]
    expected = {name: value.clone() for name, value in average.state_dict().items()}
    for step in range(20):
        feed.step = step
        stage.step(feed)
        decay = min(0.6, (1 + step) / (10 + step))
        for name, now in stage.networks["generator"].state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * now if now.is_floating_point() else now.clone()
    for name, value in average.state_dict().items():
        torch.testing.assert_close(value, expected[name])
    assert drawing(stage.networks) is average
    assert set(stage.optimizers) == {"generator", "discriminator"}
    assert moved(weights(average), stage.networks["generator"])


@pytest.mark.parametrize("make", [dcgan, wgan])
def test_the_average_does_not_touch_the_training(make):
    plain, averaged = make(), make(average=0.9)
    for stage in (plain, averaged):
        feed = Feed()
        for feed.step in range(3):
            stage.step(feed)
    assert set(averaged.networks) - set(plain.networks) == {AVERAGE}
    assert drawing(plain.networks) is plain.networks["generator"]
    assert not moved(weights(plain.networks["generator"]), averaged.networks["generator"])


@pytest.mark.parametrize("make", [dcgan, wgan])
def test_the_rate_falls_to_nothing_by_the_cosine(make):
    stage, feed = make(steps=100, schedule="cosine", learning_rate=1e-3), Feed()
    rates = []
    for feed.step in (2, 50, 99):
        stage.step(feed)
        rates.append({group["lr"] for optimizer in stage.optimizers.values() for group in optimizer.param_groups})
    assert rates[0] == {1e-3}
    assert rates[1].pop() == pytest.approx(5e-4, rel=0.05)
    assert 0 < rates[2].pop() < 1e-6
    still = make(steps=100, learning_rate=1e-3)
    still.step(feed)
    assert {group["lr"] for optimizer in still.optimizers.values() for group in optimizer.param_groups} == {1e-3}


def test_the_discriminator_sees_real_and_fake_apart():
    class Watched(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight, self.seen = nn.Parameter(torch.ones(())), []

        def forward(self, image):
            self.seen.append(len(image))
            return self.weight * image.mean(dim=(1, 2, 3))

    settings = DcganSettings(**TINY)
    stage = AdversarialStage(gan_networks(Generator(2, 8, SIDE), Watched(), settings), settings, 8)
    stage.step(Feed())
    assert stage.networks["discriminator"].seen == [COUNT] * 3


def test_a_wasserstein_step_draws_a_batch_for_every_discriminator_update():
    feed = Feed()
    wgan(n_critic=3).step(feed)
    assert len(feed.drawn) == 3


def test_a_discriminator_update_by_hand():
    stage, feed = wgan(gp_weight=7.0), Feed()
    twin, chance = wgan(gp_weight=7.0), Feed()
    scalars = stage.update_discriminator(feed)
    real = 2 * chance.batch().image - 1
    z = 2 * torch.rand(COUNT, 8, generator=chance.rng) - 1
    t = torch.rand(COUNT, 1, 1, 1, generator=chance.rng)
    discriminator = twin.networks["discriminator"]
    fake = twin.networks["generator"](z).detach()
    point = (real + t * (fake - real)).requires_grad_()
    slopes = torch.autograd.grad(discriminator(point).sum(), point, create_graph=True)[0].flatten(1).norm(dim=1)
    distance, penalty = discriminator(real).mean() - discriminator(fake).mean(), ((slopes - 1) ** 2).mean()
    torch.testing.assert_close(scalars["wasserstein"], distance.detach(), rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(scalars["penalty"], penalty.detach(), rtol=1e-4, atol=1e-6)
    twin.optimizers["discriminator"].zero_grad()
    (7 * penalty - distance).backward()
    twin.optimizers["discriminator"].step()
    for a, b in zip(stage.networks["discriminator"].parameters(), discriminator.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=2e-5)


def test_the_discriminator_learns_to_tell():
    stage, feed = wgan(learning_rate=2e-3), Feed()
    distances = [float(stage.update_discriminator(feed)["wasserstein"]) for _ in range(60)]
    assert sum(distances[-10:]) > sum(distances[:10])
    assert sum(distances[-10:]) > 0


def test_flips():
    stage = dcgan(flip=True)
    feed, found = Feed(), []
    for _ in range(16):
        real = stage.real(feed)
        image = 2 * feed.drawn[-1].image - 1
        for a, b in zip(real, image, strict=True):
            assert torch.equal(a, b) or torch.equal(a, b.flip(-1))
            found.append(torch.equal(a, b))
    assert 20 <= sum(found) <= 44
    still = dcgan(flip=False)
    assert torch.equal(still.real(feed), 2 * feed.drawn[-1].image - 1)


def test_vectors_follow_the_prior():
    device = torch.device("cpu")
    assert dcgan(batch_size=100).vectors(Feed(), device).abs().max() <= 1
    assert dcgan(batch_size=100, z_prior="normal").vectors(Feed(), device).abs().max() > 2


def test_adam_is_set_as_the_settings_say():
    stage = dcgan(learning_rate=1e-3, beta1=0.4, beta2=0.9, weight_decay=1e-5)
    for optimizer in stage.optimizers.values():
        (group,) = optimizer.param_groups
        assert (group["lr"], group["betas"], group["weight_decay"]) == (1e-3, (0.4, 0.9), 1e-5)
