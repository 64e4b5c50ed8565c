"""Yeh et al. 2017, over an unconditional DCGAN: the method that the latent-search papers start from."""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field
from torch import nn

from baselines.latent.networks import Discriminator, Generator
from baselines.latent.search import LatentSearch
from baselines.latent.settings import SEARCH_SETTINGS, DcganSettings, SearchSettings
from baselines.latent.training import AdversarialStage, drawing, gan_networks
from baselines.latent.unconditional import LatentMethod
from bench.methods.base import DataFacts, Inpainter, Stage


class YehSettings(DcganSettings, SearchSettings):
    """The defaults of both are theirs, but for the generator's updates (ledger Y-6)."""

    g_steps: int = Field(2, ge=1, le=16, description="generator updates for each update of the discriminator (Y-6)")


class Yeh2017(LatentMethod):
    """Search in a DCGAN's latent space, then Poisson blending (Yeh et al. 2017, CVPR)."""

    settings_class = YehSettings
    settings: YehSettings
    after_training: ClassVar[frozenset[str]] = SEARCH_SETTINGS

    def __init__(self, settings: YehSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        generator = Generator(settings.width, settings.z_size, data.resolution)
        self._networks = gan_networks(generator, Discriminator(settings.width, data.resolution), settings)

    def networks(self) -> dict[str, nn.Module]:
        return self._networks

    def stages(self) -> Sequence[Stage]:
        return [AdversarialStage(self._networks, self.settings, self.data.images)]

    def inpainter(self) -> Inpainter:
        return self._searching(self.settings)

    def preview(self) -> Inpainter:
        return self._searching(self.settings.for_preview())

    def _searching(self, settings: YehSettings) -> LatentSearch:
        return LatentSearch(drawing(self._networks), self._networks["discriminator"], settings, self.data.resolution)


METHOD = Yeh2017
