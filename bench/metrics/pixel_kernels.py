"""Sums over the pixels of a strip of pictures; compiled by Numba.

Whole numbers are summed exactly; roots in float64 and in one order. As in kernels.py, pictures are C-contiguous uint8
(3,H,W), `top` and `bottom` are the strip's rows, and nothing that counts is imported.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.metrics.compiled import compiled, kept

PRODUCTS = ((0, 1, 2), (1, 3, 4), (2, 4, 5))
"""Places in `pixel_sums`: difference times difference, by channels."""
ERROR, CHANNEL_ERROR, GRAY_ERROR, TRUTH_SQUARES, CENTER_ERROR, CENTER_SQUARES = range(6, 12)
"""Of |difference|, |sum of the channels' differences|, 10,000 |difference in gray|, truth^2; in the middle half of rows
and columns of |difference| and difference^2."""
TRUTH, RESULT = slice(12, 15), slice(15, 18)
"""Of each channel."""
COUNT = 18
"""How many there are."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Pixels = NDArray[np.uint8]


@kept
def pixel_sums(truth: Pixels, result: Pixels, top: int, bottom: int) -> Integers:
    """Sums over the strip's pixels: of differences, result minus truth, and of the pictures themselves. Exact."""
    height, width = truth.shape[1:]
    sums = np.zeros(18, np.int64)
    for row in range(top, bottom):
        x, y = truth[:, row], result[:, row]
        _add_pixels(sums, x[0], x[1], x[2], y[0], y[1], y[2])
        if height // 4 <= row < height // 4 + height // 2:
            for channel in range(3):
                start, stop = width // 4, width // 4 + width // 2
                _add_center(sums, x[channel, start:stop], y[channel, start:stop])
    return sums


@compiled
def _add_pixels(sums: Integers, x0: Pixels, x1: Pixels, x2: Pixels, y0: Pixels, y1: Pixels, y2: Pixels) -> None:
    rr = rg = rb = gg = gb = bb = error = channels = gray = squares = 0
    r_truth = g_truth = b_truth = r_result = g_result = b_result = 0
    for j in range(x0.size):
        r, g, b = (
            _level(y0[j]) - _level(x0[j]),
            _level(y1[j]) - _level(x1[j]),
            _level(y2[j]) - _level(x2[j]),
        )
        rr += r * r
        rg += r * g
        rb += r * b
        gg += g * g
        gb += g * b
        bb += b * b
        error += abs(r) + abs(g) + abs(b)
        channels += abs(r + g + b)
        gray += abs(2125 * r + 7154 * g + 721 * b)
    for j in range(x0.size):
        r, g, b = _level(x0[j]), _level(x1[j]), _level(x2[j])
        squares += r * r + g * g + b * b
        r_truth += r
        g_truth += g
        b_truth += b
        r_result += _level(y0[j])
        g_result += _level(y1[j])
        b_result += _level(y2[j])
    found = (rr, rg, rb, gg, gb, bb, error, channels, gray, squares)
    for place in range(10):
        sums[place] += found[place]
    means = (r_truth, g_truth, b_truth, r_result, g_result, b_result)
    for place in range(6):
        sums[12 + place] += means[place]


@compiled
def _add_center(sums: Integers, x: Pixels, y: Pixels) -> None:
    error = squares = 0
    for j in range(x.size):
        gap = _level(y[j]) - _level(x[j])
        error += abs(gap)
        squares += gap * gap
    sums[CENTER_ERROR] += error
    sums[CENTER_SQUARES] += squares


@compiled
def _level(pixel: Any) -> Any:
    return np.int32(pixel)


@kept
def variation_sums(picture: Pixels, top: int, bottom: int) -> Floats:
    """Over the strip: of sqrt(gx^2 + gy^2), whose differences wrap around, and of |gx| and |gy| inside the picture."""
    height, width = picture.shape[1:]
    roots = np.zeros(width)
    across = down = 0
    for channel in range(3):
        for row in range(top, bottom):
            line, below = picture[channel, row], picture[channel, (row + 1) % height]
            across += _step_across(roots[: width - 1], line[: width - 1], line[1:], below[: width - 1])
            wrapped = np.float32(line[0]) - np.float32(line[width - 1])
            fall = np.float32(below[width - 1]) - np.float32(line[width - 1])
            roots[width - 1] += np.sqrt(wrapped * wrapped + fall * fall)
            if row + 1 < height:
                down += _gaps(line, below)
    total = 0.0
    for j in range(width):
        total += roots[j]
    return np.array([total, float(across), float(down)])


@compiled
def _step_across(roots: Floats, line: Pixels, beside: Pixels, below: Pixels) -> int:
    for j in range(roots.size):
        x, y = np.float32(beside[j]) - np.float32(line[j]), np.float32(below[j]) - np.float32(line[j])
        roots[j] += np.sqrt(x * x + y * y)
    return _gaps(line, beside)


@compiled
def _gaps(line: Pixels, other: Pixels) -> int:
    total = 0
    for j in range(line.size):
        total += abs(_level(line[j]) - _level(other[j]))
    return total
