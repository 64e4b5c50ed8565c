"""Gated convolution (Yu et al. 2019, ICCV, 'Free-Form Image Inpainting with Gated Convolution', §3.1).

Each place and channel of a convolution's features is multiplied by a number in (0,1) that a second convolution over
the same input learns: O = act(W_f * I) x sigmoid(W_g * I). Both convolutions are one here, with twice the channels: the
same parameters, and fewer, larger calls.
"""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

GateOrder = Literal["gate_first", "activation_first"]
"""Of gate, batch normalisation and activation. `gate_first`: linear features x gate, then normalisation, then
activation. `activation_first`: activation of the features x gate, then normalisation, as in Yu's formula and in the
PyTorch code avalonstrel/GatedConvolution_pytorch."""


class Gated(nn.Module):
    """Features x sigmoid(gate), (N,C,H,W) from a convolution that makes (N,2C,H,W): features first, then gates."""

    def __init__(self, convolution: nn.Module, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.convolution = convolution
        self.activation = nn.Identity() if activation is None else activation

    def forward(self, x: Tensor) -> Tensor:
        features, gate = self.convolution(x).chunk(2, dim=1)
        gated: Tensor = self.activation(features) * torch.sigmoid(gate)
        return gated


def gated(
    convolution: Callable[[int], nn.Module],
    channels: int,
    activation: Callable[[], nn.Module],
    order: GateOrder = "gate_first",
    norm: bool = True,
) -> nn.Sequential:
    """A gated layer of `channels`: gate, batch normalisation and activation in the order asked for.

    `convolution` builds the convolution for a number of output channels, of any stride, dilation or direction.
    """
    normalised: list[nn.Module] = [nn.BatchNorm2d(channels)] if norm else []
    if order == "activation_first":
        return nn.Sequential(Gated(convolution(2 * channels), activation()), *normalised)
    return nn.Sequential(Gated(convolution(2 * channels)), *normalised, activation())
