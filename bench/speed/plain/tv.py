"""Total variation of one picture, in the forms that were published."""

import torch
from torch import Tensor

from bench.speed.plain.pair import mean


def tv(image: Tensor) -> Tensor:
    """Mean over pixels and channels of sqrt(gx^2 + gy^2) in grey levels, float64 (N,), of uint8 (N,3,H,W).

    gx and gy are forward differences; the last column's neighbour is the first one, and so for rows: as the evaluation
    script of Pluralistic (Zheng et al. 2019) has it. The roots are of exact integers, in float32.
    """
    return columns(image.float(), mean(image))["tv"]


def columns(image: Tensor, level: Tensor) -> dict[str, Tensor]:
    """The TVs of float32 (N,3,H,W) with whole numbers 0...255 and mean `level` (N,); float64 (N,) each."""
    across = torch.roll(image, -1, dims=-1).sub_(image)
    down = torch.roll(image, -1, dims=-2).sub_(image)
    height, width = image.shape[-2:]
    # The other forms do not wrap around.
    steps_across, steps_down = _sum(across[..., :-1]), _sum(down[..., :-1, :])
    ways_across, ways_down = (3 * max(1, count) for count in (height * (width - 1), (height - 1) * width))
    form = mean(across.square_().addcmul_(down, down).sqrt_())
    return {
        "tv": form,
        "tv_rel": torch.where(form == 0, form, 100 * form / level),
        "tv_aniso": 100 / 127.5 * (steps_across / ways_across + steps_down / ways_down),
        "tv_sum": (steps_across + steps_down) / 255,
    }


def _sum(steps: Tensor) -> Tensor:
    return steps.abs().sum((1, 2, 3), dtype=torch.float64)
