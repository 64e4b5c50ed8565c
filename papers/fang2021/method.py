"""Training (Algorithm 1) and inpainting. Where it differs from the text, and why: the ledger in paper.toml (F-..).

Algorithm 1 is that of Yu et al. 2018; its code is in baselines/ca/training.py. What is this paper's own: the distances,
the damaged picture that the discriminators see beside the candidate, and the variants of its ablations and readings.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, Optimizer

from baselines import poisson, wgan
from baselines.ca.losses import box_loss, discount, known_loss
from baselines.ca.training import CROSS_ENTROPY, WASSERSTEIN, CoarseToFine, View
from baselines.feed_forward import FeedForward
from bench.methods.base import DataFacts, Feed, Inpainter, Method, Stage, compose, erase, total

from . import losses
from .networks import check_resolution, discriminators, generator, sizes
from .settings import FangSettings

BATCH = 8
"""How many images the inpainter fills at once."""


class FangStage(CoarseToFine):
    """Algorithm 1, or the generator alone: the whole training if there is no GAN, else its first `l1_first_steps`."""

    settings: FangSettings

    def __init__(self, networks: Mapping[str, nn.Module], method: "Fang2021", first: int, steps: int) -> None:
        super().__init__(networks, method.settings, method.data, first, steps)
        self.discount = discount(self.box, method.settings.discount_gamma or 1.0)
        self.perceptual = method.perceptual
        self.adversary = CROSS_ENTROPY if self.settings.gan == "cross_entropy" else WASSERSTEIN

    def new_optimizer(self, role: str, weights: Iterable[nn.Parameter]) -> Optimizer:
        """Adam, or gradient descent without momentum (F-S10, F-20)."""
        settings = self.settings
        weight_decay = settings.weight_decay if role == "generator" else 0.0
        if settings.optimizer == "sgd":
            return SGD(weights, settings.learning_rate, weight_decay=weight_decay)
        betas = (settings.beta1, settings.beta2)
        return Adam(weights, settings.learning_rate, betas, weight_decay=weight_decay, fused=True)

    def reconstruction(self, coarse: Tensor, refined: Tensor, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """The distances of both stages' results; that of VGG-19's features only where a setting asks for it (F-7)."""
        found = {}
        if self.settings.reconstruction != "none":
            stages = ((coarse, self.settings.coarse_weight), (refined, 1.0))[self.settings.refine == "none" :]
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

    def update_discriminators(self, feed: Feed) -> dict[str, Tensor]:
        """Under `wgan_clip` each update ends with clipped weights (F-11)."""
        scalars = super().update_discriminators(feed)
        if self.settings.gan == "wgan_clip":
            wgan.clip_weights(self.discriminator_weights(), self.settings.clip)
        return scalars

    def penalty(self, views: list[View], point: Tensor, hole: Tensor) -> Tensor | None:
        """Alg. 1, second assignment (the first is a slip, F-14); §3.3: 'a gradient penalty for missing pixels'."""
        if self.settings.gan in ("wgan_clip", "cross_entropy"):
            return None
        region = hole if self.settings.gp_region == "hole" else None
        return total(wgan.gradient_penalty(view, point, region) for view in views)

    def condition(self, truth: Tensor, hole: Tensor) -> Tensor | None:
        """The damaged picture (§3.2, F-18)."""
        return erase(truth, hole) if self.settings.conditional else None


class Blended(FeedForward):
    """In the hole the gradients of the network's result, on its rim the known pixels (§3, F-6)."""

    def inpaint(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        result = super().inpaint(image, hole, seed).clamp(0.0, 1.0)
        return compose(result, hole, poisson.blend(image, hole, result))


class Fang2021(Method):
    """Two-stage network with global and local WGAN-GP critics (Fang et al. 2021, CSSE 41(2))."""

    settings_class = FangSettings
    settings: FangSettings
    after_training: ClassVar[frozenset[str]] = frozenset({"blend"})
    from_stage: ClassVar[Mapping[str, frozenset[str]]] = {
        "adversarial": frozenset({"gan", "critics", "critic_width", "conditional", "n_critic"})
        | {"gan_weight", "gp_weight", "gp_region", "clip"}
    }

    def __init__(self, settings: FangSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        check_resolution(settings, data.resolution)
        self._networks: dict[str, nn.Module] = {"generator": generator(settings)}
        self._networks |= discriminators(settings, data.resolution)
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
        networks = self._networks
        if settings.gan == "none":
            return [FangStage(networks, self, 0, steps)]
        alone = 0 if settings.reconstruction == "none" else min(settings.l1_first_steps, steps - 1)
        first = [FangStage({"generator": networks["generator"]}, self, 0, alone)] if alone else []
        return [*first, FangStage(networks, self, alone, steps - alone)]

    def inpainter(self) -> Inpainter:
        """The raw result is the second stage's, unpasted, and not blended unless settings ask for it (F-6)."""
        generator = self._networks["generator"]
        kind = Blended if self.settings.blend == "poisson" else FeedForward
        return kind(generator, lambda truth, hole: generator(truth, hole)[1], sizes(self.settings), BATCH)


METHOD = Fang2021
