"""Training a coarse and a refining network by Yu et al. 2018, Algorithm 1. Colours are in [-1,1]."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from baselines import gan, wgan
from baselines.ca.settings import CoarseToFineSettings
from baselines.schedule import share
from bench.masks.geometry import box_crop, window
from bench.methods.base import DataFacts, Feed, Stage, compose, total

View = Callable[[Tensor], Tensor]
"""From whole pictures (N,3,H,W) to a discriminator's scores (N,)."""


class Adversary(NamedTuple):
    """The two losses of a GAN, 0-dim, from a discriminator's scores (N,)."""

    name: str
    """Under which the discriminators' loss is logged."""
    discriminator: Callable[[Tensor, Tensor], Tensor]
    """Of true pictures' scores and filled ones'."""
    generator: Callable[[Tensor], Tensor]
    """Of filled pictures' scores."""


WASSERSTEIN = Adversary("wasserstein", wgan.wasserstein, wgan.adversarial)
CROSS_ENTROPY = Adversary("cross_entropy", gan.discriminator_loss, gan.generator_loss)
"""Scores are logits."""


class CoarseToFine(Stage):
    """`n_critic` updates of the discriminators, then one of the generator, each with a fresh batch.

    The generator alone is trained where no discriminator is among the networks. A discriminator called
    `discriminator_local` sees the box of half the side around the hole, any other the whole picture.
    """

    adversary: Adversary = WASSERSTEIN

    def __init__(
        self, networks: Mapping[str, nn.Module], settings: CoarseToFineSettings, data: DataFacts, first: int, steps: int
    ) -> None:
        """`first`: how many steps of the whole training come before this stage."""
        self.settings, self.networks = settings, dict(networks)
        self.discriminators = [name for name in networks if name != "generator"]
        self.penalised = frozenset(self.discriminators)
        self.name = "adversarial" if self.discriminators else "reconstruction"
        self.first, self.steps, self.all_steps = first, steps, settings.all_steps(data.images)
        self.batch_size, self.holes = settings.batch_size, settings.holes()
        self.box = data.resolution // 2
        self.optimizers = {"generator": self.new_optimizer("generator", self.networks["generator"].parameters())}
        if self.discriminators:
            self.optimizers["discriminator"] = self.new_optimizer("discriminator", self.discriminator_weights())

    def new_optimizer(self, role: str, weights: Iterable[nn.Parameter]) -> Optimizer:
        settings = self.settings
        return Adam(weights, settings.learning_rate, (settings.beta1, settings.beta2), fused=True)

    def step(self, feed: Feed) -> dict[str, Tensor]:
        self.follow_schedule(feed.step)
        scalars: dict[str, Tensor] = {}
        for _ in range(self.settings.n_critic if self.discriminators else 0):
            scalars = self.update_discriminators(feed)
        return scalars | self.update_generator(feed)

    def follow_schedule(self, step: int) -> None:
        """Learning rates as at `step` of this stage."""
        factor = share(self.settings.schedule, self.first + step, self.all_steps)
        self.set_learning_rate(factor * self.settings.learning_rate)

    def update_generator(self, feed: Feed) -> dict[str, Tensor]:
        """A fresh batch, then one update of both networks of the generator."""
        image, hole = feed.batch()
        truth = 2 * image - 1
        coarse, refined = self.networks["generator"](truth, hole)
        terms = self.reconstruction(coarse, refined, truth, hole)
        if self.discriminators:
            fake = compose(truth, hole, refined)
            with self.frozen(*self.discriminators):
                score = total(self.adversary.generator(view(fake)) for view in self.views(truth, hole))
            terms["adversarial"] = self.settings.gan_weight * score
        return self.minimise_sum("generator", terms)

    @abstractmethod
    def reconstruction(self, coarse: Tensor, refined: Tensor, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """The parts of the generator's loss that need no discriminator, weighted, by name."""

    def update_discriminators(self, feed: Feed) -> dict[str, Tensor]:
        """A fresh batch, then one update of all discriminators by the sum of their losses (Eq. (1) to (3))."""
        image, hole = feed.batch()
        truth = 2 * image - 1
        t = torch.rand(len(image), 1, 1, 1, generator=feed.rng).to(image.device, non_blocking=True)
        with torch.no_grad():
            fake = compose(truth, hole, self.networks["generator"](truth, hole)[1])
        views = self.views(truth, hole)
        loss = total(self.adversary.discriminator(view(truth), view(fake)) for view in views)
        scalars = {self.adversary.name: loss.detach()}
        penalty = self.penalty(views, wgan.interpolate(truth, fake, t), hole)
        if penalty is not None:
            loss = loss + self.settings.gp_weight * penalty
            scalars["penalty"] = penalty.detach()
        self.minimise("discriminator", loss)
        return scalars

    def penalty(self, views: list[View], point: Tensor, hole: Tensor) -> Tensor | None:
        """The gradient penalty at `point` before its weight; None: there is none.

        The local discriminator's box holds the hole, so a gradient that is masked by the whole picture's hole is right
        for it too.
        """
        return total(wgan.gradient_penalty(view, point, hole) for view in views)

    def condition(self, truth: Tensor, hole: Tensor) -> Tensor | None:
        """Planes (N,C,H,W) that discriminators see behind the candidate's; None: they see the candidate alone."""
        return None

    def views(self, truth: Tensor, hole: Tensor) -> list[View]:
        """Each discriminator as a function of the whole candidate alone: a penalty does not touch its condition."""
        condition = self.condition(truth, hole)
        top, left = window(hole, self.box)

        def view(name: str, candidate: Tensor) -> Tensor:
            seen = candidate if condition is None else torch.cat([candidate, condition], dim=1)
            if name == "discriminator_local":
                seen = box_crop(seen, top, left, self.box)
            scores: Tensor = self.networks[name](seen)
            return scores

        return [partial(view, name) for name in self.discriminators]

    def discriminator_weights(self) -> list[nn.Parameter]:
        return [weight for name in self.discriminators for weight in self.networks[name].parameters()]
