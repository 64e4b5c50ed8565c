"""CA: training and inpainting as in Yu et al. 2018 (CVPR) and version 1 of their code.

Sources: the paper, and the released code (JiahuiYu/generative_inpainting v1.0.0). Where the two differ, and where this
differs from both: the ledger in paper.toml (C-..).
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import Adam

from baselines import wgan
from baselines.ca import losses
from baselines.ca.networks import (
    Coarse,
    RefineWithAttention,
    RefineWithoutAttention,
    global_critic,
    local_critic,
    near_identity,
    planes,
)
from baselines.ca.settings import CaSettings
from baselines.feed_forward import FeedForward
from baselines.schedule import cosine
from bench.masks.geometry import box_crop, window
from bench.masks.random import RandomRectangle
from bench.methods.base import DataFacts, Feed, Inpainter, Method, Sizes, Stage, compose, erase
from bench.util.errors import UserError

INSIDE = 5
"""Planes that a network of the generator reads: colours, ones, hole."""


class Generator(nn.Module):
    """Image and hole to the results of both networks, clamped but not pasted."""

    def __init__(self, settings: CaSettings) -> None:
        super().__init__()
        refine = RefineWithAttention if settings.attention else RefineWithoutAttention
        self.coarse = Coarse(INSIDE, settings.width, settings.dilations)
        self.refine = refine(INSIDE, settings.width, settings.dilations)
        if settings.init == "near_identity":
            near_identity(self)

    def forward(self, image: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
        """(N,3,H,W) in [-1,1] and bool (N,1,H,W) to the coarse and the refined result, each (N,3,H,W) in [-1,1].

        What `image` holds under the hole does not matter. The second network's gradient reaches the first one, through
        the paste.
        """
        known = erase(image, hole)
        coarse: Tensor = self.coarse(planes(known, hole, ones=True))
        refined: Tensor = self.refine(planes(compose(known, hole, coarse), hole, ones=True))
        return coarse, refined


class Reconstruction(Stage):
    """The generator without critics: the first `l1_first_steps` of a short training; the authors have no such phase."""

    name = "reconstruction"

    def __init__(self, method: "Ca", first: int, steps: int) -> None:
        self.settings = method.settings
        self.first, self.steps, self.batch_size = first, steps, self.settings.batch_size
        self.holes = RandomRectangle()
        self.box = method.data.resolution // 2
        self.discount = losses.discount(self.box, self.settings.discount_gamma)
        self.networks = {"generator": method.networks()["generator"]}
        self.optimizers = {"generator": self.adam(self.networks["generator"].parameters())}

    def adam(self, weights: Iterable[nn.Parameter]) -> Adam:
        settings = self.settings
        return Adam(weights, settings.learning_rate, (settings.beta1, settings.beta2), fused=True)

    def step(self, feed: Feed) -> dict[str, Tensor]:
        self.set_learning_rate(feed.step)
        return self.update_generator(feed)

    def update_generator(self, feed: Feed) -> dict[str, Tensor]:
        """A fresh batch, then one update of both networks of the generator."""
        image, hole = feed.batch()
        truth = 2 * image - 1
        coarse, refined = self.networks["generator"](truth, hole)
        terms = self.terms(coarse, refined, truth, hole)
        loss = total(terms.values())
        self.optimizers["generator"].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers["generator"].step()
        return {name: term.detach() for name, term in {**terms, "generator": loss}.items()}

    def terms(self, coarse: Tensor, refined: Tensor, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """The parts of the generator's loss, weighted: l1 of raw results in the box and on the known pixels (§3.2)."""
        settings = self.settings
        distances = settings.coarse_weight * (coarse - truth).abs() + (refined - truth).abs()
        self.discount = self.discount.to(truth.device)
        return {
            "l1": settings.l1_weight * losses.box_loss(distances, hole, self.discount),
            "known": settings.known_weight * losses.known_loss(distances, hole),
        }

    def set_learning_rate(self, step: int) -> None:
        settings = self.settings
        factor = 1.0 if settings.schedule == "constant" else cosine(self.first + step, settings.steps)
        for one in self.optimizers.values():
            for group in one.param_groups:
                group["lr"] = factor * settings.learning_rate


