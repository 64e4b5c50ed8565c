"""The two networks of SRGAN (Ledig et al. 2017, Fig. 4)."""

from typing import Literal

import torch
from torch import Tensor, nn

FACTOR = 4
"""How many times a side grows."""
SLOPE = 0.2

Layout = Literal["alternating", "halving"]


class Residual(nn.Module):
    """Two convolutions, each normalised, beside a straight connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
            nn.PReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        inner: Tensor = self.layers(x)
        return x + inner


class Generator(nn.Module):
    """(N,3,H,W) in [0,1] to (N,3,4H,4W) around [-1,1], unbounded.

    With width 64 and 16 blocks 1,549,462 parameters; each PReLU has one slope for all its channels.
    """

    def __init__(self, width: int = 64, blocks: int = 16) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, width, 9, padding=4), nn.PReLU())
        self.body = nn.Sequential(
            *(Residual(width) for _ in range(blocks)),
            nn.Conv2d(width, width, 3, padding=1),
            nn.BatchNorm2d(width),
        )
        self.larger = nn.Sequential(*(layer for _ in range(2) for layer in _doubled(width)))
        self.last = nn.Conv2d(width, 3, 9, padding=4)

    def forward(self, small: Tensor) -> Tensor:
        first = self.first(small)
        large: Tensor = self.last(self.larger(first + self.body(first)))
        return large


class Discriminator(nn.Module):
    """(N,3,S,S) in [-1,1] to logits (N,): positive for pictures taken as true.

    `alternating` is Ledig's: strides 1, 2, 1, 2, ... over 64, 64, 128, 128, 256, 256, 512, 512 channels; 23,565,505
    parameters for S = 96. `halving`: every convolution halves the picture and doubles the channels, 64 to 512.
    """

    def __init__(self, side: int = 96, width: int = 64, layout: Layout = "alternating") -> None:
        super().__init__()
        channels = [width * factor for factor in (1, 2, 4, 8)]
        strides = (1, 2) if layout == "alternating" else (2,)
        steps = [(count, stride) for count in channels for stride in strides]
        layers: list[nn.Module] = []
        before = 3
        for place, (count, stride) in enumerate(steps):
            layers += [nn.Conv2d(before, count, 3, stride, padding=1)]
            layers += [nn.BatchNorm2d(count)] if place else []
            layers += [nn.LeakyReLU(SLOPE)]
            before = count
        self.features = nn.Sequential(*layers)
        dense, left = 16 * width, -(-side // 16)
        self.verdict = nn.Sequential(
            nn.Flatten(), nn.Linear(before * left**2, dense), nn.LeakyReLU(SLOPE), nn.Linear(dense, 1)
        )

    def forward(self, picture: Tensor) -> Tensor:
        return torch.squeeze(self.verdict(self.features(picture)), 1)


def _doubled(width: int) -> list[nn.Module]:
    """A convolution whose channels become twice the width and height."""
    return [nn.Conv2d(width, 4 * width, 3, padding=1), nn.PixelShuffle(2), nn.PReLU()]
