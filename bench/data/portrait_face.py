"""The features of a drawn face: cheeks, eyes, brows, nose, mouth, beard. Coordinates are the head's own."""

import numpy as np

from bench.data.portrait_shapes import Frame, Shape
from bench.data.portrait_traits import Traits, blend

BLACK, WHITE, RED = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.8, 0.22, 0.2)
EYE_HEIGHT, BROW_HEIGHT, MOUTH_HEIGHT = -0.05, -0.21, 0.35


class Face:
    """Paints the features of one face in the part of a picture that holds its outline `head`."""

    def __init__(self, frame: Frame, head: Shape, person: Traits) -> None:
        self.frame, self.head, self.person = frame, head, person
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

    def cheeks(self) -> None:
        f = self.features
        for side in (-1, 1):
            frame = self.frame.near(side * 0.31 + 0.05 * self.yaw, 0.17, 0.18, 0.16)
            patch = frame.ellipse(side * 0.31 + 0.05 * self.yaw, 0.17, 0.12, 0.1)
            patch = np.maximum(patch, frame.part(self.head, self.frame))
            frame.paint(patch, blend(self.palette.skin, RED, 0.55), f.blush, soft=0.1)
        for x, y in self.person.style.freckles:
            frame = self.frame.near(0.3 * x + 0.05 * self.yaw, 0.12 + 0.07 * y, 0.012, 0.012)
            spot = frame.ellipse(0.3 * x + 0.05 * self.yaw, 0.12 + 0.07 * y, 0.012, 0.012)
            frame.paint(spot, blend(self.shade, (0.5, 0.25, 0.1), 0.5), 0.55)
        for side in (-1, 1) if f.lines else ():
            frame = self.frame.near(side * 0.22 + self.mouth_x, 0.25, 0.06, 0.09)
            line = frame.arc(side * 0.22 + self.mouth_x, 0.25, 0.05, 0.02, 0.007, side * 0.05)
            frame.paint(line, self.shade, 0.6)

    def eye(self, side: int) -> None:
        f = self.features
        x, size = side * f.eye_gap + 0.05 * self.yaw, f.eye_size
        frame = self.frame.near(x, EYE_HEIGHT - 0.015, 0.155, 0.13)
        height = 0.078 * size * f.eye_open
        white = frame.ellipse(x, EYE_HEIGHT, 0.1 * size, height)
        look = x + 0.022 * f.gaze
        iris = frame.ellipse(look, EYE_HEIGHT, 0.056 * size, 0.056 * size)
        frame.paint(white - 0.012, self.shade, 0.45)
        frame.paint(white, (0.98, 0.98, 0.97))
        frame.paint(np.maximum(iris, white), self.palette.iris)
        frame.paint(np.maximum(iris + 0.028 * size, white), (0.07, 0.06, 0.07))
        frame.paint(frame.ellipse(look - 0.02, EYE_HEIGHT - 0.022, 0.017, 0.017), WHITE)
        lid = frame.arc(x, EYE_HEIGHT - 0.012, 0.105 * size, -height, 0.017)
        frame.paint(lid, blend(self.brow, BLACK, 0.45))
        brow_x, brow_y = x + 0.01 * side, BROW_HEIGHT - f.brow_lift
        frame = self.frame.near(brow_x, brow_y, 0.165, 0.115)
        frame.paint(frame.arc(brow_x, brow_y, 0.125, -0.03, f.brow_weight, side * f.brow_slant), self.brow)

    def nose(self) -> None:
        f = self.features
        x, tip = 0.1 * self.yaw, EYE_HEIGHT + 0.04 + f.nose_length
        turn = 1.0 if self.yaw > 0 else -1.0
        frame = self.frame.near(x, 0.105, 0.13, 0.14)
        ridge = frame.line(0.05 * self.yaw - 0.02 * turn, 0.0, x - 0.03 * turn, tip - 0.03, 0.012)
        frame.paint(ridge, self.shade, 0.4, soft=0.03)
        frame.paint(frame.arc(x, tip, f.nose_width, 0.03, 0.014), self.shade, 0.9)
        frame.paint(frame.ellipse(x + 0.01, tip - 0.035, 0.022, 0.028), WHITE, 0.22, soft=0.02)

    def closed_mouth(self) -> None:
        f, x = self.features, self.mouth_x
        lip = blend(blend(self.palette.skin, RED, 0.6), BLACK, 0.08)
        y = MOUTH_HEIGHT - f.smile / 2
        frame = self.frame.near(x, MOUTH_HEIGHT, f.mouth_width + 0.04, f.smile / 2 + 0.11)
        frame.paint(frame.arc(x, y + 0.012, 0.8 * f.mouth_width, f.smile + 0.02, 0.032), lip, f.lips)
        frame.paint(frame.arc(x, y, f.mouth_width, f.smile, 0.014), blend(lip, BLACK, 0.45))

    def open_mouth(self) -> None:
        f, x = self.features, self.mouth_x
        lip = blend(blend(self.palette.skin, RED, 0.6), BLACK, 0.08)
        top, depth = MOUTH_HEIGHT - 0.045, 0.13 * f.mouth_open
        frame = self.frame.near(x, top + depth / 2, f.mouth_width + 0.06, depth / 2 + 0.06)
        bowl = np.maximum(frame.ellipse(x, top, f.mouth_width, depth), top - frame.y)
        frame.paint(bowl - 0.02, lip, f.lips)
        frame.paint(bowl, (0.36, 0.08, 0.1))
        tongue = frame.ellipse(x, top + depth, 0.6 * f.mouth_width, 0.5 * depth)
        frame.paint(np.maximum(tongue, bowl), (0.86, 0.4, 0.42))
        teeth = frame.box(x, top, 0.86 * f.mouth_width, 0.036, 0.012)
        frame.paint(np.maximum(teeth, bowl), (0.98, 0.98, 0.96))

    def beard(self) -> None:
        kind = self.person.style.beard
        if kind in ("none", "moustache"):
            return
        if kind == "goatee":
            frame = self.frame.near(self.mouth_x, 0.43, 0.25, 0.26)
            patch = np.maximum(frame.ellipse(self.mouth_x, 0.43, 0.21, 0.22), 0.28 - frame.y)
        else:
            frame = self.frame.near(0, 0.3, 0.65, 0.42)
            edge = 0.2 - 0.95 * np.maximum(np.abs(frame.x) - 0.3, 0)
            patch = np.maximum(frame.part(self.head, self.frame), (edge - frame.y) * 0.7)
        chin = frame.ellipse(self.mouth_x, 0.335, 0.9 * self.features.mouth_width, 0.045)
        patch = np.maximum(patch if kind == "stubble" else patch - 0.03, -chin)
        frame.paint(patch, self.brow if kind == "stubble" else self.palette.hair, 0.28 if kind == "stubble" else 1.0)

    def moustache(self) -> None:
        if self.person.style.beard not in ("moustache", "full", "goatee"):
            return
        frame = self.frame.near(self.mouth_x, 0.27, 0.22, 0.08)
        for side in (-1, 1):
            half = frame.arc(self.mouth_x + side * 0.075, 0.27, 0.1, -0.016, 0.034, side * 0.022)
            frame.paint(half, blend(self.palette.hair, BLACK, 0.1))