class Adversarial(Reconstruction):
    """Alg. 1: `n_critic` updates of both critics, then one of the generator, each with a fresh batch."""

    name = "adversarial"

    def __init__(self, method: "Ca", first: int, steps: int) -> None:
        super().__init__(method, first, steps)
        self.networks |= method.critics
        self.critics = list(method.critics)
        self.penalised = frozenset(self.critics)
        self.optimizers["critics"] = self.adam(self.critic_weights())

    def step(self, feed: Feed) -> dict[str, Tensor]:
        self.set_learning_rate(feed.step)
        scalars: dict[str, Tensor] = {}
        for _ in range(self.settings.n_critic):
            scalars = self.update_critics(feed)
        return scalars | self.update_generator(feed)

    def update_critics(self, feed: Feed) -> dict[str, Tensor]:
        """A fresh batch, then one update of both critics (Eq. (1) to (3))."""
        image, hole = feed.batch()
        truth = 2 * image - 1
        t = torch.rand(len(image), 1, 1, 1, generator=feed.rng).to(image.device, non_blocking=True)
        with torch.no_grad():
            fake = compose(truth, hole, self.networks["generator"](truth, hole)[1])
        views, point = self.views(hole), wgan.interpolate(truth, fake, t)
        distance = total(wgan.wasserstein(view(truth), view(fake)) for view in views)
        penalty = total(wgan.gradient_penalty(view, point, hole) for view in views)
        self.optimizers["critics"].zero_grad(set_to_none=True)
        (distance + self.settings.gp_weight * penalty).backward()
        self.optimizers["critics"].step()
        return {"wasserstein": distance.detach(), "penalty": penalty.detach()}

    def terms(self, coarse: Tensor, refined: Tensor, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        fake = compose(truth, hole, refined)
        with wgan.frozen(self.critic_weights()):
            score = total(wgan.adversarial(view(fake)) for view in self.views(hole))
        return super().terms(coarse, refined, truth, hole) | {"adversarial": self.settings.gan_weight * score}

    def views(self, hole: Tensor) -> list[Callable[[Tensor], Tensor]]:
        """Each critic as a function of the whole picture (N,3,H,W); the local one crops to the box around the hole.

        The hole lies in its box, so a gradient that is masked by the whole picture's hole is right for both.
        """
        top, left = window(hole, self.box)

        def view(name: str, picture: Tensor) -> Tensor:
            seen = box_crop(picture, top, left, self.box) if name == "critic_local" else picture
            scores: Tensor = self.networks[name](seen)
            return scores

        return [partial(view, name) for name in self.critics]

    def critic_weights(self) -> list[nn.Parameter]:
        return [weight for name in self.critics for weight in self.networks[name].parameters()]


class Ca(Method):
    """CA: coarse and refining network with contextual attention, two WGAN-GP critics (Yu et al. 2018, CVPR)."""

    settings_class = CaSettings
    settings: CaSettings

    def __init__(self, settings: CaSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        side, multiple = data.resolution, 8 if settings.attention else 4
        if side % multiple:
            raise UserError(f"A resolution of {side} is not a multiple of {multiple}; take one that is.")
        self.fit = Sizes(minimum=multiple, multiple=multiple)
        self.generator = Generator(settings)
        self.critics: dict[str, nn.Module] = {
            "critic_global": global_critic(3, side, settings.critic_width),
            "critic_local": local_critic(3, side // 2, settings.critic_width),
        }
        if settings.channels_last:
            for network in self.networks().values():
                network.to(memory_format=torch.channels_last)

    def networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, **self.critics}

    def stages(self) -> Sequence[Stage]:
        """Each stage starts its own optimisers: a training that is resumed between two stages has no others."""
        alone, steps = self.settings.l1_first_steps, self.settings.steps
        first = [Reconstruction(self, 0, alone)] if alone else []
        return [*first, Adversarial(self, alone, steps - alone)]

    def inpainter(self) -> Inpainter:
        return FeedForward(self.generator, lambda colours, hole: self.generator(colours, hole)[1], self.fit)


def total(terms: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()


METHOD = Ca
