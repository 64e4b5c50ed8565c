"""GLCIC (Iizuka, Simo-Serra and Ishikawa 2017, ACM TOG 36(4)): completion against a global and a local discriminator.

Read from the authors' released network (satoshiiizuka/siggraph2017_inpainting, inference only) and from the public
training code otenim/GLCIC-PyTorch. Both discriminators are branches of one network, here as there. Batch normalisation
comes before the ReLU; otenim has it after (variant activation_first). Poisson blending and Telea's fill at the end,
which the paper calls post-processing, are left out: what is scored is what the network makes.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from baselines.feed_forward import FeedForward
from baselines.glcic.networks import COLOURS, SIZES, CompletionNetwork, Discriminator, DiscriminatorStyle, Style, halved
from baselines.glcic.settings import FROM_STAGE, GlcicSettings
from baselines.glcic.training import empty_colour, entered, part_side, phases
from bench.methods.base import DataFacts, Inpainter, Method, Stage
from bench.util.errors import UserError


class Glcic(Method):
    """GLCIC: completion network with a global and a local discriminator (Iizuka et al. 2017, ACM TOG 36(4))."""

    settings_class = GlcicSettings
    settings: GlcicSettings
    from_stage: ClassVar[Mapping[str, frozenset[str]]] = FROM_STAGE

    def __init__(self, settings: GlcicSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        if not SIZES.fit(data.resolution, data.resolution):
            raise UserError(
                f"A resolution of {data.resolution} is not a multiple of {SIZES.multiple}; take one that is."
            )
        generator = CompletionNetwork(settings.width, self.style())
        generator.to(memory_format=torch.channels_last)  # here a quarter quicker on one CPU core
        self._networks: dict[str, nn.Module] = {"generator": generator}
        if settings.gan_weight > 0:
            self._networks["discriminator"] = self._discriminator()

    def style(self) -> Style:
        """How the rows of the completion network look."""
        return plain_style(self.settings)

    def networks(self) -> dict[str, nn.Module]:
        return self._networks

    def stages(self) -> Sequence[Stage]:
        return phases(self._networks, self.settings, self.data)

    def inpainter(self) -> Inpainter:
        generator, empty = self._networks["generator"], empty_colour(self.settings, self.data)

        def forward(colours: Tensor, hole: Tensor) -> Tensor:
            """The network's own colours are in [0,1]."""
            result: Tensor = generator(entered((colours + 1) / 2, hole, empty), hole)
            return 2 * result - 1

        return FeedForward(generator, forward, SIZES)

    def _discriminator(self) -> Discriminator:
        settings, side = self.settings, self.data.resolution
        part = part_side(settings, side)
        layers = (settings.global_layers, settings.local_layers)
        if settings.precision == "bf16" and 1 in (halved(side, layers[0] - 1), halved(part, layers[1] - 1)):
            # torch 2.15 leaves gradients of such kernels unwritten where they reach beyond the single pixel.
            raise UserError(
                f"At a resolution of {side} a discriminator convolves a single pixel, which bfloat16 trains wrongly."
                " Take precision = float32, or a larger resolution."
            )
        style = DiscriminatorStyle(
            settings.critic_width, settings.critic_norm, settings.critic_activation, settings.fc_in
        )
        inside = COLOURS + settings.critic_sees_hole
        return Discriminator(inside, side, part, layers, style, settings.branches)


def plain_style(settings: GlcicSettings) -> Style:
    """The style that the settings ask for, without gates or skip connections."""
    return Style(settings.activation, settings.norm, settings.activation_first, settings.dilations)


METHOD = Glcic
