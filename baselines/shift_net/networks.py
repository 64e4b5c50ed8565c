"""The networks of Shift-Net (Yan et al. 2018) as the authors' first code builds them. Colours are in [-1,1].

That code sets the bias of every convolution to zero before each pass, so the layers have none here.
"""

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from baselines.context_encoder.networks import COLOURS
from baselines.joint import start
from baselines.unet import widths
from bench.util.errors import UserError

MOST_LEVELS = 8
"""Halvings of the released networks: 256 pixels to one."""
MISSING = 5 / 16
"""A place of the features is missing where its share of missing pixels is larger."""


class Passed(NamedTuple):
    """What a pass of the generator makes."""

    result: Tensor
    """(N,3,H,W) in [-1,1]."""
    decoded: Tensor
    """Features (N,C,h,w) of the decoder where the shift is."""
    encoded: Tensor
    """Those of the encoder in the same places."""
    missing: Tensor
    """Where they are missing, bool (N,1,h,w)."""


def missing_places(hole: Tensor, level: int) -> Tensor:
    """Where features after `level` halvings are missing: bool (N,1,H/2^level,W/2^level) of a bool (N,1,H,W).

    The hole goes through as many 4x4 means of stride 2 as the picture through convolutions.
    """
    share = hole.float()
    for _ in range(level):
        share = F.avg_pool2d(share, 4, stride=2, padding=1)
    return share > MISSING


def shift(decoded: Tensor, encoded: Tensor, missing: Tensor) -> Tensor:
    """For each missing place the encoder's features of the known place that is most like it (Yan et al. 2018, §3.2).

    Likeness is the cosine between the decoder's features of the one and the encoder's of the other, each image under
    its own hole. 0 at known places, and in pictures without any. (N,C,h,w) and bool (N,1,h,w) to (N,C,h,w); gradients
    go back to the features that were copied.
    """
    count, channels, height, width = encoded.shape
    flat, nowhere = encoded.flatten(2), missing.flatten(2)
    with torch.no_grad():
        # How long the decoder's own features are does not move the maximum.
        likeness = decoded.flatten(2).transpose(1, 2) @ F.normalize(flat, dim=1)
        source = likeness.masked_fill(nowhere, -torch.inf).argmax(dim=2)
    copied = flat.gather(2, source.unsqueeze(1).expand(-1, channels, -1))
    used = nowhere & ~nowhere.all(dim=2, keepdim=True)
    return (copied * used).view(count, channels, height, width)


class Generator(nn.Module):
    """A U-Net of 4x4 convolutions of stride 2 whose features after `shift_level` halvings take shifted ones along.

    With width 64 and 8 levels 54,938,240 parameters, of which the shift accounts for 524,288.
    """

    def __init__(self, width: int = 64, levels: int = 8, shift_level: int = 3, shifts: bool = True) -> None:
        super().__init__()
        if not 1 <= shift_level < levels:
            raise UserError(
                f"shift_level = {shift_level} is not among the {levels} halvings but the last; set it to 1 to"
                f" {levels - 1}."
            )
        self.shift_level, self.shifts = shift_level, shifts
        outward = widths(width, levels)
        self.encoder = nn.ModuleList([nn.Conv2d(COLOURS, width, 4, stride=2, padding=1, bias=False)])
        for level, (before, after) in enumerate(pairwise(outward), start=1):
            layers = [nn.LeakyReLU(0.2), nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)]
            norm = [nn.InstanceNorm2d(after, affine=True)] if level < levels - 1 else []
            self.encoder.append(nn.Sequential(*layers, *norm))
        self.decoder = nn.ModuleList()
        for level in range(levels, 0, -1):
            parts = 1 if level == levels else 3 if shifts and level == shift_level else 2
            outside = outward[level - 2] if level > 1 else COLOURS
            last = nn.InstanceNorm2d(outside, affine=True) if level > 1 else nn.Tanh()
            conv = nn.ConvTranspose2d(parts * outward[level - 1], outside, 4, stride=2, padding=1, bias=False)
            self.decoder.append(nn.Sequential(conv, last))
        start(self)

    def forward(self, colours: Tensor, hole: Tensor) -> Passed:
        """(N,3,H,W) with something in the hole, bool (N,1,H,W)."""
        x, passed = colours, []
        for layer in self.encoder:
            x = layer(x)
            passed.append(x)
        missing = missing_places(hole, self.shift_level)
        x = decoded = encoded = F.relu(passed.pop())
        levels = range(len(passed), 0, -1)
        for level, layer, beside in zip(levels, self.decoder, reversed(passed), strict=False):
            parts = [F.relu(layer(x)), F.relu(beside)]
            if level == self.shift_level:
                decoded, encoded = parts
                parts += [shift(decoded, encoded, missing)] if self.shifts else []
            x = torch.cat(parts, dim=1)
        return Passed(self.decoder[-1](x), decoded, encoded, missing)


class Discriminator(nn.Sequential):
    """Picture to logits of its overlapping 70x70 parts, (N,3,H,W) to (N,1,H/8-2,W/8-2): PatchGAN (Isola et al. 2017).

    With width 64 2,765,568 parameters.
    """

    def __init__(self, width: int = 64) -> None:
        layers: list[nn.Module] = [nn.Conv2d(COLOURS, width, 4, stride=2, padding=1, bias=False), nn.LeakyReLU(0.2)]
        for before, after, stride in ((1, 2, 2), (2, 4, 2), (4, 8, 1)):
            layers += [
                nn.Conv2d(before * width, after * width, 4, stride, padding=1, bias=False),
                nn.BatchNorm2d(after * width),
                nn.LeakyReLU(0.2),
            ]
        super().__init__(*layers, nn.Conv2d(8 * width, 1, 4, padding=1, bias=False))
        start(self)
