"""Training (Algorithm 1) and inpainting. Where it differs from the text, and why: the ledger in paper.toml (F-..)."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from baselines import wgan
from baselines.ca.losses import box_loss, discount, known_loss
from baselines.feed_forward import FeedForward
from baselines.schedule import cosine
from bench.masks.geometry import box_crop, window
from bench.methods.base import DataFacts, Feed, Inpainter, Method, Stage, compose, erase

from . import losses
from .networks import Generator, check_resolution, critics, sizes
from .settings import FangSettings

BATCH = 8
"""How many images the inpainter fills at once."""


class Reconstruction(Stage):
    """The generator without critics: the whole training if there is no GAN, else its first `l1_first_steps`."""

    name = "reconstruction"

    def __init__(self, method: "Fang2021", first: int, steps: int) -> None:
        self.settings = method.settings
        self.first, self.all_steps = first, method.settings.all_steps(method.data.images)
        self.steps, self.batch_size, self.holes = steps, self.settings.batch_size, self.settings.holes()
        self.box = method.data.resolution // 2
        self.discount = discount(self.box, self.settings.discount_gamma or 1.0)
        self.perceptual = method.perceptual
        generator = method.networks()["generator"]
        self.networks = {"generator": generator}
        self.optimizers = {"generator": optimizer(self.settings, generator.parameters(), self.settings.weight_decay)}

    def step(self, feed: Feed) -> dict[str, Tensor]:
        self.set_learning_rate(feed.step)
        return self.update_generator(feed)

    def update_generator(self, feed: Feed) -> dict[str, Tensor]:
        """The second half of Algorithm 1's loop: a fresh batch, then one update of G."""
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
        """The parts of the generator's loss, weighted."""
        found = {}
        if self.settings.reconstruction != "none":
            stages = ((coarse, self.settings.coarse_weight), (refined, 1.0))
            found["reconstruction"] = total(weight * self.distance(result, truth, hole) for result, weight in stages)
        if self.perceptual is not None:
            pasted = compose(truth, hole, refined)
            found["perceptual"] = self.settings.perceptual_weight * self.perceptual(pasted, truth)
        return found

    def distance(self, result: Tensor, truth: Tensor, hole: Tensor) -> Tensor:
        """The l1 loss of one stage (Alg. 1), in the box around the hole and on the known pixels (F-16, F-17)."""
        distances = losses.distance(result, truth, self.settings.reconstruction)
        self.discount = self.discount.to(truth.device)
        in_box = box_loss(distances, hole, self.discount)
        known = known_loss(distances, hole)
        return self.settings.l1_hole_weight * in_box + self.settings.l1_known_weight * known

    def set_learning_rate(self, step: int) -> None:
        rate = learning_rate(self.settings, self.first + step, self.all_steps)
        for one in self.optimizers.values():
            for group in one.param_groups:
                group["lr"] = rate


