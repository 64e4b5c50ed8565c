"""Masks: how many of each mask set a core draws in a second, and the same strokes painted by other libraries."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bench.masks.irregular import LONG, Stroke, paint_stroke
from bench.masks.names import BIN_NAMES, CLEAR, DRAWN
from bench.masks.sets import mask_set
from bench.speed.peers import peer
from bench.speed.timing import Row, race, row
from bench.util.seeds import Chance

SIDE = 256
MASKS = 100
"""Masks of one call: holes differ so much that the first twenty of a mask set may take a third longer than the
others."""
DRAWINGS = 20
"""Drawings that libraries race over in one call."""
STROKES = 5
"""Strokes of one drawing."""
PLAIN = tuple(name for name in DRAWN if "irregular_" not in name)
MASK_SET_SIZE = f"{MASKS} x {SIDE}²"
DRAWING_SIZE = f"{DRAWINGS} x {SIDE}²"

Hole = NDArray[np.bool_]
Drawing = list[Stroke]


def rows(quick: bool = False) -> list[Row]:
    """Each mask set's masks, then strokes against other libraries.

    A mask set's masks have no peer: they include the choice of what is drawn, which is the same on every platform, and
    the counting of missing pixels. For strokes, `agreement` is the largest share of the pixels that differ.
    """
    bins = [f"irregular_{name}{end}" for end in ("", CLEAR) for name in BIN_NAMES]
    times = race({name: _mask_set(name) for name in (PLAIN if quick else (*PLAIN, *bins))}, quick)
    return [
        row(f"mask set {name}", MASK_SET_SIZE, ms, "", None, note=f"{_rate(MASKS, ms)} masks a second")
        for name, ms in times.items()
    ] + (_strokes(quick))


def _mask_set(name: str) -> Callable[[], object]:
    found = mask_set(name)

    def draw() -> None:
        for index in range(MASKS):  # none is kept: new memory for a hundred would cost as much as rectangles do
            found.hole(f"speed-{index}", SIDE, SIDE)

    return draw


def _strokes(quick: bool) -> list[Row]:
    drawings = [_drawing(Chance("speed", index)) for index in range(DRAWINGS)]
    known: dict[str, tuple[str, Callable[[Any, Drawing], Hole]]] = {
        "OpenCV polylines": ("cv2", _opencv),
        "scikit-image draw": ("skimage.draw", _skimage),
    }
    modules = {name: peer(module) for name, (module, _) in known.items()}
    painters: dict[str, Callable[[Drawing], Hole]] = {"ours": _pillow}
    for name, (_, paint) in known.items():
        if modules[name] is not None:
            painters[name] = _bound(paint, modules[name])
    times = race({name: _each(paint, drawings) for name, paint in painters.items()}, quick)
    rate = _rate(DRAWINGS, times["ours"])
    return [
        row(
            "strokes", DRAWING_SIZE, times["ours"], name, times.get(name),
            agreement=_apart(painters[name], drawings) if name in painters else None,
            note=f"{rate} masks a second" + ("" if name in painters else f"; {name} is absent"),
        )
        for name in known
    ]  # fmt: skip


def _drawing(chance: Chance) -> Drawing:
    return [LONG.stroke(chance, SIDE, SIDE, SIDE) for _ in range(STROKES)]


def _bound(paint: Callable[[Any, Drawing], Hole], module: Any) -> Callable[[Drawing], Hole]:
    return lambda drawing: paint(module, drawing)


def _each(paint: Callable[[Drawing], Hole], drawings: list[Drawing]) -> Callable[[], object]:
    return lambda: [paint(drawing) for drawing in drawings]


def _pillow(drawing: Drawing) -> Hole:
    canvas = Image.new("L", (SIDE, SIDE))
    pen = ImageDraw.Draw(canvas)
    for one in drawing:
        paint_stroke(pen, one, 0, len(one.most))
    return np.frombuffer(canvas.tobytes(), dtype=np.bool_).reshape(SIDE, SIDE)


def _opencv(cv2: Any, drawing: Drawing) -> Hole:
    canvas = np.zeros((SIDE, SIDE), dtype=np.uint8)
    for one in drawing:
        points = np.array(one.points, dtype=np.int32)
        cv2.polylines(canvas, [points], False, 1, thickness=2 * one.radius + 1)
    return canvas.view(np.bool_)


def _skimage(draw: Any, drawing: Drawing) -> Hole:
    canvas = np.zeros((SIDE, SIDE), dtype=np.bool_)
    for (x0, y0), (x1, y1), reach in ((*ends, one.radius + 0.5) for one in drawing for ends in pairwise(one.points)):
        for x, y in ((x0, y0), (x1, y1)):
            canvas[draw.disk((y, x), reach, shape=canvas.shape)] = True
        length = max(float(np.hypot(x1 - x0, y1 - y0)), 1e-9)
        across, down = reach * (y1 - y0) / length, reach * (x1 - x0) / length
        corners_y = (y0 - down, y0 + down, y1 + down, y1 - down)
        corners_x = (x0 + across, x0 - across, x1 - across, x1 + across)
        canvas[draw.polygon(corners_y, corners_x, shape=canvas.shape)] = True
    return canvas


def _apart(paint: Callable[[Drawing], Hole], drawings: list[Drawing]) -> float:
    return max(float((_pillow(one) != paint(one)).mean()) for one in drawings)


def _rate(masks: int, milliseconds: float) -> str:
    return f"{masks / milliseconds * 1000:,.0f}"
