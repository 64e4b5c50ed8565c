"""Public weights for GLCIC: those of otenim/GLCIC-PyTorch, and those of mmagic (earlier: mmediting).

otenim's is our network with the activation first. The mean colour that fills its holes stands in the config.json that
is published with it. mmagic's is built here from the same rows: no bias before batch normalisation, colours in [-1,1],
clipped in place of the sigmoid, a hole of middle grey.

The authors' own networks are files of Torch7, which PyTorch no longer reads.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from baselines.feed_forward import FeedForward
from baselines.glcic.networks import DILATIONS, ROWS, SIZES, CompletionNetwork
from baselines.mmagic import LICENCE, NORM, SOURCE, UNTRIED, blue_first, module_keys
from bench.methods.base import DataFacts, Inpainter, Method, Settings
from bench.methods.layouts import WeightLayout

MMAGIC_ROWS = (
    *(f"encoder.enc{number}" for number in range(1, 7)),
    *(f"dilation_neck.dilation_convs.{number}" for number in range(4)),
    *(f"decoder.dec{number}" for number in range(1, 7)),
)


class ClippedNetwork(CompletionNetwork):
    """The completion network as mmagic has it."""

    def __init__(self) -> None:
        super().__init__()
        for row in self.rows:
            assert isinstance(row, nn.Sequential)
            row[0].register_parameter("bias", None)

    def forward(self, colours: Tensor, hole: Tensor) -> Tensor:
        """(N,3,H,W) in [-1,1], 0 in the hole, and bool (N,1,H,W) to (N,3,H,W) in [-1,1]."""
        x = torch.cat([colours, hole.to(colours.dtype)], dim=1)
        for row in self.rows:
            x = row(x)
        result: Tensor = self.colours(x).clamp(-1.0, 1.0)
        return result


class MmagicGlobalLocal(Method):
    """GLCIC's completion network as mmagic has it; without a training."""

    def __init__(self, settings: Settings, data: DataFacts) -> None:
        super().__init__(settings, data)
        self.generator = ClippedNetwork()

    def networks(self) -> dict[str, nn.Module]:
        return {"generator": self.generator}

    def inpainter(self) -> Inpainter:
        return FeedForward(self.generator, blue_first(self.generator), SIZES)


def _otenim_keys() -> Iterator[tuple[str, str]]:
    """Ours to theirs; with the activation first, the normalisation is the third of a row."""
    for place, row in enumerate(ROWS):
        yield from module_keys(f"generator.rows.{place}.0", f"cn/{'de' * (row.kind == 'deconv')}conv{place + 1}")
        yield from module_keys(f"generator.rows.{place}.2", f"cn/bn{place + 1}", NORM)
    yield from module_keys("generator.colours", "cn/conv17")


def _mmagic_keys() -> Iterator[tuple[str, str]]:
    for place, theirs in enumerate(MMAGIC_ROWS):
        yield from module_keys(f"generator.rows.{place}.0", f"generator.{theirs}.conv", ("weight",))
        yield from module_keys(f"generator.rows.{place}.1", f"generator.{theirs}.bn", NORM)
    yield from module_keys("generator.colours", "generator.decoder.dec7.conv")


LAYOUTS = [
    WeightLayout(
        name="GLCIC of otenim",
        source="https://github.com/otenim/GLCIC-PyTorch",
        licence="MIT, as the project that publishes it",
        keys=dict(_otenim_keys()),
        unused=("cn/*.num_batches_tracked", "config/*"),
        roles={"cn": "model_cn*", "config": "config.json"},
        mean="config/mpv",
        settings={
            "width": 64,
            "activation": "relu",
            "norm": True,
            "activation_first": True,
            "dilations": DILATIONS,
            "hole_colour": "mean",
            "gan_weight": 0.0,  # without the discriminator
        },
        trained_on={"model_cn*": "CelebA, 160x160"},
        remarks=(UNTRIED, "The project blends its results into the picture (Poisson); the score is without that."),
    ),
    WeightLayout(
        name="Global&Local of mmagic",
        source=f"{SOURCE}global_local/",
        licence=LICENCE,
        keys=dict(_mmagic_keys()),
        unused=("disc.*", "*.num_batches_tracked"),
        method=MmagicGlobalLocal,
        trained_on={
            "gl_256x256_8x12_places_*": "Places365, 256x256, square holes",
            "gl_256x256_8x12_celeba_*": "CelebA-HQ, 256x256, square holes",
        },
        remarks=(UNTRIED,),
    ),
]
