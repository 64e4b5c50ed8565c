"""The networks of Pathak et al. 2016 as their released code builds them. Colours are in [-1,1].

The released code sets the bias of every convolution to zero before each pass, so the layers have none here. What the
paper calls a channel-wise full connection is, in the code, a 4x4 convolution down to one vector, and one up again.
"""

from itertools import pairwise

from torch import nn

from baselines.joint import start
from bench.methods.base import Sizes

COLOURS = 3
LEAST = 4
"""Side, in pixels, of the features that the bottleneck joins into one vector."""


def halvings(resolution: int) -> int:
    """How often the encoder halves a picture of this side: 4 times at 64 pixels, 5 times at 128 and at 160."""
    return (resolution // LEAST).bit_length() - 1


def sizes(times: int) -> Sizes:
    """The pictures that a generator with so many halvings takes: all its layers are convolutions."""
    return Sizes(minimum=LEAST << times, multiple=1 << times)


def widths(width: int, times: int) -> list[int]:
    """Channels after each halving. The last is 8 * `width`, each before it half of the next, none under `width`."""
    return [width * max(1, 8 >> (times - 1 - level)) for level in range(times)]


def down(inside: int, outside: int, norm: bool = True) -> list[nn.Module]:
    """Half the side: 4x4 of stride 2, batch normalisation, LeakyReLU 0.2."""
    layers: list[nn.Module] = [nn.Conv2d(inside, outside, 4, stride=2, padding=1, bias=False)]
    return [*layers, *([nn.BatchNorm2d(outside)] if norm else []), nn.LeakyReLU(0.2)]


def up(inside: int, outside: int) -> list[nn.Module]:
    """Twice the side: transposed 4x4 of stride 2, batch normalisation, ReLU."""
    return [
        nn.ConvTranspose2d(inside, outside, 4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(outside),
        nn.ReLU(),
    ]


def shrink(width: int, times: int) -> list[nn.Module]:
    """(N,3,H,W) to (N,8*width,H/2^times,W/2^times)."""
    channels = widths(width, times)
    first = down(COLOURS, channels[0], norm=False)
    return [*first, *(layer for pair in pairwise(channels) for layer in down(*pair))]


class ContextEncoder(nn.Sequential):
    """Picture to bottleneck to picture: (N,3,H,W) to (N,3,H,W) in [-1,1], with no way around the bottleneck."""

    def __init__(self, width: int, bottleneck: int, times: int) -> None:
        outwards = widths(width, times)[::-1]
        last = outwards[0]
        middle = [
            nn.Conv2d(last, bottleneck, LEAST, bias=False),
            nn.BatchNorm2d(bottleneck),
            nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(bottleneck, last, LEAST, bias=False),
            nn.BatchNorm2d(last),
            nn.ReLU(),
        ]
        decoder = [layer for pair in pairwise(outwards) for layer in up(*pair)]
        colours = nn.ConvTranspose2d(outwards[-1], COLOURS, 4, stride=2, padding=1, bias=False)
        super().__init__(*shrink(width, times), *middle, *decoder, colours, nn.Tanh())
        start(self)


class Discriminator(nn.Sequential):
    """Truth or filling to logits: one a picture of side `LEAST` doubled `times` times, several of a larger one."""

    def __init__(self, width: int, times: int) -> None:
        last = widths(width, times)[-1]
        super().__init__(*shrink(width, times), nn.Conv2d(last, 1, LEAST, bias=False), nn.Flatten(0))
        start(self)
