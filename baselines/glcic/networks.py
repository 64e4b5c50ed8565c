"""The networks of Iizuka et al. 2017: the completion network, and the discriminator with its global and local branch.

Colours are in [0,1]. The layer table is the one place for all that build upon it: a `Style` says which of its rows are
gated, what follows a convolution, and whether the decoder is joined to the encoder.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from baselines.gated import GateOrder, gated
from bench.methods.base import Sizes

COLOURS = 3
DILATIONS = (2, 4, 8, 16)
SIZES = Sizes(minimum=4, multiple=4)
"""What the completion network takes: it halves a picture twice, and doubles it twice."""
JOINTS = {14: 3, 16: 1}
"""With skip connections, row 14 also takes the output of row 3, and row 16 that of row 1, of the same sides."""
WIDENING = (1, 2, 4, 8, 8, 8)
"""Channels after each convolution of a branch of the discriminator, over the first one's."""

Activation = Literal["relu", "leaky_relu"]
Skips = Literal["none", "add", "concat"]
Branches = Literal["both", "global", "local"]


class Row(NamedTuple):
    """A row of the layer table."""

    kind: Literal["conv", "dilated", "deconv"]
    kernel: int
    stride: int
    halves: int
    """Channels, in halves of the first row's."""


ROWS = (
    Row("conv", 5, 1, 2),
    Row("conv", 3, 2, 4),
    Row("conv", 3, 1, 4),
    Row("conv", 3, 2, 8),
    *2 * [Row("conv", 3, 1, 8)],
    *4 * [Row("dilated", 3, 1, 8)],
    *2 * [Row("conv", 3, 1, 8)],
    Row("deconv", 4, 2, 4),
    Row("conv", 3, 1, 4),
    Row("deconv", 4, 2, 2),
    Row("conv", 3, 1, 1),
)
"""Rows 1 to 16; the 17th is the output, a 3x3 convolution to colours and a sigmoid. With 64 channels in the first row
6,072,131 parameters."""


@dataclass(frozen=True)
class Style:
    """What the rows of the completion network have in common. The defaults are those of Iizuka et al. 2017."""

    activation: Activation = "relu"
    norm: bool = True
    activation_first: bool = False
    """Activation before batch normalisation, as in the PyTorch code otenim/GLCIC-PyTorch."""
    dilations: tuple[int, int, int, int] = DILATIONS
    gated: frozenset[int] = frozenset()
    """Numbers of the gated rows, from 1."""
    gate_order: GateOrder = "gate_first"
    skips: Skips = "none"


