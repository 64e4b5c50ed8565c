"""Draws a portrait from its traits, from the back to the front."""

import numpy as np
from numpy.typing import NDArray

from bench.data.portrait_face import BLACK, EYE_HEIGHT, WHITE, Face
from bench.data.portrait_shapes import Canvas, Frame, Shape, join
from bench.data.portrait_traits import Colour, Traits, blend

BAND = 8192
"""Pixels painted at once: few enough that their planes stay in a core's cache."""


def draw(person: Traits, side: int) -> NDArray[np.uint8]:
    """The portrait as uint8 (side, side, 3)."""
    rows = max(1, BAND // side)
    frames = (Frame.of(side, first, rows) for first in range(0, side, rows))
    return np.concatenate([_Portrait(person, frame).draw() for frame in frames])


class _Portrait:
    def __init__(self, person: Traits, room: Frame) -> None:
        self.person, self.style, self.palette = person, person.style, person.palette
        pose = person.pose
        self.room = room
        self.canvas = Canvas(room)
        self.body = room.moved(0.6 * pose.x, pose.y, pose.scale)
        self.frame = room.moved(pose.x, pose.y, pose.scale, pose.tilt)
        width = person.features.width
        skull = self.frame.ellipse(0, -0.1, width, 0.53)
        self.head = join(skull, self.frame.ellipse(0, 0.2, width * person.features.jaw, 0.44), 0.08)
        self.cap = self.frame.ellipse(0, -0.14, width + self.style.volume, 0.55 + self.style.volume)

    def draw(self) -> NDArray[np.uint8]:
        self.background()
        self.back_hair()
        self.shirt()
        self.neck()
        self.ears()
        self.skin()
        Face(self.canvas, self.frame, self.head, self.person).draw()
        self.fringe()
        self.glasses()
        self.hat()
        return self.canvas.bytes()

    def paint(self, shape: Shape, colour: Colour | Shape, strength: float = 1.0, soft: float = 0.0) -> None:
        self.canvas.paint(shape, self.frame.pixel, colour, strength, soft)

    def background(self) -> None:
        top, bottom = np.reshape(self.palette.back_top, (3, 1, 1)), np.reshape(self.palette.back_bottom, (3, 1, 1))
        self.canvas.pixels += top + (bottom - top) * (self.room.y + 1) / 2
        if self.palette.disc:
            self.paint(self.room.ellipse(0, 0.05, 0.88, 0.88), WHITE, 0.3)

    def back_hair(self) -> None:
        length = {"bob": 0.42, "long": 0.98}.get(self.style.hair)
        hair = blend(self.palette.hair, BLACK, 0.22)
        half = self.person.features.width + self.style.volume
        if self.style.hair == "afro":
            self.paint(self.frame.ellipse(0, -0.2, half + 0.17, 0.66), self.palette.hair)
        if self.style.hair == "bun":
            self.paint(self.frame.ellipse(0, -0.74, 0.23, 0.2), self.palette.hair)
        if length:
            fall = self.frame.box(0, (length - 0.15) / 2, half + 0.03, (length + 0.15) / 2, 0.16)
            self.paint(join(self.cap, fall, 0.1), hair)

    def shirt(self) -> None:
        frame, shirt, trim = self.body, self.palette.shirt, self.palette.trim
        torso = frame.box(0, 1.5, 0.86, 0.72, 0.42)
        self.paint(torso, shirt)
        if self.style.collar == "stripes":
            for height in (0.9, 1.02, 1.14):
                self.paint(np.maximum(torso, np.abs(frame.y - height) - 0.026), trim)
        if self.style.collar == "hood":
            self.paint(np.maximum(frame.ellipse(0, 0.86, 0.5, 0.24), 0.5 - frame.y), blend(shirt, BLACK, 0.2))
        if self.style.collar == "crew":
            self.paint(frame.ellipse(0, 0.8, 0.31, 0.15), trim)

    def neck(self) -> None:
        frame, skin = self.body, self.palette.skin
        dark = blend(skin, (0.35, 0.1, 0.1), 0.2)
        column = frame.box(0, 0.55, 0.2, 0.3, 0.08)
        base = frame.ellipse(0, 0.8, 0.25, 0.11)
        if self.style.collar in ("vee", "shirt"):
            opening = np.maximum(frame.ellipse(0, 0.78, 0.27, 0.3), np.abs(frame.x) * 1.2 + frame.y - 1.06)
            base = np.minimum(base, opening)
        neck = join(column, base, 0.06)
        self.paint(neck, dark)
        self.paint(np.maximum(neck, 0.74 - frame.y), skin, 0.6, soft=0.05)
        if self.style.collar == "shirt":
            for side in (-1, 1):
                self.paint(frame.line(side * 0.3, 0.76, side * 0.14, 0.98, 0.065), self.palette.trim)

    def ears(self) -> None:
        frame, skin = self.frame, self.palette.skin
        hidden = self.style.hair in ("bob", "long", "afro")
        for side in () if hidden else (-1, 1):
            x = side * (self.person.features.width + 0.01)
            self.paint(frame.ellipse(x, 0.02, 0.085, 0.12), blend(skin, BLACK, 0.06))
            self.paint(frame.ellipse(x + 0.01 * side, 0.02, 0.045, 0.07), blend(skin, (0.6, 0.15, 0.15), 0.25))
        for side in (-1, 1) if self.style.earrings else ():
            self.paint(
                frame.ellipse(side * (self.person.features.width + 0.03), 0.17, 0.038, 0.038), (0.93, 0.78, 0.36)
            )

    def skin(self) -> None:
        light = self.person.pose.light
        fall = np.clip(0.5 - 0.5 * light * self.frame.x / 0.5 + 0.25 * self.frame.y, 0, 1)
        skin = np.reshape(self.palette.skin, (3, 1, 1))
        dark = np.reshape(blend(self.palette.skin, (0.4, 0.12, 0.12), 0.24), (3, 1, 1))
        self.paint(self.head, skin + (dark - skin) * fall * abs(light))

    def hairline(self) -> Shape:
        """The height above which the fringe lies, for each pixel."""
        u, side = self.frame.x, self.style.side
        if self.style.hair == "receding":
            return -0.5 + 0.9 * np.maximum(np.abs(u) - 0.25, 0)
        if self.style.hair == "crop":
            return -0.4 + 0.5 * u * u
        if self.style.fringe == "straight":
            return -0.3 + 0.2 * u * u
        if self.style.fringe == "swept":
            return -0.37 + 0.3 * side * u + 0.35 * u * u
        if self.style.fringe == "parted":
            return -0.56 + 0.42 * np.sqrt(np.abs(u - 0.1 * side))
        if self.style.fringe == "curly":
            return -0.35 + 0.15 * u * u + 0.03 * np.cos(24 * u)
        return -0.46 + 0.45 * u * u

    def fringe(self) -> None:
        hair, frame = self.style.hair, self.frame
        if hair == "bald":
            self.paint(frame.ellipse(-0.2 * self.person.pose.light, -0.45, 0.14, 0.07), WHITE, 0.25, soft=0.06)
            return
        drop = {"bob": 0.38, "long": 0.55, "afro": 0.12}.get(hair, 0.02)
        width = self.person.features.width
        sides = np.maximum(width - 0.055 + 0.1 * np.maximum(frame.y, 0) - np.abs(frame.x), frame.y - drop)
        outline = self.cap
        if hair in ("bob", "long"):
            half = width + self.style.volume
            outline = join(self.cap, frame.box(0, drop / 2, half + 0.03, drop / 2 + 0.1, 0.12), 0.1)
        elif hair in ("crop", "receding"):
            outline = self.cap + self.style.volume - 0.03
        front = np.maximum(outline, np.minimum(0.8 * (frame.y - self.hairline()), sides))
        self.paint(front, blend(self.palette.skin, BLACK, 0.35), 0.25, soft=0.05)
        self.paint(front, self.palette.hair)
        shine = frame.ellipse(-0.22 * self.person.pose.light, -0.6, 0.3, 0.09)
        self.paint(np.maximum(shine, front), WHITE, 0.2, soft=0.14)

    def glasses(self) -> None:
        kind, frame, colour = self.style.glasses, self.frame, self.palette.frame
        if kind == "none":
            return
        yaw, width = self.person.pose.yaw, self.person.features.width
        y, gap = EYE_HEIGHT + 0.01, self.person.features.eye_gap
        for side in (-1, 1):
            x = side * (gap + 0.01) + 0.05 * yaw
            lens = frame.ellipse(x, y, 0.165, 0.155) if kind == "round" else frame.box(x, y, 0.17, 0.125, 0.06)
            self.paint(lens, (0.1, 0.1, 0.14) if kind == "dark" else WHITE, 0.85 if kind == "dark" else 0.07)
            self.paint(np.abs(lens) - 0.017, colour)
            self.paint(frame.line(x + side * 0.165, y - 0.03, side * (width + 0.04), y - 0.05, 0.02), colour)
        bridge = frame.arc(0.05 * yaw, y - 0.01, max(gap - 0.15, 0.03), -0.03, 0.018)
        self.paint(bridge, colour)

    def hat(self) -> None:
        kind, frame, colour = self.style.hat, self.frame, self.palette.hat
        if kind == "none":
            return
        half = self.person.features.width + self.style.volume + 0.03
        dome = np.maximum(frame.ellipse(0, -0.2, half, 0.62), frame.y + 0.36)
        self.paint(dome, colour)
        if kind == "beanie":
            self.paint(frame.box(0, -0.38, half + 0.02, 0.1, 0.07), blend(colour, WHITE, 0.22))
            self.paint(frame.ellipse(0, -0.83, 0.12, 0.11), blend(colour, WHITE, 0.4))
        else:
            self.paint(frame.arc(0.16 * self.style.side, -0.37, half, -0.05, 0.075), blend(colour, BLACK, 0.3))
