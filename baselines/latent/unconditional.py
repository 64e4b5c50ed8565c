"""What the methods over an unconditional GAN have in common as methods."""

import torch
from torch import Tensor

from baselines.latent.frozen import frozen_copy
from baselines.latent.settings import VectorSettings
from baselines.latent.training import drawing
from bench.methods.base import Method
from bench.util.seeds import seed_of


class LatentMethod(Method):
    """A method whose networks are those of `gan_networks`, and maybe others."""

    settings: VectorSettings

    @torch.no_grad()
    def samples(self, count: int, seed: int) -> Tensor:
        """G(z) of z as training draws them."""
        generator = frozen_copy(drawing(self.networks()))
        z = self.settings.draw(count, torch.Generator().manual_seed(seed_of(seed, "samples")))
        picture: Tensor = generator(z.to(next(generator.parameters()).device))
        return ((picture + 1) / 2).clamp(0, 1)
