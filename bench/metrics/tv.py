"""Total variation of one picture, in the forms that were published."""

import torch
from torch import Tensor

from bench.metrics.sums import steps


def tv(image: Tensor) -> Tensor:
    """Mean over pixels and channels of sqrt(gx^2 + gy^2) in grey levels, float64 (N,), of uint8 (N,3,H,W).

    gx and gy are forward differences; the last column's neighbour is the first one, and so for rows: as the evaluation
    script of Pluralistic (Zheng et al. 2019) has it. The roots are of exact integers, in float32.
    """
    return form(steps(image), image.shape[-2] * image.shape[-1])


def form(steps: Tensor, pixels: int) -> Tensor:
    """The same by `sums.steps`, (N,3), of pictures with so many pixels."""
    return steps[:, 0] / (3 * pixels)


def columns(steps: Tensor, level: Tensor, height: int, width: int) -> dict[str, Tensor]:
    """The TVs by `sums.steps`, (N,3), of pictures with mean `level` (N,); float64 (N,) each."""
    _, across, down = steps.unbind(1)
    ways_across, ways_down = (3 * max(1, count) for count in (height * (width - 1), (height - 1) * width))
    mean = form(steps, height * width)
    return {
        "tv": mean,
        "tv_rel": torch.where(mean == 0, mean, 100 * mean / level),
        "tv_aniso": 100 / 127.5 * (across / ways_across + down / ways_down),  # these do not wrap around
        "tv_sum": (across + down) / 255,
    }
