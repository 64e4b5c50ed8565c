"""The losses of a GAN whose discriminator puts out logits (Goodfellow et al. 2014), in nats."""

import math
from collections.abc import Mapping
from types import MappingProxyType

from torch import Tensor
from torch.nn.functional import softplus


def blind(factor: float = 1.0) -> Mapping[str, float]:
    """For `Stage.blind`: `factor` times `discriminator_loss` where all logits are 0."""
    return MappingProxyType({"discriminator": factor * 2 * math.log(2)})


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What the discriminator minimises: -log D(real) - log(1 - D(fake)), each a mean over its logits."""
    return softplus(-real).mean() + softplus(fake).mean()


def generator_loss(fake: Tensor) -> Tensor:
    """What the generator minimises, in its non-saturating form: -log D(fake), a mean over the logits."""
    return softplus(-fake).mean()


def saturating_loss(fake: Tensor) -> Tensor:
    """What the generator of the two-player game minimises: log(1 - D(fake)), a mean over the logits.

    Its slope is D(fake): nothing is left to learn from where the discriminator is sure.
    """
    return -softplus(fake).mean()
