"""The three phases of Iizuka et al. 2017, Algorithm 1: the completion network, the discriminator, then both in turn.

Two things are as in the public code otenim/GLCIC-PyTorch: the adversarial loss is non-saturating, and the
discriminator's is (real + fake) / 2 in every phase (the paper scales it by alpha in the last; Adadelta hardly feels a
factor). Each phase starts optimisers of its own.
"""

from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adadelta, Adam, Optimizer

from baselines import gan
from baselines.glcic.settings import GlcicSettings
from baselines.schedule import share
from bench.masks.center import Center
from bench.masks.family import Family
from bench.masks.geometry import box_crop, window
from bench.masks.mixed import GLCIC_RECTANGLE, MIXED, THREE_KINDS
from bench.methods.base import Batch, DataFacts, Feed, Stage, compose

HOLES: dict[str, Family] = {
    "rectangles": GLCIC_RECTANGLE,
    "three_kinds": THREE_KINDS,
    "mixed": MIXED,
    "center": Center(),
}
"""By lot: `three_kinds` a centre square, rectangle or shapes; `mixed` a centre square, rectangle or brush strokes."""


class Phase(Stage):
    """What the phases have in common. `networks` are `generator` and, where there is one, `discriminator`."""

    def __init__(
        self, networks: dict[str, nn.Module], settings: GlcicSettings, data: DataFacts, first: int, steps: int
    ) -> None:
        """`first`: how many steps of all phases come before."""
        self.settings, self.first, self.steps = settings, first, steps
        self.all_steps = all_steps(settings)
        self.batch_size, self.holes = settings.batch_size, HOLES[settings.holes]
        self.part, self.empty = part_side(settings, data.resolution), empty_colour(settings, data)
        self.networks = networks
        self.optimizers = {name: self.new_optimizer(name) for name in self.learning()}

    def learning(self) -> tuple[str, ...]:
        """Names of the networks that learn in this phase."""
        raise NotImplementedError

    def new_optimizer(self, name: str) -> Optimizer:
        weights, settings = self.networks[name].parameters(), self.settings
        if settings.optimizer == "adadelta":
            return Adadelta(weights, settings.learning_rate)
        if settings.optimizer == "sgd":
            return SGD(weights, settings.learning_rate, momentum=settings.momentum)
        return Adam(weights, settings.learning_rate, (settings.beta1, 0.999), fused=True)

    def follow_schedule(self, step: int) -> None:
        """Learning rates as at `step` of this phase."""
        factor = share(self.settings.schedule, self.first + step, self.all_steps)
        self.set_learning_rate(factor * self.settings.learning_rate)

    def filled(self, batch: Batch) -> Tensor:
        """The completion network's whole output for a batch."""
        result: Tensor = self.networks["generator"](entered(batch.image, batch.hole, self.empty), batch.hole)
        return result

    def distance(self, result: Tensor, batch: Batch) -> Tensor:
        """Weighted squared error (Eq. 2): of the hole and, with a weight, of the known pixels; over all pixels."""
        weight = torch.where(batch.hole, 1.0, self.settings.known_weight)
        squared = weight * (result - batch.image).square()
        return squared.mean() if self.settings.reduction == "mean" else squared.sum() / len(squared)

    def logits(self, picture: Tensor, hole: Tensor, place: tuple[Tensor, Tensor]) -> Tensor:
        """Logits (N,) of pictures; the part is cut at `place`, top and left."""
        seen = torch.cat([picture, hole.to(picture.dtype)], dim=1) if self.settings.critic_sees_hole else picture
        logits: Tensor = self.networks["discriminator"](seen, box_crop(seen, *place, self.part))
        return logits

    def candidate(self, batch: Batch, result: Tensor) -> Tensor:
        """What is judged of a filled picture."""
        return result if self.settings.gan_input == "raw" else compose(batch.image, batch.hole, result)

    def update_discriminator(self, batch: Batch, candidate: Tensor, rng: torch.Generator) -> Tensor:
        """Mean cross-entropy of telling true pictures from filled ones (Eq. 3), before the update."""
        place = window(batch.hole, self.part)
        real_place = self.anywhere(batch, rng) if self.settings.real_part == "random" else place
        real = self.logits(batch.image, batch.hole, real_place)
        fake = self.logits(candidate.detach(), batch.hole, place)
        return self.minimise("discriminator", gan.discriminator_loss(real, fake) / 2)

    def anywhere(self, batch: Batch, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """A uniform place of the part for each image: top and left, int64 (N,)."""
        count, (height, width) = len(batch.image), batch.image.shape[-2:]
        top = torch.randint(height - self.part + 1, (count,), generator=rng)
        left = torch.randint(width - self.part + 1, (count,), generator=rng)
        return top.to(batch.hole.device, non_blocking=True), left.to(batch.hole.device, non_blocking=True)


class Completion(Phase):
    """The completion network by squared error alone (t < T_C)."""

    name = "completion"

    def learning(self) -> tuple[str, ...]:
        return ("generator",)

    def step(self, feed: Feed) -> dict[str, Tensor]:
        self.follow_schedule(feed.step)
        batch = feed.batch()
        return {"reconstruction": self.minimise("generator", self.distance(self.filled(batch), batch))}


class Discrimination(Phase):
    """The discriminator alone (T_C <= t < T_C + T_D)."""

    name = "discrimination"
    blind = gan.blind(1 / 2)

    def learning(self) -> tuple[str, ...]:
        return ("discriminator",)

    def step(self, feed: Feed) -> dict[str, Tensor]:
        self.follow_schedule(feed.step)
        batch = feed.batch()
        with torch.no_grad():
            result = self.filled(batch)
        return {"discriminator": self.update_discriminator(batch, self.candidate(batch, result), feed.rng)}


class Joint(Phase):
    """One update of the discriminator, then one of the completion network, with the same pictures and holes."""

    name = "joint"
    blind = gan.blind(1 / 2)

    def learning(self) -> tuple[str, ...]:
        return ("generator", "discriminator")

    def step(self, feed: Feed) -> dict[str, Tensor]:
        self.follow_schedule(feed.step)
        batch = feed.batch()
        result = self.filled(batch)
        candidate = self.candidate(batch, result)
        discriminator = self.update_discriminator(batch, candidate, feed.rng)
        terms = {
            "reconstruction": self.distance(result, batch),
            "adversarial": self.settings.gan_weight * self.adversarial_loss(batch, candidate),
        }
        return self.minimise_sum("generator", terms) | {"discriminator": discriminator}

    def adversarial_loss(self, batch: Batch, candidate: Tensor) -> Tensor:
        """The completion network's part of Eq. (3), in its non-saturating form."""
        with self.frozen("discriminator"):
            return gan.generator_loss(self.logits(candidate, batch.hole, window(batch.hole, self.part)))


def phases(networks: dict[str, nn.Module], settings: GlcicSettings, data: DataFacts) -> list[Phase]:
    """The phases in order; without an adversarial loss one, of as many updates of the completion network."""
    if settings.gan_weight == 0:
        return [Completion(dict(networks), settings, data, 0, all_steps(settings))]
    found: list[Phase] = []
    first = 0
    for kind, steps in (
        (Completion, settings.completion_steps),
        (Discrimination, settings.critic_steps),
        (Joint, settings.joint_steps),
    ):
        found.append(kind(dict(networks), settings, data, first, steps))
        first += steps
    return found


def all_steps(settings: GlcicSettings) -> int:
    """Steps of all phases together."""
    alone = settings.critic_steps if settings.gan_weight > 0 else 0
    return settings.completion_steps + alone + settings.joint_steps


def part_side(settings: GlcicSettings, resolution: int) -> int:
    """Side in pixels of the part that is judged for itself: 96 of 160, 38 of 64."""
    return max(1, int(Fraction(settings.local_share).limit_denominator(256) * resolution))


def empty_colour(settings: GlcicSettings, data: DataFacts) -> tuple[float, float, float]:
    return data.mean if settings.hole_colour == "mean" else (0.0, 0.0, 0.0)


def entered(image: Tensor, hole: Tensor, empty: tuple[float, float, float]) -> Tensor:
    """What the completion network sees of a picture: one colour in the hole."""
    return torch.where(hole, image.new_tensor(empty).view(1, -1, 1, 1), image)
