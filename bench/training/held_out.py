"""How well a training fills images that it never draws: measured as it goes on, on the same holes each time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bench.data import Packed
from bench.data.held_out import held_out
from bench.masks.sets import MASK_SETS
from bench.methods.base import Method, compose, fill
from bench.metrics.psnr import psnr
from bench.util.seeds import seed_of

MASK_SET = "random"
"""Its frozen holes are those of every method: rectangles of about a fifth of the picture anywhere."""
FEWER = 24
"""Images of a method whose real inpainter is slow, so that it has another one for previews."""
COLUMNS = ("stage", "step", "image", "group", "psnr_hole", "psnr_mean_fill")


class HeldOut:
    """The held-out images of a training, and what was measured on them so far."""

    def __init__(self, train: Packed, method: Method, rows: list[list[Any]] | None = None) -> None:
        self.rows: list[list[Any]] = rows or []
        """In the order of COLUMNS: one row for each image and moment. PSNR in dB, of the hole's pixels alone."""
        self._method, self._train = method, train
        indices = held_out(train.groups)
        if type(method).preview is not Method.preview and len(indices) > FEWER:
            indices = indices[np.arange(FEWER) * len(indices) // FEWER]
        self.indices: list[int] = indices.tolist()

    def measure(self, stage: str, step: int) -> None:
        """Fill all images with the method's preview as it now is. Raises BrokenResultError for a broken result."""
        if not self.indices:
            return
        ids = [self._train.ids[index] for index in self.indices]
        image = self._train.tensor(self.indices)
        hole = MASK_SETS[MASK_SET].holes(ids, *image.shape[-2:])
        with looking(self._method) as device:
            inpainter = self._method.preview()
            seeds = torch.tensor([seed_of("held out", name) for name in ids], dtype=torch.int64)
            parts = []
            for start in range(0, len(ids), inpainter.images_at_once):
                some = slice(start, start + inpainter.images_at_once)
                result = fill(inpainter, image[some].to(device), hole[some].to(device), seeds[some], ids[some])
                parts.append(result.cpu())
        ours = psnr_hole(compose(image, hole, torch.cat(parts)), image, hole).tolist()
        plain = psnr_hole(mean_filled(image, hole), image, hole).tolist()
        groups = [self._train.groups[index] for index in self.indices]
        for name, group, value, mean in zip(ids, groups, ours, plain, strict=True):
            self.rows.append([stage, step, name, group, value, mean])

    def table(self) -> str:
        """heldout.csv."""
        return pd.DataFrame(self.rows, columns=list(COLUMNS)).to_csv(index=False, lineterminator="\n")


@contextmanager
def looking(method: Method) -> Iterator[torch.device]:
    """Look at a training's results and leave no trace in it: modes and random numbers are as before.

    Yields the device of the networks. Nothing is compiled for a look.
    """
    networks = list(method.networks().values())
    device = next((weight.device for one in networks for weight in one.parameters()), torch.device("cpu"))
    modes = {layer: layer.training for one in networks for layer in one.modules()}
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices), torch.compiler.set_stance("force_eager"):
            yield device
    finally:
        for layer, mode in modes.items():
            layer.training = mode


def mean_filled(image: Tensor, hole: Tensor) -> Tensor:
    """(N,3,H,W) with the mean colour of each image's own known pixels in its hole."""
    known = (~hole).sum(dim=(2, 3), keepdim=True)
    colour = image.masked_fill(hole, 0.0).sum(dim=(2, 3), keepdim=True) / known
    return compose(image, hole, colour.expand_as(image))


def psnr_hole(picture: Tensor, truth: Tensor, hole: Tensor) -> Tensor:
    """The metric definition `psnr_hole` of composites in [0,1]: dB, float64 (N,); infinite where they are equal."""
    eight_bits = [(255 * one).round().to(torch.uint8) for one in (truth, picture)]
    share: Tensor = hole.double().mean(dim=(1, 2, 3))
    return psnr(*eight_bits) + 10 * share.log10()
