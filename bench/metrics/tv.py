"""Total variation of one picture, in the forms that were published."""

import torch
from torch import Tensor

from bench.metrics.sums import steps


def tv(image: Tensor) -> Tensor:
    """Mean over pixels and channels of sqrt(gx^2 + gy^2) in grey levels, float64 (N,), of uint8 (N,3,H,W).

    gx and gy are forward differences; the last column's neighbour is the first one, and so for rows: as the evaluation
    script of Pluralistic (Zheng et al. 2019) has it. The roots are of exact integers, in float32.
    """
    return steps(image)[:, 0] / image[0].numel()


def columns(image: Tensor, level: Tensor) -> dict[str, Tensor]:
    """The TVs of uint8 (N,3,H,W) with mean `level` (N,); float64 (N,) each."""
    roots, across, down = steps(image).unbind(1)
    height, width = image.shape[-2:]
    ways_across, ways_down = (3 * max(1, count) for count in (height * (width - 1), (height - 1) * width))
    form = roots / (3 * height * width)
    return {
        "tv": form,
        "tv_rel": torch.where(form == 0, form, 100 * form / level),
        "tv_aniso": 100 / 127.5 * (across / ways_across + down / ways_down),  # these do not wrap around
        "tv_sum": (across + down) / 255,
    }
