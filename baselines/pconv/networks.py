"""The U-Net of partial convolutions (Liu et al. 2018, §3.2). Colours are in [-1,1]."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.partial import PartialConv, Renormalise
from baselines.unet import widths

COLOURS = 3
KERNELS = (7, 5, 5)
"""Of the first layers; 3 from there on."""
MOST_LEVELS = 7
"""Halvings of the public code for 256x256; the paper has one more, at 512x512."""
LEAST = 2
"""Side, in pixels, of the smallest features that are made unless a setting asks for smaller ones."""


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
        """The batch normalisations that fine-tuning freezes (§4.2)."""
        return [layer for layer in self.encoder.modules() if isinstance(layer, nn.BatchNorm2d)]
