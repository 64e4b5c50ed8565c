"""What a training step draws. Everything is a function of the run's seed, the stage and how much was drawn before."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.data import Packed
from bench.data.held_out import drawn_from
from bench.methods.base import Batch, Stage
from bench.training.share import joined
from bench.util.seeds import Chance, seed_of

ROOM = 0.25
"""Share of a graphics card's free memory that the training images may take."""


class TrainingFeed:
    """Batches of training images with fresh holes; each image once an epoch, in an order of the seed's own.

    Held-out images (bench/data/held_out.py) are never drawn.

    `drawn` counts the images drawn in this stage: with the step it is all the state there is, so a checkpoint that
    keeps both resumes exactly.
    """

    def __init__(
        self,
        stage: Stage,
        train: Packed,
        seed: int,
        device: torch.device,
        drawn: int = 0,
        resident: bool = True,
        rank: int = 0,
        processes: int = 1,
    ) -> None:
        """With `resident` a graphics card keeps all images; either way the same bits are drawn.

        Of several processes each reads and draws its part of a batch, and all get the whole of it.
        """
        self.step = 0
        self.steps = stage.steps
        self.rng = torch.Generator()
        self.drawn = drawn
        self._stage, self._train, self._seed, self.device = stage, train, seed, device
        self._drawn_from = drawn_from(train.groups)
        self._resident = _resident(train, device) if resident else None
        self._rank, self._processes = rank, processes

    def start(self, step: int) -> None:
        """Begin a step: its random numbers depend on its index alone, the global generator's too."""
        self.step = step
        self.rng = self.generator(step)
        torch.manual_seed(seed_of(self._seed, "global", self._stage.name, step))

    def generator(self, step: int) -> torch.Generator:
        return torch.Generator().manual_seed(seed_of(self._seed, "step", self._stage.name, step))

    def batch(self) -> Batch:
        positions = range(self.drawn, self.drawn + self._stage.batch_size)
        self.drawn = positions.stop
        count = len(positions) // self._processes
        own = positions[self._rank * count : (self._rank + 1) * count]
        image, hole = self._images(self._indices(own)), self._holes(own).to(self.device, non_blocking=True)
        return Batch(image, hole) if self._processes == 1 else Batch(joined(image), joined(hole))

    def fixed(self, count: int) -> Batch:
        """The first `count` images of the first epoch, with their holes; each process reads all of them."""
        places = range(count)
        return Batch(self._images(self._indices(places)), self._holes(places).to(self.device))

    def _images(self, indices: list[int]) -> Tensor:
        if self._resident is None:
            return self._train.tensor(indices).to(self.device, non_blocking=True)
        chosen = self._resident[torch.tensor(indices).to(self.device, non_blocking=True)]
        return chosen.to(torch.float32).div_(255)

    def _indices(self, positions: Sequence[int]) -> list[int]:
        count = min(len(self._drawn_from), self._stage.images or len(self._drawn_from))
        places = (int(_order(self._seed, self._stage.name, p // count, count)[p % count]) for p in positions)
        return [int(self._drawn_from[place]) for place in places]

    def _holes(self, positions: Sequence[int]) -> Tensor:
        height, width = self._train.pixels.shape[-2:]
        drawn = [training_hole(self._stage, self._seed, place, height, width) for place in positions]
        return torch.from_numpy(np.stack(drawn)).unsqueeze(1)


def _resident(train: Packed, device: torch.device) -> Tensor | None:
    """All training images on the graphics card, uint8 (N,3,H,W), copied once; None where they take too much room."""
    if device.type != "cuda" or train.pixels.nbytes > ROOM * torch.cuda.mem_get_info(device)[0]:
        return None
    return torch.from_numpy(np.array(train.pixels)).to(device)


def training_hole(stage: Stage, seed: int, place: int, height: int, width: int) -> NDArray[np.bool_]:
    """The hole of the image that a stage draws at this place, counted from 0: bool (H,W), True = missing."""
    return stage.holes.draw(Chance(seed, "training hole", stage.name, place), height, width)


@lru_cache(maxsize=2)
def _order(seed: int, stage: str, epoch: int, count: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed_of(seed, "order", stage, epoch))
    return torch.randperm(count, generator=generator)
