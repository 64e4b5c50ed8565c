"""VGG-16's features after its first three poolings, from a weights file that the user brings.

The file is the one that LPIPS of VGG takes, as torchvision publishes it (Simonyan & Zisserman 2015).
"""

from functools import lru_cache
from pathlib import Path

from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

from baselines.vgg import normalised
from bench.metrics.weights import VGG, load

POOLS = (5, 10, 17)
"""So many layers up to and with the first, the second and the third pooling."""


@lru_cache(maxsize=1)
def pools(file: str) -> nn.ModuleList:
    """The layers up to the third pooling, frozen, in three parts that each end with a pooling.

    Raises UserError for a file that is not the published one.
    """
    layers = make_layers(cfgs["D"])[: POOLS[-1]]
    state = load(VGG, Path(file))
    layers.load_state_dict({key: state[f"features.{key}"] for key in layers.state_dict()})
    parts = [layers[first:end] for first, end in zip((0, *POOLS), POOLS, strict=False)]
    return nn.ModuleList(parts).eval().requires_grad_(False)


def features(parts: nn.ModuleList, image: Tensor) -> list[Tensor]:
    """What the three poolings have of (N,3,H,W) in [-1,1]: (N,64,H/2,W/2), (N,128,H/4,W/4), (N,256,H/8,W/8)."""
    x, found = normalised(image), []
    for part in parts:
        x = part(x)
        found.append(x)
    return found
