"""The enhancement network (§3.5): it learns what to take away from a blurred picture. Colours are in [0,1].

The paper's Fig. 2 gives the kinds of its layers and no numbers. They are DnCNN's (Zhang et al. 2017), whose words §3.5
follows: 17 layers of 64 maps, 3x3, 558,400 parameters (C16).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SHARP = 0.01
"""A sigma in pixels that blurs nothing: the neighbours' weight, exp(-5000), is 0 in float32 and float64 alike."""


class Enhancement(nn.Module):
    """Conv+ReLU, then Conv+BN+ReLU, then Conv: R of Eq. (8). As in DnCNN, only the first layer has biases."""

    def __init__(self, depth: int = 17, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(depth - 2):
            layers += [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        last = nn.Conv2d(width, 3, 3, padding=1, bias=False)
        self.layers = nn.Sequential(*layers, last)
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, 0.0, math.sqrt(2 / (9 * width)))  # DnCNN's first weights
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)
        nn.init.zeros_(last.weight)  # unlike DnCNN's, so that an untrained network leaves a picture as it is

    def forward(self, image: Tensor) -> Tensor:
        """(N,3,H,W) in [0,1] to its residual, the blur v in y = x + v, of the same shape."""
        residual: Tensor = self.layers(image)
        return residual


def residual_loss(residual: Tensor, blurred: Tensor, clear: Tensor) -> Tensor:
    """Eq. (8): the squared error of the residuals, summed over colours and pixels, over twice the batch."""
    return (residual - (blurred - clear)).square().sum() / (2 * len(residual))


def blur(image: Tensor, sigma: Tensor, side: int) -> Tensor:
    """A Gaussian blur of each image by its own sigma (N,), in pixels, under a window of `side` x `side` pixels.

    A sigma of 0 leaves its image as it is. The weights are normalised to 1, and the picture is mirrored at its border
    without repeating the edge.
    """
    count, colours, height, width = image.shape
    place = torch.arange(side, device=image.device) - side // 2
    bell = torch.exp(-0.5 * (place / sigma[:, None].clamp(min=SHARP)).square())
    weights = (bell / bell.sum(dim=1, keepdim=True)).repeat_interleave(colours, dim=0)[:, None]
    planes = F.pad(image, [side // 2] * 4, mode="reflect").reshape(1, count * colours, height + side - 1, -1)
    planes = F.conv2d(planes, weights[..., None], groups=count * colours)
    planes = F.conv2d(planes, weights[:, :, None], groups=count * colours)
    return planes.reshape(count, colours, height, width)
