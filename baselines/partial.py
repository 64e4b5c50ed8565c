"""Partial convolution: only known places take part, and a place becomes known where at least one of them did.

Liu et al. 2018 (ECCV), Eqs. (1) and (2), and NVIDIA's released layer (NVIDIA/partialconv).
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Renormalise = Literal["window", "sum"]


class PartialConv(nn.Module):
    """A convolution of odd kernel over the known places alone; sides are divided by the stride, rounded up.

    `channels` are the sizes of groups that lie after each other in the input; all of a group's channels are known at
    the same places. `window` weighs each result by the number of values under the kernel over that of known ones
    (NVIDIA's), with places outside the picture among the unknown: a full window is a plain convolution, and less of
    one is scaled up. `sum` divides by the number of known values alone (the port naoto0804).
    """

    counts: Tensor

    def __init__(
        self,
        channels: Sequence[int],
        outside: int,
        kernel: int,
        stride: int = 1,
        bias: bool = False,
        renormalise: Renormalise = "window",
    ) -> None:
        super().__init__()
        self.channels, self.stride, self.padding = tuple(channels), stride, kernel // 2
        inside = sum(channels)
        self.full = kernel**2 * inside if renormalise == "window" else 1
        self.weight = nn.Parameter(torch.empty(outside, inside, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outside)) if bias else None
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")
        sizes = torch.tensor(self.channels, dtype=torch.float32).view(1, -1, 1, 1)
        self.register_buffer("counts", sizes.expand(1, -1, kernel, kernel).contiguous(), persistent=False)

    def forward(self, x: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """The result, and where it is known: float (N,1,H',W') of 0 and 1; it is 0 elsewhere.

        `known` is float (N,G,H,W) of 0 and 1, one plane for each group. What `x` (N,C,H,W) holds elsewhere has no
        influence, as long as it is finite.
        """
        groups = zip(torch.split(x, list(self.channels), dim=1), torch.split(known, 1, dim=1), strict=True)
        masked = torch.cat([part * plane for part, plane in groups], dim=1)
        share = self._share(known)
        result = F.conv2d(masked, self.weight, None, self.stride, self.padding) * share
        seen = (share > 0).to(known.dtype)
        if self.bias is not None:
            result = result + self.bias.view(1, -1, 1, 1) * seen
        return result, seen

    def _share(self, known: Tensor) -> Tensor:
        """The factor of Eq. (1): over the number of known values under the kernel; 0 where there are none."""
        # bfloat16 could not count to more than 256.
        with torch.no_grad(), torch.autocast(known.device.type, enabled=False):
            found = F.conv2d(known, self.counts, None, self.stride, self.padding)
            return torch.where(found > 0, self.full / found.clamp(min=1), 0.0)
