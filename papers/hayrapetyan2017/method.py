"""Training and completion. Where it differs from the text, and why: the ledger in paper.toml (Y..)."""

import copy
from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from baselines import poisson
from baselines.latent.networks import Discriminator, Generator
from baselines.latent.search import LatentSearch
from baselines.latent.training import AdversarialStage, drawing, gan_networks
from baselines.latent.unconditional import LatentMethod
from baselines.srgan import networks as srgan
from baselines.srgan.networks import FACTOR
from baselines.srgan.pictures import resized
from baselines.srgan.training import SrganSettings
from baselines.srgan.training import stages as srgan_stages
from bench.methods.base import DataFacts, Feed, Inpainter, Sizes, Stage, TrainedSettings, compose
from bench.util.errors import UserError

from .scaling import in_square, missing_cells, out_of_square, reduced, shrunk
from .settings import AFTER_TRAINING, HayrapetyanSettings

SR_ROLES = ("resnet", "generator", "discriminator")
ENLARGERS = {"srgan": "sr_generator", "srresnet": "sr_resnet"}
"""The network of each value of `enlarge`."""
ENLARGED_AT_ONCE = 4
"""Pictures in one pass of SRGAN: always so many, because kernels, and with them last bits, are chosen by it."""


class SmallDcgan(AdversarialStage):
    """DCGAN on the training pictures reduced to the search's size."""

    def __init__(self, method: "Hayrapetyan2017") -> None:
        self.settings = method.settings
        super().__init__(method.networks(), method.settings, method.data.images)

    def real(self, feed: Feed) -> Tensor:
        large = (super().real(feed) + 1) / 2
        return 2 * shrunk(large, self.settings.search_resolution, self.settings.reduce).clamp(0, 1) - 1


class Pipeline(Inpainter):
    """Reduce, search, enlarge, merge (§6). The raw result is the enlarged picture, known parts included."""

    def __init__(
        self, search: LatentSearch, enlarger: nn.Module | None, settings: HayrapetyanSettings, largest: int | None
    ) -> None:
        """`enlarger`: SRGAN's generator or SRResNet; None: bicubic. `largest`: the side of pictures, in pixels."""
        self.search, self.enlarger, self.settings = search, enlarger, settings
        self.images_at_once = search.images_at_once
        self.sizes = Sizes(settings.search_resolution, maximum=largest)
        self.diagnostics: dict[str, Tensor] = {}

    def inpaint(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        square, gap = in_square(image, hole)
        completed = self._completed(square, gap, seed)
        result = out_of_square(self._enlarged(completed, square.shape[-1]), height, width)
        if self.settings.merge == "paste":
            return result
        return compose(result, hole, poisson.blend(image, hole, result))

    def _completed(self, square: Tensor, gap: Tensor, seed: Tensor) -> Tensor:
        """Steps 1 and 2 of §6: the whole picture at the search's size."""
        side = self.settings.search_resolution
        small = reduced(square, gap, side, self.settings.reduce, self.settings.under_hole)
        cells = missing_cells(gap, side)
        found = self.search.inpaint(small, cells, seed)
        self.diagnostics = self.search.diagnostics
        return compose(small, cells, found)

    @torch.no_grad()
    def _enlarged(self, small: Tensor, side: int) -> Tensor:
        """Step 3: four times larger, then `side` x `side`. Nothing is done where that is the size it has."""
        if small.shape[-1] == side or self.enlarger is None:
            return resized(small, side, side)
        training = self.enlarger.training
        self.enlarger.eval()
        parts = []
        for start in range(0, len(small), ENLARGED_AT_ONCE):
            place = torch.arange(start, start + ENLARGED_AT_ONCE).clamp(max=len(small) - 1)
            parts.append(self.enlarger(small[place])[: len(small) - start])
        self.enlarger.train(training)
        large = ((torch.cat(parts) + 1) / 2).clamp(0, 1)
        return resized(large, side, side)


class Hayrapetyan2017(LatentMethod):
    """DCGAN search at 64x64, then SRGAN to 256x256 (Hayrapetyan et al. 2017, SJEE 14(3))."""

    settings_class = HayrapetyanSettings
    after_training: ClassVar[frozenset[str]] = AFTER_TRAINING
    from_stage: ClassVar[Mapping[str, frozenset[str]]] = {
        "srresnet": frozenset(SrganSettings.model_fields.keys() - TrainedSettings.model_fields.keys()),
        "srgan_mse": frozenset({"sr_discriminator", "sr_discriminator_width", "sr_discriminator_learning_rate"})
        | {"srgan_learning_rate", "sr_adversarial_weight"},
    }
    settings: HayrapetyanSettings

    def __init__(self, settings: HayrapetyanSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        check_resolution(settings, data.resolution)
        side = settings.search_resolution
        generator = Generator(settings.width, settings.z_size, side, bias=False, dense_norm="unit")
        self._networks = gan_networks(generator, Discriminator(settings.width, side, bias=False), settings)
        self.enlarges = data.resolution > side
        if self.enlarges:
            self._networks["sr_resnet"] = srgan.Generator(settings.sr_width, settings.sr_blocks)
            self._networks["sr_generator"] = copy.deepcopy(self._networks["sr_resnet"])
            self._networks["sr_discriminator"] = srgan.Discriminator(
                settings.sr_crop, settings.sr_discriminator_width, settings.sr_discriminator
            )

    def networks(self) -> dict[str, nn.Module]:
        return self._networks

    def stages(self) -> Sequence[Stage]:
        """DCGAN; then SRGAN's two, where pictures are larger than the search."""
        if not self.enlarges:
            return [SmallDcgan(self)]
        srresnet, generator, discriminator = (self._networks[f"sr_{role}"] for role in SR_ROLES)
        return [SmallDcgan(self), *srgan_stages(srresnet, generator, discriminator, self.settings)]

    def inpainter(self) -> Inpainter:
        return self._pipeline(self.settings)

    def preview(self) -> Inpainter:
        return self._pipeline(self.settings.for_preview())

    def _pipeline(self, settings: HayrapetyanSettings) -> Pipeline:
        side = settings.search_resolution
        search = LatentSearch(drawing(self._networks), self._networks["discriminator"], settings, side)
        if settings.enlarge == "bicubic":
            return Pipeline(search, None, settings, largest(settings))
        # Trained on pictures of the search's size, it has nothing to enlarge with.
        most = largest(settings) if self.enlarges else side
        return Pipeline(search, self._networks.get(ENLARGERS[settings.enlarge]), settings, most)


def largest(settings: HayrapetyanSettings) -> int | None:
    """The largest side that is taken, in pixels; None: any."""
    return None if settings.allow_larger else FACTOR * settings.search_resolution


def check_resolution(settings: HayrapetyanSettings, resolution: int) -> None:
    """Raise UserError unless training images of this side suit the settings."""
    side, most = settings.search_resolution, largest(settings)
    if resolution < side:
        raise UserError(f"The search is at {side}x{side}; images of {resolution} are too small. Use larger ones.")
    if most is not None and resolution > most:
        raise UserError(
            f"Images of {resolution}x{resolution} are more than four times as large as the search's {side}x{side}."
            " Use a smaller resolution, or set allow_larger = true."
        )
    if resolution > side and settings.sr_pictures is None and settings.sr_crop > resolution:
        raise UserError(
            f"sr_crop = {settings.sr_crop} is larger than the training images of {resolution}x{resolution}; lower it."
        )


METHOD = Hayrapetyan2017
