"""Public weights for PConv: those of naoto0804, and those of mmagic (earlier: mmediting). Both halve seven times.

naoto0804's takes and gives colours as ImageNet's mean and deviation normalise them, and divides by the number of known
values. mmagic's is as ours, with NVIDIA's weighing, but that its first layer, which has no normalisation, has a bias.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from baselines.feed_forward import FeedForward
from baselines.mmagic import LICENCE, NORM, SOURCE, UNTRIED, blue_first, module_keys
from baselines.partial import Renormalise
from baselines.pconv.networks import MOST_LEVELS, Layer, PartialUNet
from baselines.unet import sizes
from baselines.vgg import IMAGENET_MEAN, IMAGENET_SD, normalised
from bench.methods.base import DataFacts, Inpainter, Method, Settings
from bench.methods.layouts import WeightLayout


class Public(Method):
    """A PConv that somebody else trained; without a training."""

    renormalise: Renormalise = "window"

    def __init__(self, settings: Settings, data: DataFacts) -> None:
        super().__init__(settings, data)
        self.generator = PartialUNet(64, MOST_LEVELS, self.renormalise)

    def networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator}

    def inpainter(self) -> Inpainter:
        return FeedForward(self.generator, self.forward, sizes(MOST_LEVELS))

    def forward(self, colours: Tensor, hole: Tensor) -> Tensor:
        """Colours in [-1,1] to colours."""
        raise NotImplementedError


class Naoto(Public):
    """PConv as naoto0804 has it."""

    renormalise = "sum"

    def forward(self, colours: Tensor, hole: Tensor) -> Tensor:
        result: Tensor = self.generator(normalised(colours), hole)
        mean, sd = (result.new_tensor(values).view(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_SD))
        return 2 * (result * sd + mean) - 1


class MmagicPConv(Public):
    """PConv as mmagic has it."""

    def __init__(self, settings: Settings, data: DataFacts) -> None:
        super().__init__(settings, data)
        first = self.generator.encoder[0]
        assert isinstance(first, Layer)
        first.conv.bias = nn.Parameter(torch.zeros(len(first.conv.weight)))

    def forward(self, colours: Tensor, hole: Tensor) -> Tensor:
        return blue_first(self.generator)(colours, hole)


def _layers() -> Iterator[tuple[str, str, bool]]:
    """Ours, theirs by kind and number, and whether a normalisation follows: the decoder's numbers fall."""
    for place in range(MOST_LEVELS):
        yield f"generator.encoder.{place}", f"enc{{}}{place + 1}", place > 0
    for place in range(MOST_LEVELS):
        yield f"generator.decoder.{place}", f"dec{{}}{MOST_LEVELS - place}", place < MOST_LEVELS - 1


def _naoto_keys() -> Iterator[tuple[str, str]]:
    for ours, name, norm in _layers():
        theirs, last = name.format("_"), name == "dec{}1"
        yield from module_keys(f"{ours}.conv", f"{theirs}.conv.input_conv", ("weight", "bias") if last else ("weight",))
        yield from module_keys(f"{ours}.norm", f"{theirs}.bn", NORM) if norm else ()


def _mmagic_keys() -> Iterator[tuple[str, str]]:
    for ours, name, norm in _layers():
        theirs = f"generator.{'encoder' if name.startswith('enc') else 'decoder'}.{name.format('')}"
        yield from module_keys(f"{ours}.conv", f"{theirs}.conv", ("weight",) if norm else ("weight", "bias"))
        yield from module_keys(f"{ours}.norm", f"{theirs}.bn", NORM) if norm else ()


LAYOUTS = [
    WeightLayout(
        name="PConv of naoto0804",
        source="https://github.com/naoto0804/pytorch-inpainting-with-partial-conv/releases",
        licence="MIT, as the project that publishes it",
        keys=dict(_naoto_keys()),
        unused=("*.mask_conv.weight", "*.num_batches_tracked"),
        method=Naoto,
        trained_on={"1000000.pth": "Places2, 256x256, irregular holes"},
        remarks=(UNTRIED,),
    ),
    WeightLayout(
        name="PConv of mmagic",
        source=f"{SOURCE}pconv/",
        licence=LICENCE,
        keys=dict(_mmagic_keys()),
        unused=("*.weight_mask_updater", "*.num_batches_tracked", "loss_percep.*"),
        method=MmagicPConv,
        trained_on={
            "pconv_256x256_stage2_4x2_places_*": "Places365, 256x256, irregular holes",
            "pconv_256x256_stage2_4x2_celeba_*": "CelebA-HQ, 256x256, irregular holes",
        },
        remarks=(UNTRIED,),
    ),
]
