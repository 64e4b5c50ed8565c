"""Public weights for CA: the DeepFillv1 of mmagic (earlier: mmediting), as its files of 2020 hold it.

It is not the authors' network to the bit, and no setting of ours makes them equal, so it is built here from the same
blocks. Read in open-mmlab/mmagic: models/editors/deepfillv1, models/editors/global_local and their configs. There,
- convolutions pad by reflection, and alike on all sides where the stride is 2;
- all of the attention branch is ELU;
- missing patches leave the softmax (the authors' weigh them by its factor before and after);
- a cell's hole is the one pixel that nearest-neighbour resizing takes from it;
- pasted patches are divided by how many overlap at each place (the authors' by 4 everywhere).

The authors' own checkpoints are TensorFlow's, with its one-sided padding, and are not read.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.ca.attention import NORM_FLOOR, RATE, SOFTMAX_SCALE, fuse
from baselines.ca.networks import DILATIONS, Coarse, Style, conv, convolution_branch, decoder, encoder, planes
from baselines.feed_forward import FeedForward
from baselines.mmagic import LICENCE, SOURCE, UNTRIED, blue_first, module_keys
from bench.methods.base import DataFacts, Inpainter, Method, Settings, Sizes, compose
from bench.methods.layouts import WeightLayout

STYLE = Style(padding="reflect")
WIDTH = 32
INSIDE = 5
"""Three colours, a plane of ones, the hole."""
SIZES = Sizes(minimum=72, multiple=8)
"""Padding by 16 needs more than 16 places of a quarter of the side."""


def masked_attention(features: Tensor, hole: Tensor) -> Tensor:
    """Features put together from known patches: (N,C,H,W) in and out, H and W multiples of `RATE`.

    `hole` is float (N,1,H,W), 1 = missing. Where no patch is free of missing cells the result is 0 (theirs is NaN).
    """
    height, width = features.shape[-2:]
    small = features[..., ::RATE, ::RATE]
    patches = F.unfold(small, kernel_size=3, padding=1)
    normed = patches / torch.linalg.vector_norm(patches, dim=1, keepdim=True).clamp(min=NORM_FLOOR)
    score = fuse(normed.transpose(1, 2) @ patches, height // RATE, width // RATE)
    around = F.max_pool2d(hole[..., ::RATE, ::RATE], kernel_size=3, stride=1, padding=1)
    missing = (around > 0).flatten(1).unsqueeze(2)
    weights = torch.softmax((score * SOFTMAX_SCALE).masked_fill(missing, -torch.inf), dim=1).nan_to_num(0.0)
    raw = F.unfold(features, kernel_size=2 * RATE, stride=RATE, padding=RATE // 2)
    fold = partial(F.fold, output_size=(height, width), kernel_size=2 * RATE, stride=RATE, padding=RATE // 2)
    return fold(raw @ weights) / fold(torch.ones_like(raw[:1, : (2 * RATE) ** 2]))


class Refine(nn.Module):
    """Both branches and their decoder; the hole is the last plane of the input."""

    def __init__(self) -> None:
        super().__init__()
        width = WIDTH
        self.convolutions = convolution_branch(INSIDE, width, DILATIONS, STYLE)
        widths = (width, width, 2 * width, 4 * width, 4 * width, 4 * width)
        self.matched = nn.Sequential(*encoder(INSIDE, widths, STYLE))
        self.mixed = nn.Sequential(conv(4 * width, 4 * width, STYLE), conv(4 * width, 4 * width, STYLE))
        self.decoder = nn.Sequential(*decoder(8 * width, width, STYLE))

    def forward(self, x: Tensor) -> Tensor:
        """(N,5,H,W) to (N,3,H,W) in [-1,1]."""
        mixed = self.mixed(masked_attention(self.matched(x), x[:, -1:, ::4, ::4]))
        colours: Tensor = self.decoder(torch.cat([self.convolutions(x), mixed], dim=1))
        return colours.clamp(-1.0, 1.0)


class MmagicDeepFill(Method):
    """CA as mmagic has it; without a training."""

    def __init__(self, settings: Settings, data: DataFacts) -> None:
        super().__init__(settings, data)
        self.coarse, self.refine = Coarse(INSIDE, WIDTH, style=STYLE), Refine()

    def networks(self) -> dict[str, nn.Module]:
        return {"coarse": self.coarse, "refine": self.refine}

    def inpainter(self) -> Inpainter:
        return FeedForward(nn.ModuleList([self.coarse, self.refine]), blue_first(self._forward), SIZES)

    def _forward(self, colours: Tensor, hole: Tensor) -> Tensor:
        coarse: Tensor = self.coarse(planes(colours, hole, ones=True))
        refined: Tensor = self.refine(planes(compose(colours, hole, coarse), hole, ones=True))
        return refined


def _keys() -> Iterator[tuple[str, str]]:
    """Ours to theirs."""
    encoders = [f"enc{number}" for number in range(1, 7)]
    necks = [f"dilation_convs.{number}" for number in range(4)]
    decoders = ["dec1", "dec2", None, "dec3", "dec4", None, "dec5", "dec6", "dec7"]  # None is an up-sampling
    stage1, stage2 = "generator.stage1", "generator.stage2"
    blocks: dict[str, Sequence[str | None]] = {
        "coarse": [
            *(f"{stage1}.encoder.{name}" for name in encoders),
            *(f"{stage1}.dilation_neck.{name}" for name in necks),
            *(name and f"{stage1}.decoder.{name}" for name in decoders),
        ],
        "refine.convolutions": [
            *(f"{stage2}.encoder_conv.{name}" for name in encoders),
            *(f"{stage2}.dilation_neck.{name}" for name in necks),
        ],
        "refine.matched": [f"{stage2}.encoder_attention.{name}" for name in encoders],
        "refine.mixed": [f"{stage2}.contextual_attention_neck.{name}" for name in ("conv1", "conv2")],
        "refine.decoder": [name and f"{stage2}.decoder.{name}" for name in decoders],
    }
    for ours, names in blocks.items():
        for place, theirs in enumerate(names):
            if theirs is not None:
                # The last convolution of a decoder has no activation after it, and so stands by itself here.
                inner = "" if theirs.endswith("dec7") else ".0"
                yield from module_keys(f"{ours}.{place}{inner}", f"{theirs}.conv")


LAYOUTS = [
    WeightLayout(
        name="DeepFillv1 of mmagic",
        source=f"{SOURCE}deepfillv1/",
        licence=LICENCE,
        keys=dict(_keys()),
        unused=("disc.*", "generator.stage2.contextual_attention_neck.contextual_attention.fuse_kernel"),
        method=MmagicDeepFill,
        trained_on={
            "deepfillv1_256x256_8x2_places_*": "Places365, 256x256, square holes",
            "deepfillv1_256x256_4x4_celeba_*": "CelebA-HQ, 256x256, square holes",
        },
        remarks=(UNTRIED,),
    )
]
