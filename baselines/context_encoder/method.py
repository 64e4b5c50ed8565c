"""Context Encoder (Pathak et al. 2016, CVPR): an autoencoder with a bottleneck, trained jointly with a discriminator.

Sources: the paper, and its released code (pathak22/context-encoder). The code has two programs: one learns the centre
square and puts out that square alone; one learns random regions and puts out the whole picture. A benchmark has holes
of any shape, so this is the second network with the first one's losses: squared error on the hole and, ten times as
heavy, on a ring of known pixels around it (both programs can be had by settings, but for the smaller output).
"""

from collections.abc import Sequence

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.context_encoder.networks import COLOURS, LEAST, ContextEncoder, Discriminator, halvings, sizes
from baselines.feed_forward import FeedForward
from baselines.joint import Joint, JointSettings, entered
from bench.methods.base import DataFacts, Inpainter, Method, Stage, compose
from bench.util.errors import UserError


class ContextEncoderSettings(JointSettings):
    """The defaults are those of the released code's commands for its trained models."""

    width: int = Field(64, ge=1, le=512, description="channels of the first layer, of generator and discriminator")
    bottleneck: int = Field(4000, ge=1, description="numbers between encoder and decoder")
    reconstruction_weight: float = Field(
        0.999,
        gt=0,
        le=1,
        description="weight of the squared error; the rest is the discriminator's, and 1 leaves it out",
    )
    overlap: int = Field(4, ge=0, description="width in pixels of the ring of known pixels that is learnt too")
    overlap_weight: float = Field(10.0, ge=0, description="weight of the squared error in the ring; 1 in the hole")
    known_weight: float = Field(0.0, ge=0, description="weight of the squared error on all other known pixels")
    learning_rate: float = Field(2e-3, gt=0, le=1, description="of the generator")
    adversary_learning_rate: float = Field(2e-4, gt=0, le=1, description="of the discriminator")
    batch_size: int = Field(64, ge=2, description="images of one update")
    epochs: int = Field(500, ge=1, description="passes over the images")


class ContextEncoderStage(Joint):
    """Eq. (3): squared error, and a little of the discriminator, which is shown the pasted result."""

    settings: ContextEncoderSettings

    def __init__(self, method: "ContextEncoderMethod") -> None:
        settings = method.settings
        rates = {"generator": settings.learning_rate, "discriminator": settings.adversary_learning_rate}
        super().__init__(method.networks(), settings, method.data, rates)

    def complete(self, truth: Tensor, hole: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Known pixels of what is judged are true: only the hole counts."""
        result = self.networks["generator"](entered(truth, hole))
        terms = {"reconstruction": self.settings.reconstruction_weight * self.distance(result, truth, hole)}
        return compose(truth, hole, result), terms

    def adversarial_weight(self) -> float:
        return 1 - self.settings.reconstruction_weight

    def distance(self, result: Tensor, truth: Tensor, hole: Tensor) -> Tensor:
        """Squared error of the hole (Eq. 1) and its surroundings, over the number of pixels that have a weight."""
        weight = weights(hole, self.settings)
        return (weight * (result - truth).square()).sum() / (COLOURS * (weight > 0).sum())


def weights(hole: Tensor, settings: ContextEncoderSettings) -> Tensor:
    """Weight of each pixel's squared error: float (N,1,H,W) of a bool hole."""
    inside, side = hole.float(), 2 * settings.overlap + 1
    near = F.max_pool2d(inside, side, stride=1, padding=settings.overlap)
    return inside + settings.overlap_weight * (near - inside) + settings.known_weight * (1 - near)


class ContextEncoderMethod(Method):
    """Context Encoder: autoencoder with a bottleneck and a discriminator (Pathak et al. 2016, CVPR)."""

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
            self._networks["discriminator"] = Discriminator(settings.width, times)

    def networks(self) -> dict[str, nn.Module]:
        return self._networks

    def stages(self) -> Sequence[Stage]:
        return [ContextEncoderStage(self)]

    def inpainter(self) -> Inpainter:
        generator = self._networks["generator"]
        return FeedForward(generator, lambda colours, hole: generator(entered(colours, hole)), self.fit)


METHOD = ContextEncoderMethod
