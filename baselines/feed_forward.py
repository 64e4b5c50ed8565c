"""Filling holes with one pass of a network."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bench.methods.base import Inpainter, Sizes, in_fixed_batches


class FeedForward(Inpainter):
    """Fills holes with one pass. The raw result is the network's whole output."""

    def __init__(
        self, network: nn.Module, forward: Callable[[Tensor, Tensor], Tensor], fit: Sizes, at_once: int = 16
    ) -> None:
        """`forward`: the pass of `network`, from colours (N,3,H,W) in [-1,1] and the bool hole (N,1,H,W) to colours.

        What the colours hold under the hole may not matter to it. Every image of `fit` is taken.
        `at_once`: how many images go through it at a time.
        """
        self.network, self.forward, self.sizes, self.at_once = network, forward, fit, at_once

    @torch.no_grad()
    def inpaint(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        training = self.network.training
        self.network.eval()
        result = in_fixed_batches(self._fill, image, hole, self.at_once)
        self.network.train(training)
        return result

    def _fill(self, image: Tensor, hole: Tensor) -> Tensor:
        return (self.forward(2 * image - 1, hole) + 1) / 2
