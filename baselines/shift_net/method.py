"""Shift-Net (Yan et al. 2018, ECCV): a U-Net that copies known features to where they are missing.

Sources: the paper, and the authors' first code (Zhaoyi-Yan/Shift-Net, Torch). As there, the discriminator looks at
the generator's whole output. Differences: each image is shifted under its own hole, where the code takes the first
one's for the whole batch (it trains on single images); holes are of every kind unless `holes` is center, of half the
side (120 of 256 pixels there); and the generator meets the discriminator that has just learnt. The normalisation of
single images has a factor and an offset for each channel, from 1 and 0: so in the authors' later code (PyTorch).
"""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.feed_forward import FeedForward
from baselines.joint import Joint, JointSettings, entered
from baselines.shift_net.networks import MOST_LEVELS, Discriminator, Generator, Passed
from baselines.unet import levels_at, sizes
from bench.methods.base import DataFacts, Inpainter, Method, Stage
from bench.util.errors import UserError

LEAST_SIDE = 24
"""Side in pixels of the smallest picture for which the discriminator puts out a logit."""


class ShiftNetSettings(JointSettings):
    """The defaults are those of the authors' first code."""

    width: int = Field(64, ge=1, le=256, description="channels of the first layer, of generator and discriminator")
    levels: int | None = Field(
        None, ge=2, le=8, description="halvings; none: as many as the resolution allows, at most 8"
    )
    shift_level: int = Field(3, ge=1, le=7, description="after how many halvings features are shifted")
    shift: bool = Field(True, description="take shifted features along in the decoder")
    l1_weight: float = Field(100.0, gt=0, description="weight of the whole picture's |difference|")
    guidance_weight: float = Field(1.0, ge=0, description="weight of the guidance loss")
    gan_weight: float = Field(0.2, ge=0, description="weight of the discriminator; 0 leaves it out")
    learning_rate: float = Field(2e-4, gt=0, le=1, description="Adam's, of generator and discriminator")
    batch_size: int = Field(1, ge=1, description="images of one update")
    epochs: int = Field(30, ge=1, description="passes over the images")


class ShiftNetStage(Joint):
    """The losses of §3.3. The discriminator is shown the whole output."""

    settings: ShiftNetSettings

    def __init__(self, method: "ShiftNet") -> None:
        rates = dict.fromkeys(method.networks(), method.settings.learning_rate)
        super().__init__(method.networks(), method.settings, method.data, rates)

    def complete(self, truth: Tensor, hole: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        passed = self.networks["generator"](entered(truth, hole), hole)
        terms = {"l1": self.settings.l1_weight * F.l1_loss(passed.result, truth)}
        if self.settings.guidance_weight:
            # As in the authors' code, the truth goes through the whole network.
            with torch.no_grad():
                wanted = self.networks["generator"](truth, hole).encoded
            terms["guidance"] = self.settings.guidance_weight * guidance(passed, wanted)
        return passed.result, terms

    def adversarial_weight(self) -> float:
        return self.settings.gan_weight


def guidance(passed: Passed, wanted: Tensor) -> Tensor:
    """Squared difference in missing places, over all values: decoder's features, and the encoder's of the truth."""
    return ((passed.decoded - wanted) * passed.missing).square().mean()


class ShiftNet(Method):
    """Shift-Net: U-Net that shifts known features into the hole (Yan et al. 2018, ECCV)."""

    settings_class = ShiftNetSettings
    settings: ShiftNetSettings

    def __init__(self, settings: ShiftNetSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        self.levels = levels_at(data.resolution, settings.levels, MOST_LEVELS, least=1)
        generator = Generator(settings.width, self.levels, settings.shift_level, settings.shift)
        self._networks: dict[str, nn.Module] = {"generator": generator}
        if settings.gan_weight > 0:
            if data.resolution < LEAST_SIDE:
                raise UserError(
                    f"The discriminator needs pictures of at least {LEAST_SIDE} pixels, not {data.resolution}; take"
                    " larger ones, or gan_weight = 0."
                )
            self._networks["discriminator"] = Discriminator(settings.width)

    def networks(self) -> dict[str, nn.Module]:
        return self._networks

    def stages(self) -> Sequence[Stage]:
        return [ShiftNetStage(self)]

    def inpainter(self) -> Inpainter:
        generator = self._networks["generator"]

        def forward(colours: Tensor, hole: Tensor) -> Tensor:
            result: Tensor = generator(entered(colours, hole), hole).result
            return result

        return FeedForward(generator, forward, sizes(self.levels))


METHOD = ShiftNet
