"""The picture grid that training leaves every so often: truth, damaged, filled."""

import io
from pathlib import Path

import torch
from PIL import Image

from bench.data import Packed
from bench.masks.sets import MASK_SETS
from bench.methods.base import Method, compose, erase, fill
from bench.training.held_out import looking
from bench.util.files import whole

COLUMNS = 8


def draw_samples(path: Path, method: Method, train: Packed) -> None:
    """Write a PNG of the first training images (training images: the test images stay unseen until the end)."""
    count = min(COLUMNS, len(train.ids))
    image = train.tensor(list(range(count)))
    height, width = image.shape[-2:]
    hole = MASK_SETS["center"].holes(train.ids[:count], height, width)
    with looking(method) as device:
        result = fill(method.preview(), image.to(device), hole.to(device), torch.zeros(count, dtype=torch.int64)).cpu()
    rows = [image, erase(image, hole), compose(image, hole, result)]
    grid = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
    pixels = (grid * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    with whole(path) as file:
        file.write(buffer.getbuffer())
