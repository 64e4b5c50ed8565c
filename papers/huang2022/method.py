"""Training and repair. Where it differs from the text, and why: the ledger in paper.toml (H..)."""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from baselines.latent.search import LatentSearch
from baselines.latent.settings import SEARCH_SETTINGS
from baselines.latent.training import AdversarialStage, drawing, gan_networks
from baselines.latent.unconditional import LatentMethod
from bench.methods.base import DataFacts, Inpainter, Stage

from .networks import discriminator, generator
from .settings import HuangSettings


class Repair(LatentSearch):
    """The search; the raw result is the found picture, of which Eq. (1) takes the hole alone.

    Diagnostics, beside the search's: `outside_change`, the mean |difference| of the found picture from the input over
    the known pixels, in [0,1]: what Eq. (1) keeps out (H15).
    """

    def inpaint(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        found = super().inpaint(image, hole, seed)
        self.diagnostics["outside_change"] = outside_change(found, image, hole)
        return found


def outside_change(found: Tensor, image: Tensor, hole: Tensor) -> Tensor:
    """(N,) from (N,3,H,W), (N,3,H,W) and bool (N,1,H,W); 0 where nothing is known."""
    known = (~hole).sum(dim=(1, 2, 3)).clamp(min=1)
    return (found - image).abs().masked_fill(hole, 0.0).sum(dim=(1, 2, 3)) / (image.shape[1] * known)


class Huang2022(LatentMethod):
    """DCGAN latent search with a hard paste (Huang and Li)."""

    settings_class = HuangSettings
    settings: HuangSettings
    after_training: ClassVar[frozenset[str]] = SEARCH_SETTINGS

    def __init__(self, settings: HuangSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        drawer, judge = generator(settings, data.resolution), discriminator(settings, data.resolution)
        self._networks = gan_networks(drawer, judge, settings)

    def networks(self) -> dict[str, nn.Module]:
        return self._networks

    def stages(self) -> Sequence[Stage]:
        images = min(self.data.images, self.settings.training_images)
        stage = AdversarialStage(self._networks, self.settings, images)
        stage.images = images
        return [stage]

    def inpainter(self) -> Inpainter:
        return self._searching(self.settings)

    def preview(self) -> Inpainter:
        return self._searching(self.settings.for_preview())

    def _searching(self, settings: HuangSettings) -> Repair:
        return Repair(drawing(self._networks), self._networks["discriminator"], settings, self.data.resolution)


METHOD = Huang2022
