"""Features of VGG-16 and VGG-19, from weights files that the user brings, as torchvision publishes them.

Simonyan & Zisserman 2015. VGG-16's file is the one that LPIPS of VGG takes.
"""

from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

from bench.metrics import weights
from bench.metrics.weights import VGG, VGG19, Published

POOLS = (5, 10, 17)
"""So many layers of VGG-16 up to and with the first, the second and the third pooling."""
IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@lru_cache(maxsize=1)
def vgg19(file: str, layers: int) -> nn.Sequential:
    """The first `layers` layers of VGG-19's convolutional part, frozen. 36 end with the ReLU of conv5_4.

    Raises UserError for a file that is not the published one.
    """
    return _layers("E", VGG19, file, layers)


@lru_cache(maxsize=1)
def vgg16_pools(file: str) -> nn.ModuleList:
    """VGG-16's layers up to the third pooling, frozen, in three parts that each end with a pooling.

    Raises UserError for a file that is not the published one.
    """
    layers = _layers("D", VGG, file, POOLS[-1])
    return nn.ModuleList(layers[first:end] for first, end in zip((0, *POOLS), POOLS, strict=False))


def pooled(parts: nn.ModuleList, image: Tensor) -> list[Tensor]:
    """What the three poolings have of (N,3,H,W) in [-1,1]: (N,64,H/2,W/2), (N,128,H/4,W/4), (N,256,H/8,W/8)."""
    x, found = normalised(image), []
    for part in parts:
        x = part(x)
        found.append(x)
    return found


def normalised(image: Tensor) -> Tensor:
    """What the features expect, from (N,3,H,W) in [-1,1]."""
    mean, sd = (torch.tensor(x, device=image.device).view(3, 1, 1) for x in (IMAGENET_MEAN, IMAGENET_SD))
    return ((image + 1) / 2 - mean) / sd


def _layers(configuration: str, published: Published, file: str, count: int) -> nn.Sequential:
    """The first `count` layers of a configuration of Simonyan & Zisserman's Table 1, none of them in place."""
    layers: nn.Sequential = make_layers(cfgs[configuration])[:count]
    state = weights.load(published, Path(file))
    layers.load_state_dict({key: state[f"features.{key}"] for key in layers.state_dict()})
    for layer in layers:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    return layers.eval().requires_grad_(False)
