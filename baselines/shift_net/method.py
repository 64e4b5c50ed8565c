"""Shift-Net (Yan et al. 2018, ECCV): a U-Net that copies known features to where they are missing.

Sources: the paper, and the authors' first code (Zhaoyi-Yan/Shift-Net, Torch). As there, the discriminator looks at
the generator's whole output. Differences: each image is shifted under its own hole, where the code takes the first
one's for the whole batch (it trains on single images); holes are of every kind unless `holes` is center, of half the
side (120 of 256 pixels there); and the generator meets the discriminator that has just learnt. The normalisation of
single images has a factor and an offset for each channel, from 1 and 0: so in the authors' later code (PyTorch).
"""

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam

from baselines import wgan
from baselines.context_encoder.method import HOLES, entered
from baselines.feed_forward import FeedForward
from baselines.schedule import cosine
from baselines.shift_net.networks import MOST_LEVELS, Discriminator, Generator, Passed
from baselines.unet import levels_at, sizes
from bench.methods.base import DataFacts, Feed, Inpainter, Method, Stage, TrainedSettings
from bench.util.errors import UserError

LEAST_JUDGED = 24
"""Side in pixels of the smallest picture from which the discriminator has anything left to judge."""


class ShiftNetSettings(TrainedSettings):
    """The defaults are those of the authors' first code."""

    width: int = Field(64, ge=1, le=256, description="channels of the first layer, of generator and discriminator")
    levels: int | None = Field(
        None, ge=2, le=8, description="halvings; none: as many as the resolution allows, at most 8"
    )
    shift_level: int = Field(3, ge=1, le=7, description="after how many halvings features are shifted")
    shift: bool = Field(True, description="take shifted features along in the decoder")
    holes: Literal["mixed", "center"] = Field(
        "mixed", description="training holes: centre, rectangle or strokes by lot; or the centre square alone"
    )
    l1_weight: float = Field(100.0, gt=0, description="weight of the whole picture's |difference|")
    guidance_weight: float = Field(1.0, ge=0, description="weight of the guidance loss")
    gan_weight: float = Field(0.2, ge=0, description="weight of the discriminator; 0 leaves it out")
    learning_rate: float = Field(2e-4, gt=0, le=1, description="Adam's, of generator and discriminator")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first decay")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="learning rates over all steps; cosine: 3 % warm-up, then half a cosine to 0"
    )
    batch_size: int = Field(1, ge=1, description="images of one update")
    epochs: int = Field(30, ge=1, description="passes over the images")
    steps: int | None = Field(None, ge=1, description="updates; takes the place of epochs")

    def all_steps(self, images: int) -> int:
        return self.steps or max(1, self.epochs * images // self.batch_size)


class Joint(Stage):
    """One update of the discriminator, then one of the generator, with the same pictures and holes."""

    name = "joint"

    def __init__(self, method: "ShiftNet") -> None:
        self.settings = method.settings
        self.steps, self.batch_size = self.settings.all_steps(method.data.images), self.settings.batch_size
        self.holes = HOLES[self.settings.holes]
        self.networks = dict(method.networks())
        betas = (self.settings.beta1, 0.999)
        self.optimizers = {
            name: Adam(network.parameters(), self.settings.learning_rate, betas, fused=True)
            for name, network in self.networks.items()
        }

    def step(self, feed: Feed) -> dict[str, Tensor]:
        self.set_learning_rates(feed.step)
        image, hole = feed.batch()
        truth = 2 * image - 1
        passed = self.networks["generator"](entered(truth, hole), hole)
        scalars = {}
        if "discriminator" in self.networks:
            scalars["discriminator"] = self.update_discriminator(truth, passed.result.detach())
        terms = self.terms(passed, truth, hole)
        loss = torch.stack(list(terms.values())).sum()
        self.update("generator", loss)
        return {name: term.detach() for name, term in {**terms, "generator": loss, **scalars}.items()}

    def terms(self, passed: Passed, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """The parts of the generator's loss (§3.3), weighted."""
        found = {"l1": self.settings.l1_weight * F.l1_loss(passed.result, truth)}
        if self.settings.guidance_weight:
            # As in the authors' code, the truth goes through the whole network.
            with torch.no_grad():
                wanted = self.networks["generator"](truth, hole).encoded
            found["guidance"] = self.settings.guidance_weight * guidance(passed, wanted)
        if "discriminator" in self.networks:
            found["adversarial"] = self.settings.gan_weight * self.fooled(passed.result)
        return found

    def update_discriminator(self, truth: Tensor, result: Tensor) -> Tensor:
        """Cross-entropy of telling true pictures from the generator's, before the update."""
        discriminator = self.networks["discriminator"]
        loss = F.softplus(-discriminator(truth)).mean() + F.softplus(discriminator(result)).mean()
        self.update("discriminator", loss)
        return loss.detach()

    def fooled(self, result: Tensor) -> Tensor:
        """The generator's part of it, in its non-saturating form."""
        discriminator = self.networks["discriminator"]
        with wgan.frozen(list(discriminator.parameters())):
            return F.softplus(-discriminator(result)).mean()

    def update(self, name: str, loss: Tensor) -> None:
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers[name].step()

    def set_learning_rates(self, step: int) -> None:
        share = 1.0 if self.settings.schedule == "constant" else cosine(step, self.steps)
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = share * self.settings.learning_rate


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
            if data.resolution < LEAST_JUDGED:
                raise UserError(
                    f"The discriminator needs pictures of at least {LEAST_JUDGED} pixels, not {data.resolution}; take"
                    " larger ones, or gan_weight = 0."
                )
            self._networks["discriminator"] = Discriminator(settings.width)

    def networks(self) -> dict[str, nn.Module]:
        return self._networks

    def stages(self) -> Sequence[Stage]:
        return [Joint(self)]

    def inpainter(self) -> Inpainter:
        generator = self._networks["generator"]

        def forward(colours: Tensor, hole: Tensor) -> Tensor:
            result: Tensor = generator(entered(colours, hole), hole).result
            return result

        return FeedForward(generator, forward, sizes(self.levels))


METHOD = ShiftNet
