"""The stages that train a generator and its critic: DCGAN's, and the Wasserstein GAN's with a gradient penalty.

Both are unconditional: no step looks at a hole. Pictures are in [-1,1]; batch normalisation is in training mode.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim import Adam

from baselines import wgan
from baselines.latent.settings import DcganSettings, GanSettings, WganSettings
from bench.masks.center import Center
from bench.methods.base import Feed, Stage


class _GanStage(Stage):
    """What both have in common: networks, optimisers, and what a step draws."""

    def __init__(self, generator: nn.Module, critic: nn.Module, settings: GanSettings, steps: int) -> None:
        self.steps, self.batch_size, self.gan = steps, settings.batch_size, settings
        self.holes = Center()  # no step uses one, but a feed draws them all the same: these cost least
        self.networks = {"generator": generator, "critic": critic}
        self.optimizers = {name: _adam(network, settings) for name, network in self.networks.items()}

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
        """What the critic says of (N,3,H,W), for the generator's sake: no gradient reaches the critic's weights."""
        with wgan.frozen(list(self.networks["critic"].parameters())):
            scores: Tensor = self.networks["critic"](image)
        return scores

    def update(self, name: str, loss: Tensor) -> None:
        """One update of the network `name`."""
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[name].step()


class AdversarialStage(_GanStage):
    """DCGAN: one update of the critic, then `g_steps` of the generator by the non-saturating loss.

    The same z serves all updates of a step, as in the codes that take two generator steps (carpedm20, bamos). Scalars:
    `critic` and `generator`, the losses in nats; `generator_gradient`, the norm of the generator's last gradient.
    """

    name = "dcgan"

    def __init__(self, generator: nn.Module, critic: nn.Module, settings: DcganSettings, images: int) -> None:
        """`images`: how many training images there are, for the length of an epoch."""
        steps = settings.steps or max(1, settings.epochs * images // settings.batch_size)
        super().__init__(generator, critic, settings, steps)
        self.g_steps = settings.g_steps

    def step(self, feed: Feed) -> dict[str, Tensor]:
        real = self.real(feed)
        z = self.vectors(feed, real.device)
        fake = self.networks["generator"](z)
        critic = self.critic_loss(real, fake.detach())
        self.update("critic", critic)
        for place in range(self.g_steps):
            # The first picture is still what the generator makes of z: only the critic has changed since.
            loss = softplus(-self.score(fake if place == 0 else self.networks["generator"](z))).mean()
            self.update("generator", loss)
        gradients = [weight.grad for weight in self.networks["generator"].parameters() if weight.grad is not None]
        norm = nn.utils.get_total_norm(gradients)
        return {"critic": critic.detach(), "generator": loss.detach(), "generator_gradient": norm}

    def critic_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """-log D(real) - log(1 - D(fake)), each a mean over its batch.

        In two passes: batch normalisation over a mixed batch would let each half see the other.
        """
        return softplus(-self.networks["critic"](real)).mean() + softplus(self.networks["critic"](fake)).mean()


class WassersteinStage(_GanStage):
    """WGAN-GP: `n_critic` updates of the critic, each with fresh images and z, then one of the generator.

    Scalars: `wasserstein`, the estimate of the distance (mean score of real minus that of fake) and `penalty` (before
    its weight), both of the step's last critic update; `generator`, its loss.
    """

    name = "wgan"
    penalised = frozenset({"critic"})

    def __init__(self, generator: nn.Module, critic: nn.Module, settings: WganSettings, images: int) -> None:
        """`images`: how many training images there are; an epoch counts the batches that the critic sees."""
        seen = settings.batch_size * settings.n_critic
        super().__init__(generator, critic, settings, settings.steps or max(1, settings.epochs * images // seen))
        self.n_critic, self.gp_weight = settings.n_critic, settings.gp_weight

    def step(self, feed: Feed) -> dict[str, Tensor]:
        scalars: dict[str, Tensor] = {}
        for _ in range(self.n_critic):
            scalars = self.update_critic(feed)
        z = self.vectors(feed, scalars["penalty"].device)
        loss = wgan.adversarial(self.score(self.networks["generator"](z)))
        self.update("generator", loss)
        return scalars | {"generator": loss.detach()}

    def update_critic(self, feed: Feed) -> dict[str, Tensor]:
        """One update of the critic (Gulrajani et al. 2017, Alg. 1, lines 3-9)."""
        real = self.real(feed)
        z = self.vectors(feed, real.device)
        with torch.no_grad():
            fake = self.networks["generator"](z)
        critic = self.networks["critic"]
        loss = wgan.wasserstein(critic(real), critic(fake))
        penalty = wgan.gradient_penalty(critic, self.penalty_point(real, fake, feed))
        self.update("critic", loss + self.gp_weight * penalty)
        return {"wasserstein": -loss.detach(), "penalty": penalty.detach()}

    def penalty_point(self, real: Tensor, fake: Tensor, feed: Feed) -> Tensor:
        """Where the gradient is penalised: somewhere between each real picture and a fake one."""
        t = torch.rand(len(real), 1, 1, 1, generator=feed.rng).to(real.device, non_blocking=True)
        return wgan.interpolate(real, fake, t)


def _adam(network: nn.Module, settings: GanSettings) -> Adam:
    betas = (settings.beta1, settings.beta2)
    return Adam(network.parameters(), settings.learning_rate, betas, weight_decay=settings.weight_decay, fused=True)