class CompletionNetwork(nn.Module):
    """A picture with one colour in its hole, and the hole, to a picture (17 rows)."""

    def __init__(self, width: int = 64, style: Style = Style()) -> None:
        """`width`: channels of the first row, an even number."""
        super().__init__()
        self.skips = style.skips
        channels = [COLOURS + 1, *(row.halves * width // 2 for row in ROWS)]
        dilations = iter(style.dilations)
        layers = []
        for number, (row, (inside, outside)) in enumerate(zip(ROWS, pairwise(channels), strict=True), start=1):
            if style.skips == "concat" and number in JOINTS:
                inside += channels[JOINTS[number]]
            dilation = next(dilations) if row.kind == "dilated" else 1
            layers.append(layer(row, inside, outside, dilation, style, number in style.gated))
        self.rows = nn.ModuleList(layers)
        self.colours = nn.Conv2d(channels[-1], COLOURS, 3, padding=1)

    def forward(self, colours: Tensor, hole: Tensor) -> Tensor:
        """(N,3,H,W) in [0,1] and bool (N,1,H,W) to (N,3,H,W) in [0,1]; H and W are multiples of 4."""
        x = torch.cat([colours, hole.to(colours.dtype)], dim=1)
        kept: dict[int, Tensor] = {}
        for number, row in enumerate(self.rows, start=1):
            if self.skips != "none" and number in JOINTS:
                earlier = kept.pop(JOINTS[number])
                x = x + earlier if self.skips == "add" else torch.cat([x, earlier], dim=1)
            x = row(x)
            if number in JOINTS.values():
                kept[number] = x
        return torch.sigmoid(self.colours(x))


def layer(row: Row, inside: int, outside: int, dilation: int, style: Style, gate: bool) -> nn.Module:
    """One row: a convolution with bias, and what follows it."""
    convolution = partial(convolve, row, inside, dilation)
    active = partial(activation, style.activation)
    if gate:
        return gated(convolution, outside, active, style.gate_order, style.norm)
    normalised: list[nn.Module] = [nn.BatchNorm2d(outside)] if style.norm else []
    after = [active(), *normalised] if style.activation_first else [*normalised, active()]
    return nn.Sequential(convolution(outside), *after)


def convolve(row: Row, inside: int, dilation: int, outside: int) -> nn.Module:
    """The row's convolution: sides divided by its stride, or multiplied for a deconvolution."""
    if row.kind == "deconv":
        return nn.ConvTranspose2d(inside, outside, row.kernel, row.stride, padding=1)
    return nn.Conv2d(inside, outside, row.kernel, row.stride, dilation * (row.kernel // 2), dilation)


def activation(name: Activation) -> nn.Module:
    return nn.ReLU() if name == "relu" else nn.LeakyReLU(0.2)


@dataclass(frozen=True)
class DiscriminatorStyle:
    """What both branches of the discriminator have in common. The defaults are those of Iizuka et al. 2017."""

    width: int = 64
    """Channels of the first convolution; each branch ends in 16 times as many numbers."""
    norm: Literal["batch", "spectral", "none"] = "batch"
    """`spectral`: of the convolutions only (Miyato et al. 2018), one power iteration a pass."""
    activation: Activation = "relu"
    fc_in: Literal["flatten", "gap"] = "flatten"
    """What enters the full connection: all features, or the mean of each channel."""


class Branch(nn.Module):
    """5x5 convolutions of stride 2, then one full connection: (N,inside,side,side) to (N,16*width)."""

    def __init__(self, inside: int, side: int, convolutions: int, style: DiscriminatorStyle) -> None:
        super().__init__()
        widths = [style.width * times for times in WIDENING[:convolutions]]
        layers: list[nn.Module] = []
        for before, after in pairwise([inside, *widths]):
            one = nn.Conv2d(before, after, 5, stride=2, padding=2)
            layers.append(spectral_norm(one) if style.norm == "spectral" else one)
            layers += [nn.BatchNorm2d(after)] if style.norm == "batch" else []
            layers.append(activation(style.activation))
        layers += [nn.AdaptiveAvgPool2d(1)] if style.fc_in == "gap" else []
        self.features = nn.Sequential(*layers, nn.Flatten())
        last = 1 if style.fc_in == "gap" else halved(side, convolutions)
        self.dense = nn.Sequential(nn.Linear(last**2 * widths[-1], 16 * style.width), activation(style.activation))

    def forward(self, picture: Tensor) -> Tensor:
        found: Tensor = self.dense(self.features(picture))
        return found


class Discriminator(nn.Module):
    """Two branches, one on the whole picture and one on a part of it, joined in one logit, positive for a true one."""

    def __init__(
        self,
        inside: int,
        side: int,
        part: int,
        layers: Sequence[int],
        style: DiscriminatorStyle,
        branches: Branches = "both",
    ) -> None:
        """`side` and `part`: sides in pixels of the whole and of the part; `layers`: convolutions of each branch."""
        super().__init__()
        self.whole = None if branches == "local" else Branch(inside, side, layers[0], style)
        self.part = None if branches == "global" else Branch(inside, part, layers[1], style)
        self.verdict = nn.Linear((32 if branches == "both" else 16) * style.width, 1)

    def forward(self, whole: Tensor, part: Tensor) -> Tensor:
        """(N,inside,side,side) and (N,inside,part,part) to logits (N,)."""
        pairs = ((self.whole, whole), (self.part, part))
        found = torch.cat([branch(picture) for branch, picture in pairs if branch is not None], dim=1)
        logits: Tensor = self.verdict(found)
        return logits.squeeze(1)


def halved(side: int, times: int) -> int:
    """The side of the features after so many convolutions of stride 2: each rounds up, as 5 pixels become 3.

    Rounding down once at the end (side // 2**times) is wrong for 160 and 6: that is 2, and the features have 3.
    """
    for _ in range(times):
        side = (side + 1) // 2
    return side
