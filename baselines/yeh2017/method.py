"""Yeh et al. 2017, over an unconditional DCGAN: the method that the latent-search papers start from."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field
from torch import nn

from baselines.latent.networks import Discriminator, Generator
from baselines.latent.search import LatentSearch
from baselines.latent.settings import SEARCH_SETTINGS, DcganSettings, SearchSettings
from baselines.latent.training import AdversarialStage
from bench.methods.base import DataFacts, Inpainter, Method, Stage


class YehSettings(DcganSettings, SearchSettings):
    """The defaults of both are theirs, but for the generator's updates (ledger Y-6)."""

    g_steps: int = Field(2, ge=1, le=16, description="generator updates for each update of the discriminator (Y-6)")


class Yeh2017(Method):
    """Search in a DCGAN's latent space, then Poisson blending (Yeh et al. 2017, CVPR)."""

    settings_class = YehSettings
    settings: YehSettings
    after_training: ClassVar[frozenset[str]] = SEARCH_SETTINGS

    def __init__(self, settings: YehSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        self.generator = Generator(settings.width, settings.z_size, data.resolution)
        self.discriminator = Discriminator(settings.width, data.resolution)

    def networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator, "discriminator": self.discriminator}

    def stages(self) -> Sequence[Stage]:
        return [AdversarialStage(self.generator, self.discriminator, self.settings, self.data.images)]

    def inpainter(self) -> Inpainter:
        return LatentSearch(self.generator, self.discriminator, self.settings, self.data.resolution)

    def preview(self) -> Inpainter:
        quick = self.settings.for_preview()
        return LatentSearch(self.generator, self.discriminator, quick, self.data.resolution)


METHOD = Yeh2017
