"""What super-resolution learns from: crops, and the same crops four times smaller."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.srgan.networks import FACTOR
from bench.data.decode import decode
from bench.data.listing import pictures_in
from bench.methods.base import Feed
from bench.util.errors import UserError

Source = Callable[[Feed, int], list[Tensor]]
"""Pictures (3,H,W) in [0,1] for one step: as many as asked for, at least as large as a crop."""


def resized(image: Tensor, height: int, width: int) -> Tensor:
    """(N,3,H,W) in [0,1] at another size: bicubic, with antialiasing where it shrinks; as Pillow's, but unrounded."""
    if image.shape[-2:] == (height, width):
        return image
    return F.interpolate(image, size=(height, width), mode="bicubic", antialias=True).clamp(0, 1)


def pair(pictures: list[Tensor], side: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Random crops, half of them mirrored: (N,3,side/4,side/4) in [0,1] and (N,3,side,side) in [-1,1].

    The ranges are Ledig et al.'s (2017, §3.2), and so is the bicubic reduction.
    """
    crops = torch.stack([_crop(picture, side, rng) for picture in pictures])
    return resized(crops, side // FACTOR, side // FACTOR), 2 * crops - 1


def from_training(feed: Feed, count: int) -> list[Tensor]:
    """The next training pictures of the run."""
    return list(feed.batch().image)


class Folder:
    """Pictures drawn at random from all under a folder, such as ImageNet's train/."""

    def __init__(self, root: str, smallest: int) -> None:
        """`smallest`: the least side in pixels. Raises UserError where there is no picture."""
        self.files = sorted(pictures_in(Path(root).expanduser()))
        self.root, self.smallest = root, smallest
        if not self.files:
            raise UserError(f"sr_pictures = {root} holds no picture. Name a folder of pictures.")

    def __call__(self, feed: Feed, count: int) -> list[Tensor]:
        """Smaller pictures are passed over. Raises UserError for a damaged one, and where all seem too small."""
        found: list[Tensor] = []
        for place in torch.randint(len(self.files), (count * 10,), generator=feed.rng).tolist():
            picture = decode(self.files[place])
            if min(picture.shape[:2]) >= self.smallest:
                values = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
                found.append(values.float() / 255)
            if len(found) == count:
                return found
        raise UserError(f"sr_pictures = {self.root}: nearly all pictures are smaller than {self.smallest} pixels.")


def _crop(picture: Tensor, side: int, rng: torch.Generator) -> Tensor:
    """(3,side,side) from a random place."""
    height, width = picture.shape[-2:]
    ends = (height - side + 1, width - side + 1, 2)
    top, left, mirrored = (int(torch.randint(end, (1,), generator=rng)) for end in ends)
    crop = picture[:, top : top + side, left : left + side]
    return crop.flip(-1) if mirrored else crop
