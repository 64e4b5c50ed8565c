"""What Context Encoder and Shift-Net share: generator and discriminator learn in turn, from the same pictures.

Yan et al.'s first code (Shift-Net) follows Pathak et al.'s (Context Encoder): the colour of a hole, the first weights,
the losses of both networks.
"""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.optim import Adam

from baselines import gan
from baselines.schedule import Schedule, share
from bench.masks.center import Center
from bench.masks.family import Family
from bench.masks.mixed import MIXED
from bench.methods.base import DataFacts, Feed, Stage, TrainedSettings

EMPTY = (117 / 255, 104 / 255, 123 / 255)
"""Colour of a hole on entry, as in the released code (ImageNet's mean, its channels in another order)."""
HOLES: dict[str, Family] = {"center": Center(), "mixed": MIXED}


class JointSettings(TrainedSettings):
    """What both methods set. Defaults that are missing are each code's own."""

    holes: Literal["mixed", "center"] = Field(
        "mixed", description="training holes: centre, rectangle or strokes by lot; or the centre square alone"
    )
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first decay")
    schedule: Schedule = Field(
        "constant", description="learning rates over all steps; cosine: 3 % warm-up, then half a cosine to 0"
    )
    batch_size: int
    epochs: int
    steps: int | None = Field(None, ge=1, description="updates; takes the place of epochs")

    def all_steps(self, images: int) -> int:
        """Updates of the whole training on `images` images."""
        return self.steps or max(1, self.epochs * images // self.batch_size)


class Joint(Stage):
    """One update of the discriminator, where there is one, then one of the generator."""

    name = "joint"
    blind = gan.blind()

    def __init__(
        self, networks: Mapping[str, nn.Module], settings: JointSettings, data: DataFacts, rates: Mapping[str, float]
    ) -> None:
        """`rates`: the learning rate of each network."""
        self.settings, self.networks, self.rates = settings, dict(networks), rates
        self.steps, self.batch_size = settings.all_steps(data.images), settings.batch_size
        self.holes = HOLES[settings.holes]
        self.optimizers = {
            name: Adam(network.parameters(), rates[name], (settings.beta1, 0.999), fused=True)
            for name, network in self.networks.items()
        }

    def step(self, feed: Feed) -> dict[str, Tensor]:
        self.follow_schedule(feed.step)
        image, hole = feed.batch()
        truth = 2 * image - 1
        shown, terms = self.complete(truth, hole)
        scalars = {}
        if "discriminator" in self.networks:
            scalars["discriminator"] = self.update_discriminator(truth, shown.detach())
            terms["adversarial"] = self.adversarial_weight() * self.adversarial_loss(shown)
        return self.minimise_sum("generator", terms) | scalars

    def update_discriminator(self, truth: Tensor, shown: Tensor) -> Tensor:
        """One update; returns the cross-entropy before it, of true pictures against those of the generator."""
        discriminator = self.networks["discriminator"]
        return self.minimise("discriminator", gan.discriminator_loss(discriminator(truth), discriminator(shown)))

    def adversarial_loss(self, shown: Tensor) -> Tensor:
        """The generator's loss against the discriminator as it now is, in its non-saturating form."""
        with self.frozen("discriminator"):
            return gan.generator_loss(self.networks["discriminator"](shown))

    def follow_schedule(self, step: int) -> None:
        """Learning rates as at `step`."""
        for role in self.optimizers:
            self.set_learning_rate(share(self.settings.schedule, step, self.steps) * self.rates[role], role)

    @abstractmethod
    def complete(self, truth: Tensor, hole: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """A pass of the generator over pictures (N,3,H,W) in [-1,1] with holes, bool (N,1,H,W).

        Returns what the discriminator is shown of it, (N,3,H,W), and the parts of the generator's loss that need no
        discriminator, weighted, by name.
        """

    @abstractmethod
    def adversarial_weight(self) -> float:
        """The weight of `adversarial_loss` in the generator's loss."""


def entered(colours: Tensor, hole: Tensor) -> Tensor:
    """What a generator sees: the pictures in [-1,1] with one colour in the hole."""
    empty = 2 * colours.new_tensor(EMPTY).view(1, -1, 1, 1) - 1
    return torch.where(hole, empty, colours)


def start(network: nn.Module) -> None:
    """First weights: N(0, 0.02) of convolutions, N(1, 0.02) of normalisations."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 1.0, 0.02)
