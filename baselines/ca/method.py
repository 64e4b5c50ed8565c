"""CA: training and inpainting as in Yu et al. 2018 (CVPR) and version 1 of their code.

Sources: the paper, and the released code (JiahuiYu/generative_inpainting v1.0.0). Where the two differ, and where this
differs from both: the ledger in paper.toml (C-..).
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from baselines.ca import losses
from baselines.ca.networks import (
    Coarse,
    Generator,
    RefineWithAttention,
    RefineWithoutAttention,
    global_critic,
    local_critic,
    near_identity,
)
from baselines.ca.settings import CaSettings
from baselines.ca.training import CoarseToFine
from baselines.feed_forward import FeedForward
from bench.methods.base import DataFacts, Inpainter, Method, Sizes, Stage
from bench.util.errors import UserError

INSIDE = 5
"""Planes that a network of the generator reads: colours, ones, hole."""


class CaStage(CoarseToFine):
    """Algorithm 1 with the losses of §3.2."""

    settings: CaSettings

    def __init__(self, networks: Mapping[str, nn.Module], method: "Ca", first: int, steps: int) -> None:
        super().__init__(networks, method.settings, method.data, first, steps)
        self.discount = losses.discount(self.box, method.settings.discount_gamma)

    def reconstruction(self, coarse: Tensor, refined: Tensor, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """l1 of both raw results, in the box around the hole and on the known pixels (§3.2)."""
        settings = self.settings
        distances = settings.coarse_weight * (coarse - truth).abs() + (refined - truth).abs()
        self.discount = self.discount.to(truth.device)
        return {
            "l1": settings.l1_weight * losses.box_loss(distances, hole, self.discount),
            "known": settings.known_weight * losses.known_loss(distances, hole),
        }


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
        self.generator = generator(settings)
        self._networks = {
            "generator": self.generator,
            "discriminator_global": global_critic(3, side, settings.critic_width),
            "discriminator_local": local_critic(3, side // 2, settings.critic_width),
        }
        if settings.channels_last:
            for network in self._networks.values():
                network.to(memory_format=torch.channels_last)

    def networks(self) -> dict[str, nn.Module]:
        return self._networks

    def stages(self) -> Sequence[Stage]:
        """The authors' one; before it, where a short training asks for it, the generator alone.

        Each stage starts its own optimisers: a training that is resumed between two stages has no others.
        """
        alone, steps = self.settings.l1_first_steps, self.settings.steps
        first = [CaStage({"generator": self.generator}, self, 0, alone)] if alone else []
        return [*first, CaStage(self._networks, self, alone, steps - alone)]

    def inpainter(self) -> Inpainter:
        return FeedForward(self.generator, lambda colours, hole: self.generator(colours, hole)[1], self.fit)


def generator(settings: CaSettings) -> Generator:
    """The second network's gradient reaches the first, through the paste."""
    refine = RefineWithAttention if settings.attention else RefineWithoutAttention
    found = Generator(
        Coarse(INSIDE, settings.width, settings.dilations), refine(INSIDE, settings.width, settings.dilations)
    )
    if settings.init == "near_identity":
        near_identity(found)
    return found


METHOD = Ca
