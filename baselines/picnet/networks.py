"""The networks of Zheng et al. 2019 (PICNet) as their released code builds them. Colours are in [-1,1], 0 where unseen.

Every convolution is spectrally normalised, but for the one that makes the attention's queries. With 5 layers, 256x256
has latents of 8x8, attention at 32x32, and results of 32, 64, 128 and 256 pixels; fewer layers leave out the deepest.

Left out: in the discriminators' attention the released code keeps a block that only the decoder's has a use for.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from bench.methods.base import Sizes

COLOURS = 3
WIDEST = 4
"""Most channels of a layer, as a multiple of the first layer's."""
SLOPE = 0.1
JOINING_SLOPE = 0.01
"""Of the block that joins attention's two parts: PyTorch's own, which the released code leaves as it is there."""
ATTENDED = 1
"""The decoder's block after which attention comes, and first result."""


class Gaussian(NamedTuple):
    """A normal distribution of each number of a latent map."""

    mean: Tensor
    std: Tensor


class Codes(NamedTuple):
    """What the encoder makes of N pictures; h and w are H and W halved `layers` times."""

    prior: Gaussian
    """Of the hidden part as the visible one lets expect it, (N,Z,h,w)."""
    posterior: Gaussian | None
    """Of the hidden part as it is, in training; else None."""
    deep: Tensor
    """(N,C,h,w): the last features of the visible part."""
    context: Tensor
    """(N,C',4h,4w): those of the visible part that the decoder attends to."""


def channels(width: int, doublings: int) -> int:
    """Channels after so many doublings of the first layer's."""
    return width * min(1 << doublings, WIDEST)


def sizes(layers: int) -> Sizes:
    """Pictures that the networks take: instance normalisation needs more than one place, also of the latents."""
    return Sizes(minimum=2 ** (layers + 1), multiple=2**layers)


