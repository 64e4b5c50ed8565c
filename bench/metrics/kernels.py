"""Sums of the SSIM over a strip of two pictures, under all its windows; compiled by Numba.

A strip's sums are a function of its two pictures alone, in float64 and in one order: there are no threads within a
strip, and nothing lets the compiler change the order.

What Numba keeps on disk is renewed when this file changes, and not when another one does: it imports no number and no
function to call. Pictures are C-contiguous uint8 (3,H,W); `top` and `bottom` are the strip's rows.
"""

import math

import numpy as np
from numpy.typing import NDArray

from bench.metrics.compiled import compiled, kept

STRIP = 32
"""Rows of a strip. Sums are added strip by strip, so the last bits of a score depend on it."""

RAW, TRUNCATED, ALL = range(3)
"""What `window_sums` is asked for: `ssim` alone, the uniform windows of the channels alone, everything."""

SSIM, ZERO, FULL, LBAM, LUMA, U7, U11, CENTER, GRAY7, GRAY51, ZITS = range(11)
"""Places in `window_sums`."""
WINDOWS = (
    "ssim",
    "ssim_zero",
    "ssim_full",
    "ssim_lbam",
    "ssim_y",
    "ssim_u7",
    "ssim_u11",
    "ssim_u11_center",
    "ssim_gray7",
    "ssim_gray51",
    "ssim_zits",
)
"""Their metric definitions."""

_REACH = 5
_SIDE = 2 * _REACH + 1
_BELL = [math.exp(-0.5 * (place / 1.5) ** 2) for place in range(_REACH + 1)]
_G0, _G1, _G2, _G3, _G4, _G5 = (value / math.fsum(_BELL + _BELL[1:]) for value in _BELL)

