"""Training and completion. Where it differs from the text, and why: the ledger in paper.toml (C..)."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Adam

from baselines.latent.frozen import frozen_copy
from baselines.latent.networks import Discriminator, Generator
from baselines.latent.search import LatentSearch, search
from baselines.latent.settings import SEARCH_SETTINGS
from baselines.latent.training import WassersteinStage, drawing, gan_networks
from baselines.latent.unconditional import LatentMethod
from bench.masks.mixed import MIXED
from bench.methods.base import DataFacts, Feed, Inpainter, Stage, compose, in_fixed_batches

from .enhancement import Enhancement, blur, residual_loss
from .settings import ENHANCEMENT_SETTINGS, ChandakSettings

DROP_AT, DROP_TO = 0.6, 0.1
"""The enhancement's learning rate falls to a tenth after 60 % of its steps (C19)."""


class FakePenaltyStage(WassersteinStage):
    """The gradient penalty at the generator's own pictures, as Eq. (3) is printed (C7)."""

    def penalty_point(self, real: Tensor, fake: Tensor, feed: Feed) -> Tensor:
        return fake


class Pairs(NamedTuple):
    """What the enhancement learns from: x and y of Eq. (8), float32 (N,3,H,W) in [0,1]."""

    clear: Tensor
    degraded: Tensor


class EnhancementStage(Stage):
    """Eq. (8): the enhancement network learns the residual of blurred or completed pictures. Scalar: `enhancement`."""

    name = "enhancement"

    def __init__(self, method: "Chandak2019") -> None:
        self.settings = settings = method.settings
        self.steps = settings.all_enhancement_steps(method.data.images)
        self.batch_size, self.images = settings.enhancement_batch_size, settings.enhancement_images
        self.holes = MIXED  # of completed pictures (C4); blurred ones have none
        self.count = min(settings.enhancement_images, method.data.images)
        self.searched = drawing(method.networks()), method.networks()["discriminator"]
        self.kept: Pairs | None = None
        self.networks = {"enhancement": method.networks()["enhancement"]}
        if settings.pairs == "completed":  # they are not trained here, but must be on the device
            self.networks |= {"generator": self.searched[0], "discriminator": self.searched[1]}
        weights = self.networks["enhancement"].parameters()
        self.optimizers = {"enhancement": Adam(weights, settings.enhancement_learning_rate, fused=True)}

    def step(self, feed: Feed) -> dict[str, Tensor]:
        drop = DROP_TO if feed.step >= DROP_AT * self.steps else 1.0
        self.set_learning_rate(drop * self.settings.enhancement_learning_rate)
        clear, degraded = self.blurred(feed) if self.settings.pairs == "blur" else self.completed(feed)
        loss = residual_loss(self.networks["enhancement"](degraded), degraded, clear)
        return {"enhancement": self.minimise("enhancement", loss)}

    def blurred(self, feed: Feed) -> Pairs:
        """The next pictures, each blurred by a sigma of its own, drawn anew each time (C18)."""
        clear, _ = feed.batch()
        low, high = self.settings.blur_low, self.settings.blur_high
        sigma = low + (high - low) * torch.rand(len(clear), generator=feed.rng)
        return Pairs(clear, blur(clear, sigma.to(clear.device, non_blocking=True), self.settings.blur_side))

    def completed(self, feed: Feed) -> Pairs:
        """Some of the pictures that the GAN completed: what the network meets at test time (C18).

        They are made once: in the first step, and again in that of a resumed training, from the same networks.
        """
        if self.kept is None:
            clear, hole = feed.fixed(self.count)
            found = search(*self.searched, clear, hole, torch.arange(self.count), self.settings.pair_search())
            self.kept = Pairs(clear, compose(clear, hole, found.fill))
        place = torch.randint(self.count, (self.batch_size,), generator=feed.rng)
        here = place.to(self.kept.clear.device, non_blocking=True)
        return Pairs(self.kept.clear[here], self.kept.degraded[here])


class Completion(LatentSearch):
    """Search, Eq. (4), then enhancement of the whole completed picture: the raw result is y - R(y) (C20)."""

    def __init__(self, method: "Chandak2019", settings: ChandakSettings) -> None:
        networks = method.networks()
        super().__init__(drawing(networks), networks["discriminator"], settings, method.data.resolution)
        self.enhancement = networks["enhancement"] if settings.enhance else None

    def inpaint(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        completed = compose(image, hole, super().inpaint(image, hole, seed))
        if self.enhancement is None:
            return completed
        network = frozen_copy(self.enhancement)
        return in_fixed_batches(lambda part, _: part - network(part), completed, hole)


class Chandak2019(LatentMethod):
    """WGAN-GP latent search, then residual enhancement of the whole picture (Chandak et al. 2019)."""

    settings_class = ChandakSettings
    settings: ChandakSettings
    after_training: ClassVar[frozenset[str]] = SEARCH_SETTINGS | {"enhance"}
    from_stage: ClassVar[Mapping[str, frozenset[str]]] = {"enhancement": ENHANCEMENT_SETTINGS}

    def __init__(self, settings: ChandakSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        generator = Generator(settings.width, settings.z_size, data.resolution, settings.kernel)
        critic = Discriminator(settings.width, data.resolution, settings.kernel, norm=settings.critic_norm)
        enhancement = Enhancement(settings.enhancement_depth, settings.enhancement_width)
        self._networks = gan_networks(generator, critic, settings) | {"enhancement": enhancement}

    def networks(self) -> dict[str, nn.Module]:
        return self._networks

    def stages(self) -> Sequence[Stage]:
        """The GAN, then the enhancement network. Each starts its own optimisers."""
        settings, images = self.settings, self.data.images
        settings = settings.model_copy(update={"steps": settings.gan_steps(images)})
        stage_class = WassersteinStage if settings.penalty_on == "segment" else FakePenaltyStage
        gan = stage_class(self._networks, settings, images)
        return [gan, EnhancementStage(self)]

    def inpainter(self) -> Inpainter:
        return Completion(self, self.settings)

    def preview(self) -> Inpainter:
        """A short search: it shows how the training goes."""
        return Completion(self, self.settings.for_preview())


METHOD = Chandak2019
