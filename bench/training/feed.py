"""What a training step draws. Everything is a function of the run's seed, the stage and how much was drawn before."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data import Packed
from bench.inpainter import Batch, Stage
from bench.seeds import Chance, seed_of


class TrainingFeed:
    """Batches of training images with fresh holes; each image once an epoch, in an order of the seed's own.

    `drawn` counts the images drawn in this stage: with the step it is all the state there is, so a checkpoint that
    keeps both resumes exactly.
    """

    def __init__(self, stage: Stage, train: Packed, seed: int, device: torch.device, drawn: int = 0) -> None:
        self.step = 0
        self.steps = stage.steps
        self.rng = torch.Generator()
        self.drawn = drawn
        self._stage, self._train, self._seed, self._device = stage, train, seed, device

    def start(self, step: int) -> None:
        """Begin a step: its random numbers depend on its index alone, the global generator's too."""
        self.step = step
        self.rng.manual_seed(seed_of(self._seed, "step", self._stage.name, step))
        torch.manual_seed(seed_of(self._seed, "global", self._stage.name, step))

    def batch(self) -> Batch:
        positions = range(self.drawn, self.drawn + self._stage.batch_size)
        self.drawn = positions.stop
        image = self._train.tensor(self._indices(positions)).to(self._device, non_blocking=True)
        return Batch(image, self._holes(positions).to(self._device, non_blocking=True))

    def _indices(self, positions: Sequence[int]) -> list[int]:
        count = min(len(self._train.ids), self._stage.images or len(self._train.ids))
        return [int(_order(self._seed, self._stage.name, p // count, count)[p % count]) for p in positions]

    def _holes(self, positions: Sequence[int]) -> Tensor:
        height, width = self._train.pixels.shape[-2:]
        drawn = [training_hole(self._stage, self._seed, place, height, width) for place in positions]
        return torch.from_numpy(np.stack(drawn)).unsqueeze(1)


def training_hole(stage: Stage, seed: int, place: int, height: int, width: int) -> NDArray[np.bool_]:
    """The hole of the image that a stage draws at this place, counted from 0: bool (H,W), True = missing."""
    return stage.holes.draw(Chance(seed, "training hole", stage.name, place), height, width)


@lru_cache(maxsize=2)
def _order(seed: int, stage: str, epoch: int, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed_of(seed, "order", stage, epoch))
    return torch.randperm(count, generator=generator)
