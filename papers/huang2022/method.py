"""Training and repair. Where it differs from the text, and why: the ledger in paper.toml (H..)."""

from collections.abc import Sequence
from typing import ClassVar

from torch import Tensor, nn

from baselines.latent.search import LatentSearch
from baselines.latent.settings import SEARCH_SETTINGS
from baselines.latent.training import AdversarialStage, drawing, gan_networks
from baselines.latent.unconditional import LatentMethod
from bench.methods.base import DataFacts, Inpainter, Stage, compose

from .networks import discriminator, generator
from .settings import HuangSettings


class Repair(LatentSearch):
    """The search; the raw result is the found picture, of which Eq. (1) takes the hole alone.

    Diagnostics, beside the search's, each a mean |difference| in [0,1]: `outside_change` and `repaired_change`, of the
    found picture and of Eq. (1) from the input over the known pixels (H15); `asymmetry`, of the input from its mirror
    image, over pixels that are known on both sides: small for a face that looks ahead.
    """

    def inpaint(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        found = super().inpaint(image, hole, seed)
        self.diagnostics["outside_change"] = outside_change(found, image, hole)
        self.diagnostics["repaired_change"] = outside_change(compose(image, hole, found), image, hole)
        self.diagnostics["asymmetry"] = outside_change(image.flip(-1), image, hole | hole.flip(-1))
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