class Adversarial(Reconstruction):
    """Algorithm 1: `n_critic` updates of the critics, then one of the generator, each with a fresh batch."""

    name = "adversarial"

    def __init__(self, method: "Fang2021", first: int, steps: int) -> None:
        super().__init__(method, first, steps)
        self.critics = [name for name in method.networks() if name != "generator"]
        self.penalised = frozenset(self.critics)
        self.networks |= {name: method.networks()[name] for name in self.critics}
        self.optimizers["critics"] = optimizer(self.settings, self._critic_weights())

    def step(self, feed: Feed) -> dict[str, Tensor]:
        self.set_learning_rate(feed.step)
        scalars: dict[str, Tensor] = {}
        for _ in range(self.settings.n_critic):
            scalars = self.update_critics(feed)
        return scalars | self.update_generator(feed)

    def update_critics(self, feed: Feed) -> dict[str, Tensor]:
        """The first half of Algorithm 1's loop: a fresh batch, then one update of both critics."""
        image, hole = feed.batch()
        truth = 2 * image - 1
        t = torch.rand(len(image), 1, 1, 1, generator=feed.rng).to(image.device, non_blocking=True)
        with torch.no_grad():
            fake = compose(truth, hole, self.networks["generator"](truth, hole)[1])
        views = self.views(truth, hole)
        # Eq. (2) and (3).
        loss = total(wgan.wasserstein(view(truth), view(fake)) for view in views)
        scalars = {"wasserstein": loss.detach()}
        if self.settings.gan == "wgan_gp":
            # Alg. 1, second assignment (the first is a slip, F-14); §3.3: 'a gradient penalty for missing pixels'.
            point = wgan.interpolate(truth, fake, t)
            region = hole if self.settings.gp_region == "hole" else None
            penalty = total(wgan.gradient_penalty(view, point, region) for view in views)
            loss = loss + self.settings.gp_weight * penalty
            scalars["penalty"] = penalty.detach()
        self.optimizers["critics"].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers["critics"].step()
        if self.settings.gan == "wgan_clip":
            wgan.clip_weights(self._critic_weights(), self.settings.clip)
        return scalars

    def terms(self, coarse: Tensor, refined: Tensor, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        fake = compose(truth, hole, refined)
        with wgan.frozen(self._critic_weights()):
            score = total(wgan.adversarial(view(fake)) for view in self.views(truth, hole))
        return super().terms(coarse, refined, truth, hole) | {"adversarial": self.settings.gan_weight * score}

    def views(self, truth: Tensor, hole: Tensor) -> list[Callable[[Tensor], Tensor]]:
        """Each critic as a function of the whole candidate picture (N,3,H,W) alone.

        The condition, the damaged picture, is bound, so that a penalty differentiates the candidate only (F-18). The
        local critic crops by itself: the hole lies in its box, so a mask of the whole picture is right for it (F-19).
        """
        broken = erase(truth, hole)
        top, left = window(hole, self.box)

        def view(name: str, candidate: Tensor) -> Tensor:
            seen = torch.cat([candidate, broken], dim=1) if self.settings.conditional else candidate
            scores: Tensor = self.networks[name](
                box_crop(seen, top, left, self.box) if name == "critic_local" else seen
            )
            return scores

        return [partial(view, name) for name in self.critics]

    def _critic_weights(self) -> list[nn.Parameter]:
        return [weight for name in self.critics for weight in self.networks[name].parameters()]


class Fang2021(Method):
    """Two-stage network with global and local WGAN-GP critics (Fang et al. 2021, CSSE 41(2))."""

    settings_class = FangSettings
    settings: FangSettings

    def __init__(self, settings: FangSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        check_resolution(settings, data.resolution)
        self._networks = {"generator": Generator(settings), **critics(settings, data.resolution)}
        if settings.channels_last:
            for network in self._networks.values():
                network.to(memory_format=torch.channels_last)
        self.perceptual: losses.Perceptual | None = None

    def networks(self) -> dict[str, nn.Module]:
        return self._networks

    def stages(self) -> Sequence[Stage]:
        """Each stage starts its own optimisers: a training that is resumed between two stages has no others."""
        settings, steps = self.settings, self.settings.all_steps(self.data.images)
        if settings.vgg19_file is not None and settings.perceptual_weight > 0 and self.perceptual is None:
            self.perceptual = losses.Perceptual(settings.vgg19_file)
        if settings.gan == "none":
            return [Reconstruction(self, 0, steps)]
        alone = 0 if settings.reconstruction == "none" else min(settings.l1_first_steps, steps - 1)
        first = [Reconstruction(self, 0, alone)] if alone else []
        return [*first, Adversarial(self, alone, steps - alone)]

    def inpainter(self) -> Inpainter:
        """The raw result is the second stage's, unpasted (F-6: no post-processing)."""
        generator = self._networks["generator"]
        return FeedForward(generator, lambda truth, hole: generator(truth, hole)[1], sizes(self.settings), BATCH)


def optimizer(settings: FangSettings, weights: Iterable[nn.Parameter], weight_decay: float = 0.0) -> Optimizer:
    """Adam, or gradient descent without momentum (F-S10, F-20)."""
    if settings.optimizer == "sgd":
        return SGD(weights, settings.learning_rate, weight_decay=weight_decay)
    betas = (settings.beta1, settings.beta2)
    return Adam(weights, settings.learning_rate, betas, weight_decay=weight_decay, fused=True)


def learning_rate(settings: FangSettings, step: int, steps: int) -> float:
    """The rate at `step` (from 0) of all `steps`; a function of nothing else, so that a resumed training has it too."""
    if settings.schedule == "constant":
        return settings.learning_rate
    return settings.learning_rate * cosine(step, steps)


def total(terms: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(terms)).sum()


METHOD = Fang2021
