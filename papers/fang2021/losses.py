"""The losses of Algorithm 1. Colours are in [-1,1], holes bool with True = missing.

The paper gives no weights; they are CA's (F-12, F-17), and so is the shape of the reconstruction terms.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models.vgg import cfgs, make_layers

from bench.errors import UserError

VGG_LAYERS = 21
"""VGG-19 up to the ReLU of conv4_1. The paper names no layer (F-7, F-29)."""
IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    """What the critic minimises: the negative of Eq. (2) and (3), from scores (N,)."""
    return fake.mean() - real.mean()


def adversarial(fake: Tensor) -> Tensor:
    """What the generator minimises, from the scores (N,) of its own pictures: its part of Eq. (2)."""
    return -fake.mean()


def interpolate(real: Tensor, fake: Tensor, t: Tensor) -> Tensor:
    """The point between truth and composite: Alg. 1, second assignment (the first is a slip, F-14); t is (N,1,1,1)."""
    return (1 - t) * real + t * fake


def gradient_penalty(critic: Callable[[Tensor], Tensor], point: Tensor, region: Tensor | None) -> Tensor:
    """Mean over the batch of (|gradient of the score at `point`| - 1)^2 (§3.3; Gulrajani et al. 2017, Eq. (3)).

    `region` (N,1,H,W): only there the gradient counts, 'a gradient penalty for missing pixels'; None: everywhere.
    """
    point = point.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(point).sum(), point, create_graph=True)
    if region is not None:
        gradient = gradient * region
    norm = torch.linalg.vector_norm(gradient.float().flatten(1), dim=1)
    return (norm - 1).square().mean()


@torch.no_grad()
def clip_weights(parameters: Iterable[nn.Parameter], bound: float) -> None:
    """'Truncate the parameters in a certain range after each update' (§3.3; Arjovsky et al. 2017, Alg. 1)."""
    for parameter in parameters:
        parameter.clamp_(-bound, bound)


def distance(result: Tensor, truth: Tensor, kind: str) -> Tensor:
    """|difference| for `l1`, its square for `l2` (the ablation of §4.2), for each value."""
    return (result - truth).abs() if kind == "l1" else (result - truth).square()


def box_mean(box: Tensor, weights: Tensor | None) -> Tensor:
    """Mean of distances (N,C,S,S) in the box around the hole, weighted by (S,S) if there is a discount."""
    return box.mean() if weights is None else (box * weights).mean()


def known_mean(distances: Tensor, hole: Tensor) -> Tensor:
    """Mean of distances (N,C,H,W) over the known pixels of each image, then over the images."""
    known = (~hole).to(distances.dtype)
    return ((distances * known).mean(dim=(1, 2, 3)) / known.mean(dim=(1, 2, 3)).clamp(min=1e-6)).mean()


def discount(side: int, gamma: float, device: torch.device | None = None) -> Tensor:
    """Weights (S,S): gamma to the power of the distance to the box's nearest edge, in pixels (Yu et al. 2018, §3.2).

    As in their code, distances are min(i, S - i) with i from 0: the last row has 1, the first 0.
    """
    index = torch.arange(side, device=device)
    edge = torch.minimum(index, side - index)
    return gamma ** torch.minimum(edge[:, None], edge[None, :]).float()


class Perceptual:
    """Mean |difference| of VGG-19 features: the 'perceived loss' of §3, which Algorithm 1 does not have (F-7)."""

    def __init__(self, file: str) -> None:
        """Raises UserError for a file that is not torchvision's state of VGG-19. It is loaded without pickle."""
        features = make_layers(cfgs["E"])[:VGG_LAYERS]
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
            features.load_state_dict({key: state[f"features.{key}"] for key in features.state_dict()})
        except OSError as error:
            raise UserError(f"vgg19_file = {file} cannot be read: {error.strerror}. Name another file.") from error
        except Exception as error:
            raise UserError(f"vgg19_file = {file} is not VGG-19 by torchvision; take vgg19-dcbb9e9d.pth.") from error
        for layer in features:
            if isinstance(layer, nn.ReLU):
                layer.inplace = False
        self.features = features.eval().requires_grad_(False)

    def __call__(self, result: Tensor, truth: Tensor) -> Tensor:
        """A 0-dim distance of two batches (N,3,H,W) in [-1,1]."""
        self.features.to(result.device)
        with torch.no_grad():
            target = self.features(_normalised(truth))
        return F.l1_loss(self.features(_normalised(result)), target)


def _normalised(image: Tensor) -> Tensor:
    mean, sd = (torch.tensor(x, device=image.device).view(3, 1, 1) for x in (IMAGENET_MEAN, IMAGENET_SD))
    return ((image + 1) / 2 - mean) / sd
