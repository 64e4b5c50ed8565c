"""SRGAN's training: the generator by squared error alone (SRResNet), then against a discriminator."""

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Adam

from baselines import gan
from baselines.srgan.networks import Layout
from baselines.srgan.pictures import Folder, Source, from_training, pair
from baselines.vgg import normalised, vgg19
from bench.masks.center import Center
from bench.methods.base import Feed, Stage, Supplied, TrainedSettings

VGG54_LAYERS = 36
"""VGG-19 up to the ReLU of conv5_4: the fourth convolution, after its activation, before the fifth pooling."""
VGG_SCALE = 0.0061
"""1 / 12.75^2: features are divided by 12.75, so that the distance is about as large as the squared error (§3.2)."""


class SrganSettings(TrainedSettings):
    """Ledig et al. 2017, §3.2."""

    sr_width: int = Field(64, ge=1, le=256, description="channels of the super-resolution generator")
    sr_blocks: int = Field(16, ge=1, le=64, description="residual blocks of the super-resolution generator")
    sr_discriminator_width: int = Field(64, ge=1, le=256, description="channels of its discriminator's first layer")
    sr_discriminator: Layout = Field("alternating", description="strides 1 and 2 in turn, or 2 in every layer")
    sr_crop: int = Field(96, ge=16, le=512, multiple_of=4, description="side of a training crop, in pixels")
    sr_batch_size: int = Field(16, ge=1, description="crops of one update")
    sr_learning_rate: float = Field(1e-4, gt=0, le=1, description="the generator's, Adam, by squared error alone")
    srgan_learning_rate: float = Field(1e-4, gt=0, le=1, description="the generator's against the discriminator")
    sr_discriminator_learning_rate: float = Field(1e-4, gt=0, le=1, description="the discriminator's, Adam")
    srresnet_steps: int = Field(1_000_000, ge=1, description="updates by squared error alone")
    srresnet_drop_at: float = Field(1.0, ge=0, le=1, description="share of them before the rate is a tenth; 1: never")
    srgan_steps: int = Field(200_000, ge=1, description="updates against the discriminator")
    sr_adversarial_weight: float = Field(1e-3, ge=0, description="weight of the adversarial loss beside the content")
    sr_pictures: Supplied = Field(None, description="folder to learn from, as ImageNet; none: the training images")
    vgg19_file: Supplied = Field(None, description="torchvision's VGG-19 weights; none: the content is squared error")


class Srresnet(Stage):
    """The generator alone, by squared error: SRResNet-MSE."""

    name = "srresnet"
    holes = Center()  # nothing here has holes; this family is the cheapest to draw

    def __init__(self, generator: nn.Module, settings: SrganSettings) -> None:
        self.settings = settings
        self.steps, self.batch_size = settings.srresnet_steps, settings.sr_batch_size
        self.source = source(settings)
        self.networks = {"generator": generator}
        self.optimizers = {"generator": _adam(generator, settings.sr_learning_rate)}

    def step(self, feed: Feed) -> dict[str, Tensor]:
        late = feed.step >= self.settings.srresnet_drop_at * self.steps
        self.set_learning_rate(self.settings.sr_learning_rate * (0.1 if late else 1.0))
        small, large = self.crops(feed)
        return {"mse": self.minimise("generator", F.mse_loss(self.networks["generator"](small), large))}

    def crops(self, feed: Feed) -> tuple[Tensor, Tensor]:
        """A batch small and large, on the device of the networks."""
        return pair(self.source(feed))


class Srgan(Srresnet):
    """Generator against discriminator, each updated once a step; a tenth of both rates in the second half.

    The generator begins as SRResNet, which stays as it is. The stage's name says which content loss it had.
    """

    blind = gan.blind()

    def __init__(
        self, srresnet: nn.Module, generator: nn.Module, discriminator: nn.Module, settings: SrganSettings
    ) -> None:
        super().__init__(generator, settings)
        self.srresnet, self.generator = srresnet, generator
        self.name = "srgan_mse" if settings.vgg19_file is None else "srgan_vgg54"
        self.steps = settings.srgan_steps
        self.content = F.mse_loss if settings.vgg19_file is None else Vgg54(settings.vgg19_file)
        self.networks["discriminator"] = discriminator
        self.rates = {
            "generator": settings.srgan_learning_rate,
            "discriminator": settings.sr_discriminator_learning_rate,
        }
        self.optimizers = {role: _adam(self.networks[role], rate) for role, rate in self.rates.items()}

    def step(self, feed: Feed) -> dict[str, Tensor]:
        if feed.step == 0:
            self.generator.load_state_dict(self.srresnet.state_dict())
        drop = 0.1 if feed.step >= self.steps // 2 else 1.0
        for role, rate in self.rates.items():
            self.set_learning_rate(drop * rate, role)
        small, large = self.crops(feed)
        result = self.networks["generator"](small)
        loss = self.update_discriminator(result.detach(), large)
        return {"discriminator": loss} | self.update_generator(result, large)

    def update_discriminator(self, result: Tensor, truth: Tensor) -> Tensor:
        """One update by cross-entropy, true pictures as 1; returns the loss."""
        discriminator = self.networks["discriminator"]
        return self.minimise("discriminator", gan.discriminator_loss(discriminator(truth), discriminator(result)))

    def update_generator(self, result: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """One update by content + weight x -log D (Ledig et al. 2017, Eq. (3), (6)); returns both terms, weighted."""
        with self.frozen("discriminator"):
            loss = gan.generator_loss(self.networks["discriminator"](result))
        adversarial = self.settings.sr_adversarial_weight * loss
        content = self.content(result, truth)
        self.minimise("generator", content + adversarial)
        return {"content": content.detach(), "adversarial": adversarial.detach()}


class Vgg54:
    """Squared distance of VGG-19's deepest features: summed over channels, mean over places (Ledig et al. Eq. (5))."""

    def __init__(self, file: str) -> None:
        """Raises UserError for a file that is not the published VGG-19."""
        self.features = vgg19(file, VGG54_LAYERS)

    def __call__(self, result: Tensor, truth: Tensor) -> Tensor:
        """A 0-dim distance of two batches (N,3,H,W) in [-1,1]."""
        self.features.to(result.device)
        with torch.no_grad():
            target = self.features(normalised(truth))
        difference: Tensor = self.features(normalised(result)) - target
        return VGG_SCALE * difference.square().sum(dim=1).mean()


def stages(srresnet: nn.Module, generator: nn.Module, discriminator: nn.Module, settings: SrganSettings) -> list[Stage]:
    """Both phases: `srresnet` learns in the first; `generator`, of the same kind, goes on from it in the second."""
    return [Srresnet(srresnet, settings), Srgan(srresnet, generator, discriminator, settings)]


def source(settings: SrganSettings) -> Source:
    side = settings.sr_crop
    return (
        from_training(side)
        if settings.sr_pictures is None
        else Folder(settings.sr_pictures, side, settings.sr_batch_size)
    )


def _adam(network: nn.Module, rate: float) -> Adam:
    return Adam(network.parameters(), rate, betas=(0.9, 0.999), fused=True)
