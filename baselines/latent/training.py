"""The stages that train a generator and its discriminator: DCGAN's, and the Wasserstein GAN's with a gradient penalty.

Both are unconditional: no step looks at a hole. Pictures are in [-1,1]; batch normalisation is in training mode.
"""

import copy
from abc import abstractmethod
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.optim import Adam

from baselines import gan, schedule, wgan
from baselines.latent.networks import ConnectedDiscriminator, ConnectedGenerator, Discriminator, Generator
from baselines.latent.settings import DcganSettings, GanSettings, WganSettings
from bench.masks.center import Center
from bench.methods.base import Feed, Stage

AVERAGE = "generator_average"
"""Name of the network that holds the running mean of the generator's weights, where there is one."""


def gan_networks(generator: Generator, discriminator: Discriminator, settings: GanSettings) -> dict[str, nn.Module]:
    """The networks that a stage trains, by name: with `average`, also the generator that is their mean over time.

    With `architecture = "connected"` two fully connected ones for the same pictures take the place of those given.
    """
    if settings.architecture == "connected":
        return _averaged(
            ConnectedGenerator(settings.width, settings.z_size, generator.resolution),
            ConnectedDiscriminator(settings.width, generator.resolution),
            settings,
        )
    return _averaged(generator, discriminator, settings)


def _averaged(generator: nn.Module, discriminator: nn.Module, settings: GanSettings) -> dict[str, nn.Module]:
    average = {AVERAGE: copy.deepcopy(generator)} if settings.average > 0 else {}
    return {"generator": generator, "discriminator": discriminator} | average


def drawing(networks: Mapping[str, nn.Module]) -> nn.Module:
    """The generator that makes pictures once it is trained: the averaged one, where there is one."""
    return networks.get(AVERAGE, networks["generator"])


class _GanStage(Stage):
    """What both have in common: networks, optimisers, and what a step draws."""

    def __init__(self, networks: Mapping[str, nn.Module], settings: GanSettings, steps: int) -> None:
        """`networks`: those of `gan_networks`; others among them are left alone."""
        self.steps, self.batch_size, self.gan = steps, settings.batch_size, settings
        self.images = settings.training_images
        self.holes = Center()  # no step uses one, but a feed draws them all the same: these cost least
        roles = ("generator", "discriminator")
        self.networks = {name: networks[name] for name in (*roles, AVERAGE) if name in networks}
        self.optimizers = {name: _adam(self.networks[name], settings) for name in roles}

    def step(self, feed: Feed) -> dict[str, Tensor]:
        self.set_learning_rate(
            self.gan.learning_rate * schedule.share(self.gan.schedule, feed.step, self.steps), *self.optimizers
        )
        scalars = self.update(feed)
        if AVERAGE in self.networks:
            self.follow(feed.step)
        return scalars

    @abstractmethod
    def update(self, feed: Feed) -> dict[str, Tensor]:
        """One step of the two networks; returns its scalars."""

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move the running mean towards the generator: over the last 1 / (1 - average) steps, at first over fewer.

        The statistics of batch normalisation are averaged as the weights are.
        """
        decay = min(self.gan.average, (1 + step) / (10 + step))
        now = self.networks["generator"].state_dict()
        for name, mean in self.networks[AVERAGE].state_dict().items():
            mean.lerp_(now[name], 1 - decay) if mean.is_floating_point() else mean.copy_(now[name])

    def real(self, feed: Feed) -> Tensor:
        """The next training images in [-1,1], half of them mirrored where the settings say so."""
        image = 2 * feed.batch().image - 1
        if not self.gan.flip:
            return image
        mirrored = torch.rand(len(image), 1, 1, 1, generator=feed.rng) < 0.5
        return torch.where(mirrored.to(image.device, non_blocking=True), image.flip(-1), image)

    def vectors(self, feed: Feed, device: torch.device) -> Tensor:
        """Fresh vectors z, one for each image of a batch."""
        return self.gan.draw(self.batch_size, feed.rng).to(device, non_blocking=True)

    def score(self, image: Tensor) -> Tensor:
        """What the discriminator says of (N,3,H,W), for the generator's sake: its own weights get no gradient."""
        with self.frozen("discriminator"):
            scores: Tensor = self.networks["discriminator"](image)
        return scores


