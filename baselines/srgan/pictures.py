"""What super-resolution learns from: crops, and the same crops four times smaller."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from baselines.srgan.networks import FACTOR
from bench.data.decode import decode, size
from bench.data.listing import pictures_in
from bench.methods.base import Feed
from bench.training.share import joined, own_part
from bench.util.errors import UserError

Source = Callable[[Feed], Tensor]
"""The crops of a step: float32 (N,3,side,side) in [0,1]."""

AHEAD = 8
"""So many steps are decoded ahead of the training, side by side: 16 JPEGs of ImageNet take 75 ms on one core."""


def resized(image: Tensor, height: int, width: int) -> Tensor:
    """(N,3,H,W) in [0,1] at another size: bicubic, with antialiasing where it shrinks; as Pillow's, but unrounded."""
    if image.shape[-2:] == (height, width):
        return image
    return F.interpolate(image, size=(height, width), mode="bicubic", antialias=True).clamp(0, 1)


def pair(crops: Tensor) -> tuple[Tensor, Tensor]:
    """Crops (N,3,side,side) in [0,1], small and large: (N,3,side/4,side/4) in [0,1] and (N,3,side,side) in [-1,1].

    The ranges are Ledig et al.'s (2017, §3.2), and so is the bicubic reduction.
    """
    side = crops.shape[-1] // FACTOR
    return resized(crops, side, side), 2 * crops - 1


def from_training(side: int) -> Source:
    """Crops of the run's next training pictures."""

    def crops(feed: Feed) -> Tensor:
        return torch.stack([Window.draw(image.shape, side, feed.rng).of(image) for image in feed.batch().image])

    return crops


class Folder:
    """Crops of pictures drawn at random from all under a folder, such as ImageNet's train/.

    They are decoded ahead, by each of several processes those of its own part of a batch: the same bits either way.
    """

    def __init__(self, root: str, side: int, count: int) -> None:
        """`count` crops a step. Raises UserError where there is no picture."""
        self.files = sorted(pictures_in(Path(root).expanduser()))
        self.root, self.side, self.count = root, side, count
        if not self.files:
            raise UserError(f"sr_pictures = {root} holds no picture. Name a folder of pictures.")
        self._threads = ThreadPoolExecutor(AHEAD, "sr_pictures")
        self._feed: Feed | None = None
        self._coming: dict[int, Future[Tensor]] = {}

    def __call__(self, feed: Feed) -> Tensor:
        """Smaller pictures are passed over. Raises UserError for a damaged one, and where all seem too small."""
        if feed is not self._feed:
            self._feed, self._coming = feed, {}
        own = own_part(self.count)
        for step in range(feed.step, feed.step + AHEAD):
            if step not in self._coming:
                self._coming[step] = self._threads.submit(self._crops, feed.generator(step), own)
        crops = self._coming.pop(feed.step).result()
        return joined(crops.to(feed.device, non_blocking=True)).float() / 255

    def _crops(self, rng: torch.Generator, own: range) -> Tensor:
        """Those of the batch's crops that are `own`: uint8 (n,3,side,side). Of other pictures only the size is read."""
        found: list[tuple[Path, tuple[int, int]]] = []
        for place in torch.randint(len(self.files), (self.count * 10,), generator=rng).tolist():
            shape = size(self.files[place])
            if min(shape) >= self.side:
                found.append((self.files[place], shape))
            if len(found) == self.count:
                break
        else:
            raise UserError(f"sr_pictures = {self.root}: nearly all pictures are smaller than {self.side} pixels.")
        windows = [Window.draw(shape, self.side, rng) for _, shape in found]
        pictures = (torch.from_numpy(decode(found[place][0])).permute(2, 0, 1) for place in own)
        return torch.stack([windows[place].of(picture) for place, picture in zip(own, pictures, strict=True)])


class Window(NamedTuple):
    """A square of a picture, and whether it is mirrored."""

    top: int
    left: int
    side: int
    mirrored: bool

    @staticmethod
    def draw(shape: Sequence[int], side: int, rng: torch.Generator) -> "Window":
        """At a random place of a picture whose last two sides are `shape`'s."""
        height, width = shape[-2:]
        ends = (height - side + 1, width - side + 1, 2)
        top, left, mirrored = (int(torch.randint(end, (1,), generator=rng)) for end in ends)
        return Window(top, left, side, bool(mirrored))

    def of(self, picture: Tensor) -> Tensor:
        """(C,side,side) of (C,H,W)."""
        crop = picture[:, self.top : self.top + self.side, self.left : self.left + self.side]
        return crop.flip(-1) if self.mirrored else crop
