"""The U-Net of partial convolutions (Liu et al. 2018, §3.2). Colours are in [-1,1]."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.partial import PartialConv, Renormalise
from bench.errors import UserError
from bench.inpainter import Sizes

COLOURS = 3
KERNELS = (7, 5, 5)
"""Of the first layers; 3 from there on."""
MOST_LEVELS = 7
"""Halvings of the public code for 256x256; the paper has one more, at 512x512."""
LEAST = 2
"""Side, in pixels, of the smallest features that are made unless a setting asks for smaller ones."""


def levels_at(resolution: int, wanted: int | None) -> int:
    """How often a picture of this side is halved: `wanted`, else as often as can be done without rounding.

    That is 5 times at 64 and at 160, 7 times at 256. Raises UserError for a side that cannot be halved so often.
    """
    can = (resolution & -resolution).bit_length() - 1
    levels = wanted or min(MOST_LEVELS, can, (resolution // LEAST).bit_length() - 1)
    if not 1 <= levels <= can:
        raise UserError(
            f"A resolution of {resolution} cannot be halved {max(1, levels)} times without rounding, only {can} times."
            " Set levels to fewer, or take another resolution, such as a power of two."
        )
    return levels


def sizes(levels: int) -> Sizes:
    """The pictures that a U-Net with so many halvings takes: all its layers are convolutions."""
    return Sizes(minimum=1 << levels, multiple=1 << levels)


def widths(width: int, levels: int) -> list[int]:
    """Channels after each halving: `width`, doubled up to 8 * `width`."""
    return [width * min(8, 1 << level) for level in range(levels)]


class Layer(nn.Module):
    """Partial convolution, batch normalisation, activation: features and where they are known, in and out."""

    def __init__(self, conv: PartialConv, norm: bool, activation: nn.Module) -> None:
        super().__init__()
        self.conv, self.activation = conv, activation
        self.norm = nn.BatchNorm2d(conv.weight.shape[0]) if norm else nn.Identity()

    def forward(self, x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        x, known = self.conv(x, known)
        return self.activation(self.norm(x)), known


class PartialUNet(nn.Module):
    """Picture with a hole to picture. With width 64 and 7 levels 25,779,796 parameters.

    Colours that no known pixel has reached are 0, a middle grey.
    """

    def __init__(self, width: int = 64, levels: int = 7, renormalise: Renormalise = "window") -> None:
        super().__init__()
        outward = [COLOURS, *widths(width, levels)]
        self.encoder, self.decoder = nn.ModuleList(), nn.ModuleList()
        for level in range(levels):
            kernel = KERNELS[level] if level < len(KERNELS) else 3
            conv = PartialConv([outward[level]], outward[level + 1], kernel, 2, renormalise=renormalise)
            self.encoder.append(Layer(conv, level > 0, nn.ReLU()))
        for level in reversed(range(levels)):
            last, outside = level == 0, outward[level]
            conv = PartialConv([outward[level + 1], outside], outside, 3, bias=last, renormalise=renormalise)
            self.decoder.append(Layer(conv, not last, nn.Identity() if last else nn.LeakyReLU(0.2)))

    def forward(self, colours: Tensor, hole: Tensor) -> Tensor:
        """(N,3,H,W) and bool (N,1,H,W) to (N,3,H,W), unbounded. Colours under the hole have no influence."""
        x, known = colours, (~hole).to(colours.dtype)
        passed = []
        for layer in self.encoder:
            passed.append((x, known))
            x, known = layer(x, known)
        for layer in self.decoder:
            beside, beside_known = passed.pop()
            x, known = F.interpolate(x, scale_factor=2.0), F.interpolate(known, scale_factor=2.0)
            x, known = layer(torch.cat([x, beside], dim=1), torch.cat([known, beside_known], dim=1))
        return x

    def encoder_norms(self) -> list[nn.BatchNorm2d]:
        """The batch normalisations that fine-tuning freezes (§3.3)."""
        return [layer for layer in self.encoder.modules() if isinstance(layer, nn.BatchNorm2d)]