# Red, green, blue, and what is added: the channels, Y, gray, and gray of pictures that are read as BGR.
_MIXES = np.array(
    [
        [1, 0, 0, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [65.481 / 255, 128.553 / 255, 24.966 / 255, 16],
        [0.2125, 0.7154, 0.0721, 0],
        [0.0721, 0.7154, 0.2125, 0],
    ]
)

Floats = NDArray[np.float64]
Pixels = NDArray[np.uint8]


@kept
def window_sums(truth: Pixels, result: Pixels, top: int, bottom: int, wanted: int) -> Floats:
    """Sums of the SSIM over the places of windows whose centres lie in the strip; 0 where a window fits nowhere.

    Over all three channels for those of channels. Around windows without an unequal pixel nothing is computed: the
    SSIM is 1 there.
    """
    smallest = min(truth.shape[1], truth.shape[2])
    sums = np.zeros(11)
    for plane in range(6 if wanted == ALL else 3):
        wide = 25 if plane == 4 and smallest >= 51 else _REACH
        near = _touched(truth, result, top, bottom, wide)
        lines = _lines(truth, result, _MIXES[plane], top, bottom, near, wide)
        if wanted != TRUNCATED and plane <= 3 and smallest >= 11:
            found = _gaussian(truth.shape, lines, top, bottom, near, wanted == ALL and plane < 3)
            if plane == 3:
                sums[LUMA] = found[SSIM]
            else:
                for kind in range(4):
                    sums[kind] += found[kind]
        if wanted == RAW or plane == 3:
            continue
        peak = 510.0 if plane == 5 else 255.0  # a picture in [0,1] whose range is taken for 2
        for turn in range(1 if plane == 5 else 2):
            side = 7 if turn == 0 else 11 if plane < 3 else 51
            if smallest >= side:
                whole, center = _uniform(truth.shape, lines, wide, side, peak, top, bottom, near)
                if plane < 3:
                    sums[U7 + turn] += whole
                    sums[CENTER] += turn * center
                else:
                    sums[ZITS if plane == 5 else GRAY7 + turn] = whole
    return sums


@compiled
def _touched(truth: Pixels, result: Pixels, top: int, bottom: int, reach: int) -> tuple[int, int]:
    """The columns whose windows hold an unequal pixel: all those between the first and the last."""
    height, width = truth.shape[1:]
    unequal = np.zeros(width, np.uint8)
    for channel in range(3):
        for row in range(max(0, top - reach), min(height, bottom + reach)):
            x, y = truth[channel, row], result[channel, row]
            for j in range(width):
                unequal[j] |= x[j] ^ y[j]
    first, last = width, 0
    for j in range(width):
        if unequal[j]:
            first = min(first, j)
            last = j + 1
    if last == 0:
        return 0, 0
    return max(0, first - reach), min(width, last + reach)


@compiled
def _lines(
    truth: Pixels, result: Pixels, mix: Floats, top: int, bottom: int, near: tuple[int, int], reach: int
) -> Floats:
    """The mixed channels of truth and result, (2,rows,columns), `reach` wider on each side; 0 outside the picture."""
    height, width = truth.shape[1:]
    left, right = near
    lines = np.zeros((2, bottom - top + 2 * reach, right - left + 2 * reach))
    first, last = max(0, left - reach), min(width, right + reach)
    for row in range(max(0, top - reach), min(height, bottom + reach)):
        for kind in range(2):
            pixels = truth if kind == 0 else result
            line = lines[kind, row - top + reach, first - left + reach : last - left + reach]
            line[:] = mix[3]
            for channel in range(3):
                if mix[channel] != 0:
                    _mix(line, pixels[channel, row, first:last], mix[channel])
    return lines


@compiled
def _mix(line: Floats, pixels: Pixels, weight: float) -> None:
    for j in range(line.size):
        line[j] += weight * pixels[j]


@compiled
def _gaussian(
    shape: tuple[int, int, int], lines: Floats, top: int, bottom: int, near: tuple[int, int], framed: bool
) -> Floats:
    """The sums at SSIM, ZERO, FULL and LBAM of one plane; the first alone where not `framed`.

    The places inside are the same for all; over the outer 5 pixels the window sticks out, over zeros or over the
    mirror image.
    """
    height, width = shape[1:]
    left, right = near
    first, last = max(top, _REACH), max(max(top, _REACH), min(bottom, height - _REACH))
    start, stop = max(left, _REACH), max(max(left, _REACH), min(right, width - _REACH))
    sums = np.zeros(4)
    if left < right:
        totals = _blurred(lines, first - top, last - top, framed)
        sums[SSIM] = sums[FULL] = _total(totals[1], start - left, stop - left)
        if framed:
            sums[ZERO] = _total(totals[0], 0, right - left) + _total(totals[1], 0, right - left)
            sums[FULL] += _frame(shape, lines, top, bottom, near)
            sums[LBAM] = _total(totals[2], 0, right - left)
    sums[SSIM] += (last - first) * (width - 2 * _REACH - (stop - start))
    for kind in range(1, 4):
        sums[kind] += (bottom - top) * (width - (right - left))
    return sums


@compiled
def _total(columns: Floats, start: int, stop: int) -> float:
    total = 0.0
    for j in range(start, stop):
        total += columns[j]
    return total


@compiled
def _frame(shape: tuple[int, int, int], lines: Floats, top: int, bottom: int, near: tuple[int, int]) -> float:
    """The sum over the outer 5 pixels, over the mirror image."""
    height, width = shape[1:]
    left, right = near
    first, last = max(top, _REACH), min(bottom, height - _REACH)
    total = 0.0
    for turn in range(4):  # above, below, to the left, to the right
        y0, y1, x0, x1 = top, min(bottom, _REACH), left, right
        if turn == 1:
            y0, y1 = max(top, height - _REACH), bottom
        elif turn == 2:
            y0, y1, x1 = first, last, min(right, _REACH)
        elif turn == 3:
            y0, y1, x0 = first, last, max(left, width - _REACH)
        if y0 < y1 and x0 < x1:
            found = _mirrored(shape, lines, top, left, y0, y1, x0, x1)
            total += _total(_blurred(found, 0, y1 - y0, False)[1], 0, x1 - x0)
    return total


@compiled
def _mirrored(
    shape: tuple[int, int, int], lines: Floats, top: int, left: int, y0: int, y1: int, x0: int, x1: int
) -> Floats:
    """What `_lines` gives for these rows and columns, but with the mirror image outside of the picture."""
    found = np.empty((2, y1 - y0 + 2 * _REACH, x1 - x0 + 2 * _REACH))
    for i in range(found.shape[1]):
        row = _reflected(y0 - _REACH + i, shape[1]) - top + _REACH
        for j in range(found.shape[2]):
            column = _reflected(x0 - _REACH + j, shape[2]) - left + _REACH
            found[0, i, j] = lines[0, row, column]
            found[1, i, j] = lines[1, row, column]
    return found


@compiled
def _reflected(place: int, count: int) -> int:
    place = abs(place)
    return place if place < count else 2 * (count - 1) - place


@compiled
def _blurred(lines: Floats, first: int, last: int, framed: bool) -> Floats:
    """Each column's sums under the Gaussian window, (3,columns): over the rows outside of first...last, over these, and
    over all of them with the constants for a range of 1. The first and the third only where `framed`.
    """
    rows, columns = lines.shape[1] - 2 * _REACH, lines.shape[2] - 2 * _REACH
    squares, both = np.empty_like(lines[0]), np.empty_like(lines[0])
    for row in range(lines.shape[1]):
        _products(squares[row], both[row], lines[0, row], lines[1, row])
    totals, line, means = np.zeros((3, columns)), np.empty(lines.shape[2]), np.empty((4, columns))
    for row in range(0 if framed else first, rows if framed else last):
        for kind in range(4):
            block = lines[kind] if kind < 2 else squares if kind == 2 else both
            _down(line, block[row : row + _SIDE])
            _across(means[kind], line)
        _similar(totals[1 if first <= row < last else 0], means, 1.0, 1.0, 255.0)
        if framed:
            _similar(totals[2], means, 1.0, 1.0, 1.0)
    return totals


@compiled
def _products(squares: Floats, both: Floats, x: Floats, y: Floats) -> None:
    for j in range(x.size):
        squares[j] = x[j] * x[j] + y[j] * y[j]
    for j in range(x.size):
        both[j] = x[j] * y[j]


@compiled
def _down(out: Floats, rows: Floats) -> None:
    for j in range(out.size):
        inner = _G0 * rows[5, j] + _G1 * (rows[4, j] + rows[6, j]) + _G2 * (rows[3, j] + rows[7, j])
        outer = _G3 * (rows[2, j] + rows[8, j]) + _G4 * (rows[1, j] + rows[9, j]) + _G5 * (rows[0, j] + rows[10, j])
        out[j] = inner + outer


@compiled
def _across(out: Floats, line: Floats) -> None:
    for j in range(out.size):
        inner = _G0 * line[j + 5] + _G1 * (line[j + 4] + line[j + 6]) + _G2 * (line[j + 3] + line[j + 7])
        outer = _G3 * (line[j + 2] + line[j + 8]) + _G4 * (line[j + 1] + line[j + 9]) + _G5 * (line[j] + line[j + 10])
        out[j] = inner + outer


@compiled
def _similar(totals: Floats, means: Floats, count: float, sample: float, peak: float) -> None:
    """Add a row of the SSIM. `means`: of x, y, x^2 + y^2 and xy, times `count`. `sample`: n / (n - 1) or 1."""
    c1, c2 = (0.01 * peak * count) ** 2, (0.03 * peak * count) ** 2
    for j in range(totals.size):
        x, y = means[0, j], means[1, j]
        both, squares = x * y, x * x + y * y
        covariance, variance = (count * means[3, j] - both) * sample, (count * means[2, j] - squares) * sample
        totals[j] += (2 * both + c1) * (2 * covariance + c2) / ((squares + c1) * (variance + c2))


@compiled
def _uniform(
    shape: tuple[int, int, int],
    lines: Floats,
    wide: int,
    side: int,
    peak: float,
    top: int,
    bottom: int,
    near: tuple[int, int],
) -> tuple[float, float]:
    """The sum over square windows inside the picture, and over those inside the middle half of its rows and columns."""
    height, width = shape[1:]
    half = side // 2
    first, last = max(top, half), max(max(top, half), min(bottom, height - half))
    start, stop = max(near[0], half), max(max(near[0], half), min(near[1], width - half))
    y0, y1 = height // 4 + half, height // 4 + height // 2 - half
    x0, x1 = width // 4 + half, width // 4 + width // 2 - half
    columns = _box(
        lines,
        side,
        peak,
        first - top + wide - half,
        last - first,
        start - near[0] + wide - half,
        stop - start,
        y0 - first,
        y1 - first,
    )
    whole = _total(columns[0], 0, stop - start) + _total(columns[1], 0, stop - start)
    center = _total(columns[1], max(x0, start) - start, min(x1, stop) - start)
    whole += (last - first) * (width - 2 * half - (stop - start))
    rows = max(0, min(last, y1) - max(first, y0))
    center += rows * (max(0, x1 - x0) - max(0, min(stop, x1) - max(start, x0)))
    return whole, center


@compiled
def _box(
    lines: Floats, side: int, peak: float, row0: int, rows: int, column0: int, columns: int, first: int, last: int
) -> Floats:
    """Under a square window, each column's sum over the rows outside of and in first...last, (2,columns).

    Sums run along: a row comes in, a row goes out.
    """
    totals = np.zeros((2, columns))
    if rows == 0 or columns == 0:
        return totals
    wide, count = columns + side - 1, float(side * side)
    sums, runs, means = np.zeros((4, wide)), np.zeros((4, wide + 1)), np.empty((4, columns))
    for row in range(row0, row0 + side - 1):
        _slide(sums, lines[0, row, column0 : column0 + wide], lines[1, row, column0 : column0 + wide], 1.0)
    for row in range(rows):
        new, old = row0 + row + side - 1, row0 + row
        _slide(sums, lines[0, new, column0 : column0 + wide], lines[1, new, column0 : column0 + wide], 1.0)
        _run(runs, sums)
        for kind in range(4):
            _gap(means[kind], runs[kind], side)
        _similar(totals[1 if first <= row < last else 0], means, count, count / (count - 1), peak)
        _slide(sums, lines[0, old, column0 : column0 + wide], lines[1, old, column0 : column0 + wide], -1.0)
    return totals


@compiled
def _slide(sums: Floats, x: Floats, y: Floats, sign: float) -> None:
    for j in range(x.size):
        sums[0, j] += sign * x[j]
    for j in range(x.size):
        sums[1, j] += sign * y[j]
    for j in range(x.size):
        sums[2, j] += sign * (x[j] * x[j] + y[j] * y[j])
    for j in range(x.size):
        sums[3, j] += sign * (x[j] * y[j])


@compiled
def _run(runs: Floats, sums: Floats) -> None:
    a = b = c = d = 0.0
    for j in range(sums.shape[1]):
        a += sums[0, j]
        b += sums[1, j]
        c += sums[2, j]
        d += sums[3, j]
        runs[0, j + 1] = a
        runs[1, j + 1] = b
        runs[2, j + 1] = c
        runs[3, j + 1] = d


@compiled
def _gap(out: Floats, run: Floats, side: int) -> None:
    ends = run[side:]
    for j in range(out.size):
        out[j] = ends[j] - run[j]