def normed(layer: nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    """With an orthogonal first weight and no bias at first; of a gain spectral normalisation would leave nothing."""
    start(layer)
    # As in the released code, a transposed convolution's weight too is a matrix with a row for each first index.
    return spectral_norm(layer, dim=0)


def start(layer: nn.Conv2d | nn.ConvTranspose2d, gain: float = 1.0) -> None:
    nn.init.orthogonal_(layer.weight, gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def conv(inside: int, outside: int, kernel: int = 3) -> nn.Module:
    return normed(nn.Conv2d(inside, outside, kernel, padding=kernel // 2))


def doubling(inside: int, outside: int) -> nn.Module:
    return normed(nn.ConvTranspose2d(inside, outside, 3, stride=2, padding=1, output_padding=1))


class First(nn.Module):
    """Colours to features of half the side."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.main = nn.Sequential(conv(COLOURS, width), nn.LeakyReLU(SLOPE), conv(width, width), nn.AvgPool2d(2))
        self.bypass = nn.Sequential(nn.AvgPool2d(2), conv(COLOURS, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.main(x) + self.bypass(x)
        return y


class Block(nn.Module):
    """A residual block, with `half` to half the side."""

    def __init__(self, inside: int, outside: int, hidden: int, half: bool = False, slope: float = SLOPE) -> None:
        super().__init__()
        self.main = nn.Sequential(nn.LeakyReLU(slope), conv(inside, hidden), nn.LeakyReLU(slope), conv(hidden, outside))
        self.bypass = conv(inside, outside, 1)
        self.halves = half

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.main(x) + self.bypass(x)
        return F.avg_pool2d(y, 2) if self.halves else y


class Up(nn.Module):
    """A residual block to twice the side, with instance normalisation."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.InstanceNorm2d(inside, affine=True),
            nn.LeakyReLU(SLOPE),
            conv(inside, outside),
            nn.InstanceNorm2d(outside, affine=True),
            nn.LeakyReLU(SLOPE),
            doubling(outside, outside),
        )
        self.bypass = doubling(inside, outside)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.main(x) + self.bypass(x)
        return y


class Attention(nn.Module):
    """Features as mixtures of features at all places, by likeness. It begins as no mixture at all."""

    def __init__(self, inside: int) -> None:
        super().__init__()
        self.query = nn.Conv2d(inside, max(1, inside // 4), 1)
        start(self.query, gain=0.02)
        self.gamma = nn.Parameter(torch.zeros(1))

    def shares(self, x: Tensor) -> Tensor:
        """(N,L,L) for L places: of each place (row), the share that every place has; a row sums to 1."""
        query = self.query(x).flatten(2)
        return torch.softmax(query.transpose(1, 2) @ query, dim=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.short(x, self.shares(x))

    def short(self, x: Tensor, shares: Tensor) -> Tensor:
        return x + self.gamma * mixed(x, shares)


class LongAttention(Attention):
    """Joined with the encoder's features: where visible as they are, elsewhere mixed by the same shares."""

    def __init__(self, inside: int, context: int) -> None:
        super().__init__(inside)
        self.alpha = nn.Parameter(torch.zeros(1))
        self.join = Block(inside + context, inside, inside, slope=JOINING_SLOPE)

    def long(self, x: Tensor, context: Tensor, visible: Tensor) -> Tensor:
        """`context` (N,C',h,w) and `visible` (N,1,h,w), 1 = known, of the size of `x` (N,C,h,w), which comes out."""
        shares = self.shares(x)
        flow = self.alpha * (1 - visible) * mixed(context, shares) + visible * context
        joined: Tensor = self.join(torch.cat([self.short(x, shares), flow], dim=1))
        return joined


def mixed(x: Tensor, shares: Tensor) -> Tensor:
    """Each place of (N,C,h,w) as the mixture that its row of `shares` (N,L,L) says."""
    return (x.flatten(2) @ shares.transpose(1, 2)).view_as(x)


class Encoder(nn.Module):
    """Visible part to its features and the prior; in training also hidden part to the posterior."""

    def __init__(self, width: int, z_size: int, layers: int, prior_blocks: int) -> None:
        super().__init__()
        wide = [channels(width, level) for level in range(layers)]
        halving = [Block(a, b, a, half=True) for a, b in pairwise(wide)]
        self.halving = nn.ModuleList([First(width), *halving])
        last = wide[-1]
        self.infer = nn.Sequential(
            *(Block(last, last, last) for _ in range(prior_blocks)), Block(last, 2 * z_size, last)
        )
        self.posterior = Block(last, 2 * z_size, last)

    def forward(self, visible: Tensor, hidden: Tensor | None = None) -> Codes:
        """Parts of pictures (N,3,H,W), 0 elsewhere."""
        count = len(visible)
        x = visible if hidden is None else torch.cat([visible, hidden])
        features = []
        for layer in self.halving:
            x = layer(x)
            features.append(x[:count])
        posterior = None if hidden is None else gaussian(self.posterior(x[count:]))
        return Codes(gaussian(self.infer(x[:count])), posterior, x[:count], features[-2 - ATTENDED])


def gaussian(x: Tensor) -> Gaussian:
    mean, raw = x.chunk(2, dim=1)
    return Gaussian(mean, F.softplus(raw))


class Decoder(nn.Module):
    """A latent map and the visible part's features to results of growing size."""

    def __init__(self, width: int, z_size: int, layers: int) -> None:
        super().__init__()
        wide = [channels(width, level) for level in (layers - 1, *range(layers - 1, -1, -1))]
        self.first = Block(z_size, wide[0], wide[0])
        more = [COLOURS if level > ATTENDED else 0 for level in range(layers)]
        self.ups = nn.ModuleList(Up(wide[i] + more[i], wide[i + 1]) for i in range(layers))
        self.results = nn.ModuleList(result(wide[i + 1]) for i in range(ATTENDED, layers))
        self.attention = LongAttention(wide[ATTENDED + 1], channels(width, layers - 2 - ATTENDED))

    def forward(self, z: Tensor, deep: Tensor, context: Tensor, visible: Tensor) -> list[Tensor]:
        """Results in [-1,1], smallest first; each goes into the next block too.

        z (N,Z,h,w); `deep` and `context` as in Codes; `visible` float (N,1,H,W), 1 = known.
        """
        x, found = deep + self.first(z), []
        for level, up in enumerate(self.ups):
            x = up(x)
            if level == ATTENDED:
                x = self.attention.long(x, context, resized(visible, x))
            if level >= ATTENDED:
                found.append(self.results[level - ATTENDED](x))
                x = torch.cat([x, found[-1]], dim=1)
        return found


def result(inside: int) -> nn.Sequential:
    pad = nn.ReflectionPad2d(1)
    return nn.Sequential(nn.LeakyReLU(SLOPE), pad, normed(nn.Conv2d(inside, COLOURS, 3)), nn.Tanh())


def resized(x: Tensor, like: Tensor) -> Tensor:
    """To the height and width of `like`, bilinear with aligned corners, as the released code makes all its pyramids."""
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=True)


class Discriminator(nn.Sequential):
    """(N,3,H,W) to scores (N,1,h-2,w-2) of its parts, with attention on the features of three halvings."""

    def __init__(self, width: int, layers: int) -> None:
        wide = [channels(width, level) for level in range(layers)]
        halving: list[nn.Module] = [Block(a, b, a, half=True) for a, b in pairwise(wide)]
        if layers > 3:
            halving.insert(2, Attention(wide[2]))
        last = [Block(wide[-1], wide[-1], wide[-1]), nn.LeakyReLU(SLOPE), normed(nn.Conv2d(wide[-1], 1, 3))]
        super().__init__(First(width), *halving, *last)