class AdversarialStage(_GanStage):
    """DCGAN: one update of the discriminator, then `g_steps` of the generator.

    The same z serves all updates of a step, as in the codes that take two generator steps (carpedm20, bamos); with
    `in_turn` the generator's updates have one of their own, as in Newmu's.

    Scalars: `discriminator` and `generator`, the losses in nats; `generator_gradient`, the norm of the generator's last
    gradient; `generator_slope`, the mean |derivative| of its last loss by a logit, in [0,1] whatever the networks are:
    0 where the discriminator leaves nothing to learn from.
    """

    name = "dcgan"
    blind = gan.blind()

    def __init__(self, networks: Mapping[str, nn.Module], settings: DcganSettings, images: int) -> None:
        """`images`: how many training images there are, for the length of an epoch."""
        super().__init__(networks, settings, settings.gan_steps(images))
        self.g_steps, self.in_turn = settings.g_steps, settings.in_turn
        self.saturating = settings.generator_loss == "saturating"

    def update(self, feed: Feed) -> dict[str, Tensor]:
        real = self.real(feed)
        z = self.vectors(feed, real.device)
        fake = self.networks["generator"](z)
        discriminator_loss = self.minimise("discriminator", self.discriminator_loss(real, fake.detach()))
        if self.in_turn:
            z = self.vectors(feed, real.device)
        for place in range(self.g_steps):
            # The first picture is still what the generator makes of z: only the discriminator has changed since.
            reused = place == 0 and not self.in_turn
            score = self.score(fake if reused else self.networks["generator"](z))
            generator_loss = self.minimise("generator", self.generator_loss(score))
        gradients = [weight.grad for weight in self.networks["generator"].parameters() if weight.grad is not None]
        return {
            "discriminator": discriminator_loss,
            "generator": generator_loss,
            "generator_gradient": nn.utils.get_total_norm(gradients),
            "generator_slope": (score if self.saturating else -score).detach().sigmoid().mean(),
        }

    def generator_loss(self, score: Tensor) -> Tensor:
        return gan.saturating_loss(score) if self.saturating else gan.generator_loss(score)

    def discriminator_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """In two passes: batch normalisation over a mixed batch would let each half see the other."""
        discriminator = self.networks["discriminator"]
        return gan.discriminator_loss(discriminator(real), discriminator(fake))


class WassersteinStage(_GanStage):
    """WGAN-GP: `n_critic` updates of the discriminator, each with fresh images and z, then one of the generator.

    Scalars: `wasserstein`, the estimate of the distance (mean score of real minus that of fake) and `penalty` (before
    its weight), both of the step's last discriminator update; `generator`, its loss.
    """

    name = "wgan"
    penalised = frozenset({"discriminator"})

    def __init__(self, networks: Mapping[str, nn.Module], settings: WganSettings, images: int) -> None:
        """`images`: how many training images there are; an epoch counts the batches that the discriminator sees."""
        seen = settings.batch_size * settings.n_critic
        super().__init__(networks, settings, settings.steps or max(1, settings.epochs * images // seen))
        self.n_critic, self.gp_weight = settings.n_critic, settings.gp_weight

    def update(self, feed: Feed) -> dict[str, Tensor]:
        scalars: dict[str, Tensor] = {}
        for _ in range(self.n_critic):
            scalars = self.update_discriminator(feed)
        z = self.vectors(feed, scalars["penalty"].device)
        loss = wgan.adversarial(self.score(self.networks["generator"](z)))
        return scalars | {"generator": self.minimise("generator", loss)}

    def update_discriminator(self, feed: Feed) -> dict[str, Tensor]:
        """One update of the discriminator (Gulrajani et al. 2017, Alg. 1, lines 3-9)."""
        real = self.real(feed)
        z = self.vectors(feed, real.device)
        with torch.no_grad():
            fake = self.networks["generator"](z)
        discriminator = self.networks["discriminator"]
        loss = wgan.wasserstein(discriminator(real), discriminator(fake))
        penalty = wgan.gradient_penalty(discriminator, self.penalty_point(real, fake, feed))
        self.minimise("discriminator", loss + self.gp_weight * penalty)
        return {"wasserstein": -loss.detach(), "penalty": penalty.detach()}

    def penalty_point(self, real: Tensor, fake: Tensor, feed: Feed) -> Tensor:
        """Where the gradient is penalised: somewhere between each real picture and a fake one."""
        t = torch.rand(len(real), 1, 1, 1, generator=feed.rng).to(real.device, non_blocking=True)
        return wgan.interpolate(real, fake, t)


def _adam(network: nn.Module, settings: GanSettings) -> Adam:
    betas = (settings.beta1, settings.beta2)
    return Adam(network.parameters(), settings.learning_rate, betas, weight_decay=settings.weight_decay, fused=True)
