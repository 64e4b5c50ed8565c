"""Context Encoder (Pathak et al. 2016, CVPR): an autoencoder with a bottleneck, trained jointly with an adversary.

Sources: the paper, and its released code (pathak22/context-encoder). The code has two programs: one learns the centre
square and puts out that square alone; one learns random regions and puts out the whole picture. A benchmark has holes
of any shape, so this is the second network with the first one's losses: squared error on the hole and, ten times as
heavy, on a ring of known pixels around it (both programs can be had by settings, but for the smaller output).
"""

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam

from baselines import wgan
from baselines.context_encoder.networks import COLOURS, LEAST, Adversary, ContextEncoder, halvings, sizes
from baselines.feed_forward import FeedForward
from baselines.schedule import cosine
from bench.masks.center import Center
from bench.masks.family import Family
from bench.masks.mixed import MIXED
from bench.methods.base import DataFacts, Feed, Inpainter, Method, Stage, TrainedSettings, compose
from bench.util.errors import UserError

EMPTY = (117 / 255, 104 / 255, 123 / 255)
"""Colour of a hole on entry, as in the released code (ImageNet's mean, its channels in another order)."""


class ContextEncoderSettings(TrainedSettings):
    """The defaults are those of the released code's commands for its trained models."""

    width: int = Field(64, ge=1, le=512, description="channels of the first layer, of generator and adversary")
    bottleneck: int = Field(4000, ge=1, description="numbers between encoder and decoder")
    holes: Literal["mixed", "center"] = Field(
        "mixed", description="training holes: centre, rectangle or strokes by lot; or the centre square alone"
    )
    reconstruction_weight: float = Field(
        0.999, gt=0, le=1, description="weight of the squared error; the adversary has the rest, and 1 leaves it out"
    )
    overlap: int = Field(4, ge=0, description="width in pixels of the ring of known pixels that is learnt too")
    overlap_weight: float = Field(10.0, ge=0, description="weight of the squared error in the ring; 1 in the hole")
    known_weight: float = Field(0.0, ge=0, description="weight of the squared error on all other known pixels")
    learning_rate: float = Field(2e-3, gt=0, le=1, description="of the generator")
    adversary_learning_rate: float = Field(2e-4, gt=0, le=1, description="of the adversary")
    beta1: float = Field(0.5, ge=0, lt=1, description="Adam's first decay")
    schedule: Literal["constant", "cosine"] = Field(
        "constant", description="learning rates over all steps; cosine: 3 % warm-up, then half a cosine to 0"
    )
    batch_size: int = Field(64, ge=2, description="images of one update")
    epochs: int = Field(500, ge=1, description="passes over the images")
    steps: int | None = Field(None, ge=1, description="updates; takes the place of epochs")

    def all_steps(self, images: int) -> int:
        return self.steps or max(1, self.epochs * images // self.batch_size)


HOLES: dict[str, Family] = {"center": Center(), "mixed": MIXED}


class Joint(Stage):
    """One update of the adversary, then one of the generator, with the same pictures and holes."""

    name = "joint"

    def __init__(self, method: "ContextEncoderMethod") -> None:
        self.settings = method.settings
        self.steps, self.batch_size = self.settings.all_steps(method.data.images), self.settings.batch_size
        self.holes = HOLES[self.settings.holes]
        self.networks = dict(method.networks())
        self.rates = {"generator": self.settings.learning_rate, "adversary": self.settings.adversary_learning_rate}
        betas = (self.settings.beta1, 0.999)
        self.optimizers = {
            name: Adam(network.parameters(), self.rates[name], betas, fused=True)
            for name, network in self.networks.items()
        }

    def step(self, feed: Feed) -> dict[str, Tensor]:
        self.set_learning_rates(feed.step)
        image, hole = feed.batch()
        truth = 2 * image - 1
        result = self.networks["generator"](entered(truth, hole))
        terms = {"reconstruction": self.settings.reconstruction_weight * self.distance(result, truth, hole)}
        scalars = {}
        if "adversary" in self.networks:
            pasted = compose(truth, hole, result)
            scalars["adversary"] = self.update_adversary(truth, pasted.detach())
            terms["adversarial"] = (1 - self.settings.reconstruction_weight) * self.fooled(pasted)
        loss = torch.stack(list(terms.values())).sum()
        self.optimizers["generator"].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers["generator"].step()
        return {name: term.detach() for name, term in {**terms, "generator": loss, **scalars}.items()}

    def update_adversary(self, truth: Tensor, pasted: Tensor) -> Tensor:
        """Cross-entropy of telling true pictures from filled ones (Eq. 2), before the update."""
        adversary = self.networks["adversary"]
        real, fake = adversary(truth), adversary(pasted)
        loss = F.softplus(-real).mean() + F.softplus(fake).mean()
        self.optimizers["adversary"].zero_grad(set_to_none=True)
        loss.backward()
        self.optimizers["adversary"].step()
        return loss.detach()

    def fooled(self, pasted: Tensor) -> Tensor:
        """The generator's part of Eq. (2), in its non-saturating form. Known pixels are true: only the hole counts."""
        adversary = self.networks["adversary"]
        with wgan.frozen(list(adversary.parameters())):
            return F.softplus(-adversary(pasted)).mean()

    def distance(self, result: Tensor, truth: Tensor, hole: Tensor) -> Tensor:
        """Squared error of the hole (Eq. 1) and its surroundings, over the number of pixels that have a weight."""
        weight = weights(hole, self.settings)
        return (weight * (result - truth).square()).sum() / (COLOURS * (weight > 0).sum())

    def set_learning_rates(self, step: int) -> None:
        factor = 1.0 if self.settings.schedule == "constant" else cosine(step, self.steps)
        for name, optimizer in self.optimizers.items():
            for group in optimizer.param_groups:
                group["lr"] = factor * self.rates[name]


def entered(colours: Tensor, hole: Tensor) -> Tensor:
    """What the encoder sees: the pictures in [-1,1] with one colour in the hole."""
    empty = 2 * colours.new_tensor(EMPTY).view(1, COLOURS, 1, 1) - 1
    return torch.where(hole, empty, colours)


def weights(hole: Tensor, settings: ContextEncoderSettings) -> Tensor:
    """Weight of each pixel's squared error: float (N,1,H,W) of a bool hole."""
    inside, side = hole.float(), 2 * settings.overlap + 1
    near = F.max_pool2d(inside, side, stride=1, padding=settings.overlap)
    return inside + settings.overlap_weight * (near - inside) + settings.known_weight * (1 - near)


class ContextEncoderMethod(Method):
    """Context Encoder: autoencoder with a bottleneck and an adversary (Pathak et al. 2016, CVPR)."""

    settings_class = ContextEncoderSettings
    settings: ContextEncoderSettings

    def __init__(self, settings: ContextEncoderSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        times = halvings(data.resolution)
        self.fit = sizes(times)
        if times < 1 or data.resolution % self.fit.multiple:
            raise UserError(
                f"A resolution of {data.resolution} cannot be halved {max(1, times)} times down to {LEAST} pixels or"
                " a little more; take a power of two from 8, or 160."
            )
        self._networks: dict[str, nn.Module] = {"generator": ContextEncoder(settings.width, settings.bottleneck, times)}
        if settings.reconstruction_weight < 1:
            self._networks["adversary"] = Adversary(settings.width, times)

    def networks(self) -> dict[str, nn.Module]:
        return self._networks

    def stages(self) -> Sequence[Stage]:
        return [Joint(self)]

    def inpainter(self) -> Inpainter:
        generator = self._networks["generator"]
        return FeedForward(generator, lambda colours, hole: generator(entered(colours, hole)), self.fit)


METHOD = ContextEncoderMethod
