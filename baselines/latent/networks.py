"""DCGAN's generator and discriminator, with the readings of them that the papers need (Radford et al. 2016, §3).

Widths count the channels of the layer next to the picture; every layer further from it has twice as many. At 64x64 and
width 64 these are 512-256-128-64-3, the published networks; Newmu's code, and so Hayrapetyan's, has width 128.
"""

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from bench.util.errors import UserError

Activation = Literal["relu", "leaky_relu"]
Norm = Literal["batch", "layer", "none"]
SMALLEST = 4
"""Side in pixels of the features next to the vector."""
UNITS = 16
"""Units of a fully connected layer for each channel next to a DCGAN's picture."""


class Generator(nn.Module):
    """A vector to a picture: one full connection, then transposed convolutions that double the side each.

    Batch normalisation follows every layer but the last, the full connection included: there for each channel
    (carpedm20's and bamos's code), or with `dense_norm = "unit"` for each of its outputs (Newmu's).
    """

    def __init__(
        self,
        width: int = 64,
        z_size: int = 100,
        resolution: int = 64,
        kernel: int = 5,
        bias: bool = True,
        activation: Activation = "relu",
        slope: float = 0.2,
        dense_norm: Literal["channel", "unit"] = "channel",
    ) -> None:
        super().__init__()
        doublings = _doublings(resolution)
        channels = [width * 2**place for place in reversed(range(doublings))]
        self.z_size, self.resolution = z_size, resolution
        units = channels[0] * SMALLEST**2
        to_map = nn.Unflatten(1, (channels[0], SMALLEST, SMALLEST))
        layers: list[nn.Module] = [nn.Linear(z_size, units, bias=bias)]
        layers += [nn.BatchNorm1d(units), to_map] if dense_norm == "unit" else [to_map, nn.BatchNorm2d(channels[0])]
        for inside, outside in pairwise(channels):
            layers += [_activation(activation, slope), _double(inside, outside, kernel, bias), nn.BatchNorm2d(outside)]
        layers += [_activation(activation, slope), _double(channels[-1], 3, kernel, bias)]
        self.layers = nn.Sequential(*layers, nn.Tanh())
        self.apply(start)

    def forward(self, z: Tensor) -> Tensor:
        """(N,z_size) to (N,3,resolution,resolution) in [-1,1]."""
        picture: Tensor = self.layers(z)
        return picture


class Discriminator(nn.Module):
    """A picture to one number: convolutions that halve the side each, then a full connection.

    The number is a logit for a DCGAN (no sigmoid here: losses are computed on logits) and a score for a WGAN.
    """

    def __init__(
        self,
        width: int = 64,
        resolution: int = 64,
        kernel: int = 5,
        bias: bool = True,
        norm: Norm = "batch",
        norm_first: bool = False,
        activation: Activation = "leaky_relu",
        slope: float = 0.2,
    ) -> None:
        super().__init__()
        halvings = _doublings(resolution)
        channels = [3, *(width * 2**place for place in range(halvings))]
        layers: list[nn.Module] = []
        for place in range(halvings):
            inside, outside = channels[place : place + 2]
            layers.append(nn.Conv2d(inside, outside, kernel, stride=2, padding=(kernel - 1) // 2, bias=bias))
            layers += _norm(norm, outside) if place > 0 or norm_first else []
            layers.append(_activation(activation, slope))
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * SMALLEST**2, 1, bias=bias))
        self.apply(start)

    def forward(self, image: Tensor) -> Tensor:
        """(N,3,resolution,resolution) in [-1,1] to (N,)."""
        score: Tensor = self.layers(image).squeeze(1)
        return score


class ConnectedGenerator(nn.Sequential):
    """(N,z_size) to (N,3,resolution,resolution) in [-1,1] through two full layers: a GAN as before DCGAN."""

    def __init__(self, width: int, z_size: int, resolution: int) -> None:
        """Each layer has 16 times `width` units: 1024 beside a DCGAN of width 64."""
        units, pixels = UNITS * width, 3 * resolution**2
        shape = nn.Unflatten(1, (3, resolution, resolution))
        super().__init__(*_full(z_size, units), *_full(units, units), nn.Linear(units, pixels), nn.Tanh(), shape)


class ConnectedDiscriminator(nn.Sequential):
    """(N,3,resolution,resolution) in [-1,1] to logits (N,), through two full layers."""

    def __init__(self, width: int, resolution: int) -> None:
        units, pixels = UNITS * width, 3 * resolution**2
        layers = [*_full(pixels, units, 0.2), *_full(units, units, 0.2)]
        super().__init__(nn.Flatten(), *layers, nn.Linear(units, 1), nn.Flatten(0))


def _full(inside: int, outside: int, slope: float = 0.0) -> tuple[nn.Module, nn.Module]:
    return nn.Linear(inside, outside), nn.LeakyReLU(slope, inplace=True)


def start(module: nn.Module) -> None:
    """DCGAN's first weights: N(0, 0.02); gains of batch normalisation N(1, 0.02), as in Newmu's code; biases 0."""
    if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def _doublings(resolution: int) -> int:
    """How often the side doubles from 4 to `resolution`. Raises UserError where it does not."""
    doublings = (resolution // SMALLEST).bit_length() - 1
    if doublings < 1 or resolution != SMALLEST * 2**doublings:
        raise UserError(f"A resolution of {resolution} does not suit a DCGAN; take 8, 16, 32, 64, 128 or 256.")
    return doublings


def _double(inside: int, outside: int, kernel: int, bias: bool) -> nn.Module:
    """Twice the side, for odd and even kernels alike."""
    padding, more = (kernel - 1) // 2, kernel % 2
    return nn.ConvTranspose2d(inside, outside, kernel, stride=2, padding=padding, output_padding=more, bias=bias)


def _activation(name: Activation, slope: float) -> nn.Module:
    return nn.ReLU(inplace=True) if name == "relu" else nn.LeakyReLU(slope, inplace=True)


def _norm(name: Norm, channels: int) -> list[nn.Module]:
    """Layer normalisation over channels and pixels, with a gain for each channel (as in WGAN-GP's code)."""
    found: dict[str, list[nn.Module]] = {
        "batch": [nn.BatchNorm2d(channels)],
        "layer": [nn.GroupNorm(1, channels)],
        "none": [],
    }
    return found[name]
