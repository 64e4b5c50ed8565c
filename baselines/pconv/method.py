"""PConv (Liu et al. 2018, ECCV): a U-Net of partial convolutions, trained without a discriminator.

Sources: the paper, NVIDIA's released layer (NVIDIA/partialconv) and the public training code naoto0804. As there, the
network halves its pictures seven times (the paper, at 512x512, eight times) and trains in two equal parts.

Two of the five loss terms need VGG-16's weights, a file that is not part of this project. Without `vgg16_file` they
are left out, and the stages are called main_pixels and tuning_pixels instead of main_vgg16 and tuning_vgg16.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field
from torch import Tensor, nn
from torch.optim import Adam

from baselines.feed_forward import FeedForward
from baselines.partial import Renormalise
from baselines.pconv import losses
from baselines.pconv.networks import LEAST, MOST_LEVELS, PartialUNet
from baselines.schedule import Schedule, share
from baselines.unet import levels_at, sizes
from bench.masks.center import Center
from bench.masks.family import Family
from bench.masks.irregular import Strokes
from bench.masks.mixed import MIXED
from bench.methods.base import DataFacts, Feed, Inpainter, Method, Stage, Supplied, TrainedSettings, compose

HOLES: dict[str, Family] = {"mixed": MIXED, "irregular": Strokes(), "center": Center()}


class PConvSettings(TrainedSettings):
    """The defaults are the paper's (§3.3, §4.2); batch and steps are those of the public code naoto0804."""

    width: int = Field(64, ge=1, le=256, description="channels of the first layer")
    levels: int | None = Field(
        None, ge=1, le=8, description="halvings; none: as many as the resolution allows, at most 7"
    )
    renormalise: Renormalise = Field(
        "window", description="weight of partly known windows: NVIDIA's, or the port's division by the known alone"
    )
    holes: Literal["mixed", "irregular", "center"] = Field(
        "mixed", description="training holes: centre, rectangle or strokes by lot; strokes alone; or the centre alone"
    )
    valid_weight: float = Field(1.0, ge=0, description="weight of the known pixels' |difference|")
    hole_weight: float = Field(6.0, gt=0, description="weight of the hole's |difference|")
    perceptual_weight: float = Field(0.05, ge=0, description="weight of VGG-16's features, where vgg16_file is given")
    style_weight: float = Field(120.0, ge=0, description="weight of their Gram matrices, where vgg16_file is given")
    variation_weight: float = Field(0.1, ge=0, description="weight of the total variation in the hole")
    vgg16_file: Supplied = Field(None, description="torchvision's VGG-16 weights; none: losses of pixels alone")
    learning_rate: float = Field(2e-4, gt=0, le=1, description="Adam's in the first stage")
    tuning_learning_rate: float = Field(5e-5, gt=0, le=1, description="Adam's in the second stage")
    schedule: Schedule = Field(
        "constant", description="learning rate over each stage; cosine: 3 % warm-up, then half a cosine to 0"
    )
    batch_size: int = Field(16, ge=2, description="images of one update")
    steps: int = Field(500_000, ge=1, description="updates of the first stage")
    tuning_steps: int = Field(500_000, ge=0, description="updates of the second stage")


class Main(Stage):
    """The first stage: everything learns."""

    def __init__(self, method: "PConvMethod") -> None:
        settings = self.settings = method.settings
        self.vgg16 = None if settings.vgg16_file is None else losses.Vgg16Terms(settings.vgg16_file)
        self.name = "main_pixels" if self.vgg16 is None else "main_vgg16"
        self.steps, self.batch_size, self.rate = settings.steps, settings.batch_size, settings.learning_rate
        self.holes = HOLES[settings.holes]
        self.networks = dict(method.networks())
        self.optimizers = {"generator": Adam(self.learning(method.generator), self.rate, fused=True)}

    def learning(self, generator: PartialUNet) -> list[nn.Parameter]:
        return list(generator.parameters())

    def step(self, feed: Feed) -> dict[str, Tensor]:
        self.follow_schedule(feed.step)
        image, hole = feed.batch()
        truth = 2 * image - 1
        return self.minimise_sum("generator", self.terms(self.networks["generator"](truth, hole), truth, hole))

    def follow_schedule(self, step: int) -> None:
        """The learning rate as at `step` of this stage."""
        self.set_learning_rate(share(self.settings.schedule, step, self.steps) * self.rate)

    def terms(self, result: Tensor, truth: Tensor, hole: Tensor) -> dict[str, Tensor]:
        """The parts of the loss (§3.3), weighted."""
        composite, settings = compose(truth, hole, result), self.settings
        found = {
            "valid": settings.valid_weight * losses.valid(result, truth, hole),
            "hole": settings.hole_weight * losses.missing(result, truth, hole),
            "variation": settings.variation_weight * losses.variation(composite, hole),
        }
        if self.vgg16 is not None:
            parts = self.vgg16(result, composite, truth)
            found["perceptual"] = settings.perceptual_weight * parts["perceptual"]
            found["style"] = settings.style_weight * parts["style"]
        return found


class Tuning(Main):
    """The second stage: a smaller learning rate, and the encoder's batch normalisation stays as it is (§4.2).

    Holes leave zeros in the features, which bend a batch's mean and variance.
    """

    def __init__(self, method: "PConvMethod") -> None:
        super().__init__(method)
        self.name = self.name.replace("main", "tuning")
        self.steps, self.rate = self.settings.tuning_steps, self.settings.tuning_learning_rate
        self.fixed_norms = method.generator.encoder_norms()

    def learning(self, generator: PartialUNet) -> list[nn.Parameter]:
        frozen = {id(weight) for norm in generator.encoder_norms() for weight in norm.parameters()}
        return [weight for weight in generator.parameters() if id(weight) not in frozen]

    def step(self, feed: Feed) -> dict[str, Tensor]:
        # In each step, since whoever looks at results meanwhile sets the whole network back to training.
        for norm in self.fixed_norms:
            norm.eval()
        return super().step(feed)


class PConvMethod(Method):
    """PConv: U-Net of partial convolutions (Liu et al. 2018, ECCV)."""

    settings_class = PConvSettings
    settings: PConvSettings

    def __init__(self, settings: PConvSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        self.levels = levels_at(data.resolution, settings.levels, MOST_LEVELS, LEAST)
        self.generator = PartialUNet(settings.width, self.levels, settings.renormalise)

    def networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator}

    def stages(self) -> Sequence[Stage]:
        return [Main(self), Tuning(self)] if self.settings.tuning_steps else [Main(self)]

    def inpainter(self) -> Inpainter:
        return FeedForward(self.generator, self.generator, sizes(self.levels))


METHOD = PConvMethod
