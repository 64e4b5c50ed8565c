"""Painting one rectangle."""

import numpy as np
from numpy.typing import NDArray

from bench.util.errors import UserError


def paint(height: int, width: int, top: int, left: int, tall: int, wide: int) -> NDArray[np.bool_]:
    """A `tall` x `wide` hole at (top, left) of a `height` x `width` picture, bool (H,W), True = missing.

    Raises UserError where nothing would be missing or nothing known.
    """
    hole = np.zeros((height, width), dtype=np.bool_)
    hole[top : top + tall, left : left + wide] = True
    if hole.all() or not hole.any():
        raise UserError(f"A {height}x{width} picture is too small for this hole. Use larger pictures.")
    return hole
