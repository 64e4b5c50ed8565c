"""Blots all over the picture: the random pattern of Pathak et al. 2016, CVPR."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.masks.redraw import check_range, redrawn
from bench.util.seeds import Chance

CELL_NUM, CELL_DEN = 25, 192
"""A cell of noise, in shares of the picture's shorter side."""
STEPS = 256
"""Places in a cell."""


@dataclass(frozen=True)
class Pattern:
    """Where coarse noise, enlarged by bicubic interpolation, is under a quarter of its range.

    As in the code of Pathak et al. (pathak22/context-encoder, train_random.lua): there is a random number for every
    100/6 pixels of 128x128, here 25/192 of the shorter side; a pattern with less than `least_percent` or more than
    `most_percent` missing is drawn anew. Yeh et al. 2017, CVPR, take their patterns of about 25 % from there; at which
    scale, they do not say.
    """

    least_percent: int = 20
    most_percent: int = 30

    def __post_init__(self) -> None:
        check_range(self.least_percent, self.most_percent)

    def draw(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        """Bool (H,W), True = missing. Raises UserError for a picture too small to have such a hole."""
        draw = partial(_dark, chance, height, width)
        return redrawn(draw, height, width, "a pattern", self.least_percent, self.most_percent)


def _dark(chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
    side = min(height, width)
    rows, columns = (_spread(chance.below(STEPS), whole, side) for whole in (height, width))
    cells = rows.shape[1], columns.shape[1]
    noise = np.frombuffer(chance.noise(cells[0] * cells[1]), dtype=np.uint8).reshape(cells).astype(np.int64)
    dark: NDArray[np.bool_] = 4 * (rows @ noise @ columns.T) < 255 * (2 * STEPS**3) ** 2
    return dark


def _spread(offset: int, pixels: int, side: int) -> NDArray[np.int64]:
    """Bicubic weights (pixels, cells) in 1 / (2 STEPS³): what each cell's number adds to each pixel's.

    Pixel 0 is `offset` / STEPS beyond cell 1. The kernel is Keys's with a = -1/2.
    """
    places = offset + np.arange(pixels) * STEPS * CELL_DEN // (CELL_NUM * side)
    cells, t = np.divmod(places, STEPS)
    weights = np.zeros((pixels, int(cells[-1]) + 4), dtype=np.int64)
    for cell, (cubic, square, linear, constant) in enumerate(
        ((-1, 2, -1, 0), (3, -5, 0, 2), (-3, 4, 1, 0), (1, -1, 0, 0))
    ):
        value = cubic * t**3 + STEPS * square * t**2 + STEPS**2 * linear * t + STEPS**3 * constant
        weights[np.arange(pixels), cells + cell] = value
    return weights
