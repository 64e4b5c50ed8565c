"""The Wasserstein GAN: distance, gradient penalty, clipping (Arjovsky et al. 2017; Gulrajani et al. 2017)."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


def wasserstein(real: Tensor, fake: Tensor) -> Tensor:
    """What the critic minimises, from its scores (N,): minus its estimate of the distance."""
    return fake.mean() - real.mean()


def adversarial(fake: Tensor) -> Tensor:
    """What the generator minimises, from the scores (N,) of its own pictures."""
    return -fake.mean()


def interpolate(real: Tensor, fake: Tensor, t: Tensor) -> Tensor:
    """The point on the line from real to fake at t (N,1,1,1) in [0,1] (Gulrajani et al. 2017, Alg. 1, line 6)."""
    return (1 - t) * real + t * fake


def gradient_penalty(critic: Callable[[Tensor], Tensor], point: Tensor, region: Tensor | None = None) -> Tensor:
    """Mean over the batch of (|gradient of the score at `point`| - 1)^2 (Gulrajani et al. 2017, Eq. (3)).

    `region` (N,1,H,W): only there the gradient counts (Yu et al. 2018, Eq. (3)); None: everywhere.
    """
    point = point.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(point).sum(), point, create_graph=True)
    if region is not None:
        gradient = gradient * region
    norm = torch.linalg.vector_norm(gradient.float().flatten(1), dim=1)
    penalty: Tensor = (norm - 1).square().mean()
    return penalty


@torch.no_grad()
def clip_weights(parameters: Iterable[nn.Parameter], bound: float) -> None:
    """Every weight to [-bound, bound], after each update (Arjovsky et al. 2017, Alg. 1)."""
    for parameter in parameters:
        parameter.clamp_(-bound, bound)
