"""The networks of Yu et al. 2018, 'Generative Image Inpainting with Contextual Attention' (version 1 of their code).

Colours are in [-1,1] here, 0 in the hole. A generator's input is (N,4,H,W) or (N,5,H,W): the colours, a plane of ones
if the method has one, and last the hole (1 = missing). H and W are multiples of 4, with attention of 8.

Departures from the authors' TensorFlow code: convolutions of stride 2 pad alike on all sides (theirs pad below and on
the right only), and nothing else that changes a layer's shape or its number of parameters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.ca.attention import contextual_attention
from bench.methods.base import compose, erase

DILATIONS = (2, 4, 8, 16)
COLOURS = 3


@dataclass(frozen=True)
class Style:
    """What all hidden convolutions of a generator have in common. The defaults are those of the authors' code."""

    padding: Literal["reflect", "zeros"] = "zeros"
    activation: Literal["elu", "relu"] = "elu"
    norm: Literal["none", "batch"] = "none"


def planes(colours: Tensor, hole: Tensor, ones: bool) -> Tensor:
    """A generator's input from (N,3,H,W) colours and the bool (N,1,H,W) hole."""
    missing = hole.to(colours.dtype)
    return torch.cat([colours, *([torch.ones_like(missing)] if ones else []), missing], dim=1)


