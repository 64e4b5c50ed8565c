"""The features of a drawn face: cheeks, eyes, brows, nose, mouth, beard. Coordinates are the head's own."""

import numpy as np

from bench.data.portrait_shapes import Canvas, Frame, Shape
from bench.data.portrait_traits import Colour, Traits, blend

BLACK, WHITE, RED = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.8, 0.22, 0.2)
EYE_HEIGHT, BROW_HEIGHT, MOUTH_HEIGHT = -0.05, -0.21, 0.35


class Face:
    """Paints the features of one face on a canvas, inside the outline `head`."""

    def __init__(self, canvas: Canvas, frame: Frame, head: Shape, person: Traits) -> None:
        self.canvas, self.frame, self.head, self.person = canvas, frame, head, person
        self.features, self.palette, self.yaw = person.features, person.palette, person.pose.yaw
        self.shade = blend(blend(self.palette.skin, RED, 0.16), BLACK, 0.16)
        self.brow = blend(self.palette.hair, BLACK, 0.3)
        self.mouth_x = 0.07 * self.yaw

    def draw(self) -> None:
        self.cheeks()
        self.beard()
        for side in (-1, 1):
            self.eye(side)
        self.nose()
        if self.features.mouth_open:
            self.open_mouth()
        else:
            self.closed_mouth()
        self.moustache()

    def paint(self, shape: Shape, colour: Colour, strength: float = 1.0, soft: float = 0.0) -> None:
        self.canvas.paint(shape, self.frame.pixel, colour, strength, soft)

    def cheeks(self) -> None:
        f, frame = self.features, self.frame
        for side in (-1, 1):
            patch = frame.ellipse(side * 0.31 + 0.05 * self.yaw, 0.17, 0.12, 0.1)
            self.paint(np.maximum(patch, self.head), blend(self.palette.skin, RED, 0.55), f.blush, soft=0.1)
        for x, y in self.person.style.freckles:
            spot = frame.ellipse(0.3 * x + 0.05 * self.yaw, 0.12 + 0.07 * y, 0.012, 0.012)
            self.paint(spot, blend(self.shade, (0.5, 0.25, 0.1), 0.5), 0.55)
        if f.lines:
            for side in (-1, 1):
                self.paint(frame.arc(side * 0.22 + self.mouth_x, 0.25, 0.05, 0.02, 0.007, side * 0.05), self.shade, 0.6)

    def eye(self, side: int) -> None:
        f, frame = self.features, self.frame
        x, size = side * f.eye_gap + 0.05 * self.yaw, f.eye_size
        height = 0.078 * size * f.eye_open
        white = frame.ellipse(x, EYE_HEIGHT, 0.1 * size, height)
        look = x + 0.022 * f.gaze
        iris = frame.ellipse(look, EYE_HEIGHT, 0.056 * size, 0.056 * size)
        self.paint(white - 0.012, self.shade, 0.45)
        self.paint(white, (0.98, 0.98, 0.97))
        self.paint(np.maximum(iris, white), self.palette.iris)
        self.paint(np.maximum(iris + 0.028 * size, white), (0.07, 0.06, 0.07))
        self.paint(frame.ellipse(look - 0.02, EYE_HEIGHT - 0.022, 0.017, 0.017), WHITE)
        lid = frame.arc(x, EYE_HEIGHT - 0.012, 0.105 * size, -height, 0.017)
        self.paint(lid, blend(self.brow, BLACK, 0.45))
        brow_y = BROW_HEIGHT - f.brow_lift
        slant = side * f.brow_slant
        self.paint(frame.arc(x + 0.01 * side, brow_y, 0.125, -0.03, f.brow_weight, slant), self.brow)

    def nose(self) -> None:
        f, frame = self.features, self.frame
        x, tip = 0.1 * self.yaw, EYE_HEIGHT + 0.04 + f.nose_length
        turn = 1.0 if self.yaw > 0 else -1.0
        self.paint(
            frame.line(0.05 * self.yaw - 0.02 * turn, 0.0, x - 0.03 * turn, tip - 0.03, 0.012), self.shade, 0.4, 0.03
        )
        self.paint(frame.arc(x, tip, f.nose_width, 0.03, 0.014), self.shade, 0.9)
        self.paint(frame.ellipse(x + 0.01, tip - 0.035, 0.022, 0.028), WHITE, 0.22, soft=0.02)

    def closed_mouth(self) -> None:
        f, frame, x = self.features, self.frame, self.mouth_x
        lip = blend(blend(self.palette.skin, RED, 0.6), BLACK, 0.08)
        y = MOUTH_HEIGHT - f.smile / 2
        self.paint(frame.arc(x, y + 0.012, 0.8 * f.mouth_width, f.smile + 0.02, 0.032), lip, f.lips)
        self.paint(frame.arc(x, y, f.mouth_width, f.smile, 0.014), blend(lip, BLACK, 0.45))

    def open_mouth(self) -> None:
        f, frame, x = self.features, self.frame, self.mouth_x
        lip = blend(blend(self.palette.skin, RED, 0.6), BLACK, 0.08)
        top, depth = MOUTH_HEIGHT - 0.045, 0.13 * f.mouth_open
        bowl = np.maximum(frame.ellipse(x, top, f.mouth_width, depth), top - frame.y)
        self.paint(bowl - 0.02, lip, f.lips)
        self.paint(bowl, (0.36, 0.08, 0.1))
        self.paint(np.maximum(frame.ellipse(x, top + depth, 0.6 * f.mouth_width, 0.5 * depth), bowl), (0.86, 0.4, 0.42))
        teeth = frame.box(x, top, 0.86 * f.mouth_width, 0.036, 0.012)
        self.paint(np.maximum(teeth, bowl), (0.98, 0.98, 0.96))

    def beard(self) -> None:
        kind, frame = self.person.style.beard, self.frame
        if kind in ("none", "moustache"):
            return
        if kind == "goatee":
            patch = np.maximum(frame.ellipse(self.mouth_x, 0.43, 0.21, 0.22), 0.28 - frame.y)
        else:
            edge = 0.2 - 0.95 * np.maximum(np.abs(frame.x) - 0.3, 0)
            patch = np.maximum(self.head, (edge - frame.y) * 0.7)
        chin = frame.ellipse(self.mouth_x, 0.335, 0.9 * self.features.mouth_width, 0.045)
        patch = np.maximum(patch if kind == "stubble" else patch - 0.03, -chin)
        self.paint(patch, self.brow if kind == "stubble" else self.palette.hair, 0.28 if kind == "stubble" else 1.0)

    def moustache(self) -> None:
        if self.person.style.beard not in ("moustache", "full", "goatee"):
            return
        for side in (-1, 1):
            half = self.frame.arc(self.mouth_x + side * 0.075, 0.27, 0.1, -0.016, 0.034, side * 0.022)
            self.paint(half, blend(self.palette.hair, BLACK, 0.1))
