"""VGG-19's features, from a weights file that the user brings (Simonyan & Zisserman 2015, as torchvision has it)."""

import hashlib
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

from bench.util.errors import UserError

FILE = "vgg19-dcbb9e9d.pth"
"""torchvision's name for it, under https://download.pytorch.org/models/."""
SHA256_PREFIX = "dcbb9e9d"
IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@lru_cache(maxsize=1)
def vgg19(file: str, layers: int) -> nn.Sequential:
    """The first `layers` layers of its convolutional part, frozen. 36 end with the ReLU of conv5_4.

    Raises UserError for a file that is not the published one. It is loaded without pickle.
    """
    _check(Path(file))
    features = make_layers(cfgs["E"])[:layers]
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
        features.load_state_dict({key: state[f"features.{key}"] for key in features.state_dict()})
    except Exception as error:  # whatever a file that is no checkpoint makes the reader raise
        raise UserError(f"vgg19_file = {file} is not VGG-19 by torchvision; take {FILE}.") from error
    for layer in features:
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    return features.eval().requires_grad_(False)


def normalised(image: Tensor) -> Tensor:
    """What the features expect, from (N,3,H,W) in [-1,1]."""
    mean, sd = (torch.tensor(x, device=image.device).view(3, 1, 1) for x in (IMAGENET_MEAN, IMAGENET_SD))
    return ((image + 1) / 2 - mean) / sd


def _check(path: Path) -> None:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"vgg19_file = {path} cannot be read: {error.strerror}. Name another file.") from error
    if not digest.startswith(SHA256_PREFIX):
        raise UserError(
            f"vgg19_file = {path} is not VGG-19 as torchvision publishes it: SHA-256 {digest[:8]}..., expected"
            f" {SHA256_PREFIX}.... Take the whole {FILE}."
        )