def conv(inside: int, outside: int, style: Style, kernel: int = 3, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    """A hidden convolution: `inside` channels in, `outside` out, the sides divided by `stride`."""
    padding = dilation * (kernel // 2)
    layers: list[nn.Module] = [
        nn.Conv2d(inside, outside, kernel, stride, padding, dilation, padding_mode=style.padding)
    ]
    if style.norm == "batch":
        layers.append(nn.BatchNorm2d(outside))
    layers.append(nn.ELU() if style.activation == "elu" else nn.ReLU())
    return nn.Sequential(*layers)


def encoder(inside: int, widths: Sequence[int], style: Style) -> list[nn.Module]:
    """Six convolutions of the given widths, the first 5x5, the second and the fourth of stride 2."""
    kernels, strides = (5, 3, 3, 3, 3, 3), (1, 2, 1, 2, 1, 1)
    joints = zip([inside, *widths], widths, kernels, strides, strict=False)
    return [conv(before, after, style, kernel, stride) for before, after, kernel, stride in joints]


def dilated(width: int, dilations: Sequence[int], style: Style) -> list[nn.Module]:
    return [conv(width, width, style, dilation=dilation) for dilation in dilations]


def decoder(inside: int, width: int, style: Style) -> list[nn.Module]:
    """Seven convolutions from a quarter of the side to colours; nearest up-sampling before the third and the fifth."""
    return [
        conv(inside, 4 * width, style),
        conv(4 * width, 4 * width, style),
        nn.Upsample(scale_factor=2),
        conv(4 * width, 2 * width, style),
        conv(2 * width, 2 * width, style),
        nn.Upsample(scale_factor=2),
        conv(2 * width, width, style),
        conv(width, width // 2, style),
        nn.Conv2d(width // 2, COLOURS, 3, padding=1, padding_mode=style.padding),
    ]


class Coarse(nn.Sequential):
    """The first network: 6 + 4 dilated + 7 convolutions, linear at the end, clamped to [-1,1].

    The paper's improved baseline has it twice, which makes the 2.9 M parameters that the paper states.
    """

    def __init__(self, inside: int, width: int = 32, dilations: Sequence[int] = DILATIONS, style: Style = Style()):
        widths = (width, 2 * width, 2 * width, 4 * width, 4 * width, 4 * width)
        super().__init__(
            *encoder(inside, widths, style), *dilated(4 * width, dilations, style), *decoder(4 * width, width, style)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N,`inside`,H,W) to (N,3,H,W)."""
        for layer in self:
            x = layer(x)
        return x.clamp(-1.0, 1.0)


def convolution_branch(inside: int, width: int, dilations: Sequence[int], style: Style) -> nn.Sequential:
    """The refine network's first branch: (N,`inside`,H,W) to (N,4*width,H/4,W/4)."""
    widths = (width, width, 2 * width, 2 * width, 4 * width, 4 * width)
    return nn.Sequential(*encoder(inside, widths, style), *dilated(4 * width, dilations, style))


class RefineWithoutAttention(nn.Module):
    """The refine network with its convolution branch alone."""

    def __init__(self, inside: int, width: int = 32, dilations: Sequence[int] = DILATIONS, style: Style = Style()):
        super().__init__()
        self.convolutions = convolution_branch(inside, width, dilations, style)
        self.decoder = nn.Sequential(*decoder(4 * width, width, style))

    def forward(self, x: Tensor) -> Tensor:
        """(N,`inside`,H,W) to (N,3,H,W) in [-1,1]."""
        colours: Tensor = self.decoder(self.convolutions(x))
        return colours.clamp(-1.0, 1.0)


class RefineWithAttention(nn.Module):
    """The refine network with both branches. It reads the hole from the last plane of its input."""

    def __init__(self, inside: int, width: int = 32, dilations: Sequence[int] = DILATIONS, style: Style = Style()):
        super().__init__()
        self.convolutions = convolution_branch(inside, width, dilations, style)
        widths = (width, width, 2 * width, 4 * width, 4 * width)
        # The features that are matched come from a ReLU in every style.
        relu = Style(style.padding, "relu", style.norm)
        self.matched = nn.Sequential(*encoder(inside, widths, style), conv(4 * width, 4 * width, relu))
        self.mixed = nn.Sequential(conv(4 * width, 4 * width, style), conv(4 * width, 4 * width, style))
        self.decoder = nn.Sequential(*decoder(8 * width, width, style))

    def forward(self, x: Tensor) -> Tensor:
        """(N,`inside`,H,W) to (N,3,H,W) in [-1,1]."""
        hole = F.max_pool2d(x[:, -1:], kernel_size=4)
        mixed = self.mixed(contextual_attention(self.matched(x), hole))
        colours: Tensor = self.decoder(torch.cat([self.convolutions(x), mixed], dim=1))
        return colours.clamp(-1.0, 1.0)


class Generator(nn.Module):
    """Image and hole to the results of both networks, clamped but not pasted."""

    def __init__(
        self, coarse: nn.Module, refine: nn.Module, ones: bool = True, loops: int = 1, detach: bool = False
    ) -> None:
        """`ones`: the networks read a plane of ones too; `loops`: times the second network runs.

        With `detach` no gradient of the second network reaches the first; else it does, through the paste.
        """
        super().__init__()
        self.coarse, self.refine = coarse, refine
        self.ones, self.loops, self.detach = ones, loops, detach

    def forward(self, image: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
        """(N,3,H,W) in [-1,1] and bool (N,1,H,W) to the coarse and the refined result, each (N,3,H,W) in [-1,1].

        What `image` holds under the hole does not matter.
        """
        known = erase(image, hole)
        coarse: Tensor = self.coarse(planes(known, hole, self.ones))
        result = coarse.detach() if self.detach else coarse
        for _ in range(self.loops):
            result = self.refine(planes(compose(known, hole, result), hole, self.ones))
        return coarse, result


class OneStage(nn.Module):
    """Image and hole to the result of one network, as both results of a `Generator`."""

    def __init__(self, network: nn.Module, ones: bool = True) -> None:
        super().__init__()
        self.network, self.ones = network, ones

    def forward(self, image: Tensor, hole: Tensor) -> tuple[Tensor, Tensor]:
        """(N,3,H,W) in [-1,1] and bool (N,1,H,W) to (N,3,H,W) in [-1,1], twice. Nothing under the hole matters."""
        result: Tensor = self.network(planes(erase(image, hole), hole, self.ones))
        return result, result


class Critic(nn.Module):
    """Four 5x5 convolutions of stride 2, LeakyReLU 0.2, no normalisation, then one linear unit without a sigmoid."""

    def __init__(self, inside: int, widths: Sequence[int], side: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip([inside, *widths], widths, strict=False):
            layers += [nn.Conv2d(before, after, 5, stride=2, padding=2), nn.LeakyReLU(0.2)]
            side = (side + 1) // 2
        self.layers = nn.Sequential(*layers)
        self.score = nn.Linear(side * side * widths[-1], 1)

    def forward(self, x: Tensor) -> Tensor:
        """Scores (N,) of (N,`inside`,`side`,`side`)."""
        score: Tensor = self.score(self.layers(x).flatten(1))
        return score.squeeze(1)


def global_critic(inside: int, side: int, width: int = 64) -> Critic:
    """Looks at the whole `side` x `side` picture."""
    return Critic(inside, (width, 2 * width, 4 * width, 4 * width), side)


def local_critic(inside: int, side: int, width: int = 64) -> Critic:
    """Looks at the `side` x `side` box around the hole."""
    return Critic(inside, (width, 2 * width, 4 * width, 8 * width), side)


@torch.no_grad()
def near_identity(network: nn.Module) -> None:
    """Start every convolution that keeps the number of channels close to the identity. For short trainings.

    Not in the paper: all weights are drawn after He et al. 2015; those of same-width convolutions are a tenth of that,
    plus 1 at the centre of each channel's own kernel. Biases are 0.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
            if layer.in_channels == layer.out_channels:
                layer.weight.mul_(0.1).add_(nn.init.dirac_(torch.empty_like(layer.weight)))
            elif layer.out_channels == COLOURS:
                # Results then start well inside the clamp, which passes no gradient where it acts.
                layer.weight.mul_(0.1)
