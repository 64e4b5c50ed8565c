"""Draws a portrait from its traits, from the back to the front."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bench.data.portrait_face import BLACK, EYE_HEIGHT, WHITE, Face
from bench.data.portrait_shapes import Frame, Shape, join
from bench.data.portrait_traits import Traits, blend

BAND = 16384
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
        self.body = room.moved(0.6 * pose.x, pose.y, pose.scale)
        self.frame = room.moved(pose.x, pose.y, pose.scale, pose.tilt)
        width = person.features.width
        self.face = self.frame.near(0, 0.025, width + 0.1, 0.72)
        skull = self.face.ellipse(0, -0.1, width, 0.53)
        self.head = join(skull, self.face.ellipse(0, 0.2, width * person.features.jaw, 0.44), 0.08)

    def draw(self) -> NDArray[np.uint8]:
        self.background()
        self.back_hair()
        self.shirt()
        self.neck()
        self.ears()
        self.skin()
        Face(self.face, self.head, self.person).draw()
        self.fringe()
        self.glasses()
        self.hat()
        rounded = np.rint(np.clip(self.room.pixels, 0, 1) * 255).astype(np.uint8)
        return np.ascontiguousarray(rounded.transpose(1, 2, 0))

    def background(self) -> None:
        top, bottom = np.reshape(self.palette.back_top, (3, 1, 1)), np.reshape(self.palette.back_bottom, (3, 1, 1))
        self.room.pixels[...] = top + (bottom - top) * (self.room.y[:, :1] + 1) / 2  # alike along a row
        if self.palette.disc:
            # Its edge is as wide as those of the portrait.
            room = replace(self.room, pixel=self.frame.pixel)
            room.paint(room.ellipse(0, 0.05, 0.88, 0.88), WHITE, 0.3)

    def back_hair(self) -> None:
        length = {"bob": 0.42, "long": 0.98}.get(self.style.hair)
        hair = blend(self.palette.hair, BLACK, 0.22)
        half = self.person.features.width + self.style.volume
        if self.style.hair == "afro":
            frame = self.frame.near(0, -0.2, half + 0.17, 0.66)
            frame.paint(frame.ellipse(0, -0.2, half + 0.17, 0.66), self.palette.hair)
        if self.style.hair == "bun":
            frame = self.frame.near(0, -0.74, 0.23, 0.2)
            frame.paint(frame.ellipse(0, -0.74, 0.23, 0.2), self.palette.hair)
        if length:
            frame = self.around_hair(length)
            fall = frame.box(0, (length - 0.15) / 2, half + 0.03, (length + 0.15) / 2, 0.16)
            frame.paint(join(self.cap(frame), fall, 0.1), hair)

    def around_hair(self, length: float) -> Frame:
        """The part that holds the cap and all hair down to `length`."""
        top, bottom = -0.72 - self.style.volume, max(length, 0.41 + self.style.volume) + 0.03
        half = self.person.features.width + self.style.volume + 0.1
        return self.frame.near(0, (top + bottom) / 2, half, (bottom - top) / 2)

    def cap(self, frame: Frame) -> Shape:
        """The outline of the hair on top of the head."""
        return frame.ellipse(0, -0.14, self.person.features.width + self.style.volume, 0.55 + self.style.volume)

    def shirt(self) -> None:
        shirt, trim = self.palette.shirt, self.palette.trim
        frame = self.body.near(0, 1.5, 0.86, 0.72)
        torso = frame.box(0, 1.5, 0.86, 0.72, 0.42)
        frame.paint(torso, shirt)
        if self.style.collar == "stripes":
            for height in (0.9, 1.02, 1.14):
                frame.paint(np.maximum(torso, np.abs(frame.y - height) - 0.026), trim)
        frame = self.body.near(0, 0.86, 0.5, 0.24)
        if self.style.collar == "hood":
            frame.paint(np.maximum(frame.ellipse(0, 0.86, 0.5, 0.24), 0.5 - frame.y), blend(shirt, BLACK, 0.2))
        if self.style.collar == "crew":
            frame.paint(frame.ellipse(0, 0.8, 0.31, 0.15), trim)

    def neck(self) -> None:
        frame, skin = self.body.near(0, 0.67, 0.38, 0.46), self.palette.skin
        dark = blend(skin, (0.35, 0.1, 0.1), 0.2)
        column = frame.box(0, 0.55, 0.2, 0.3, 0.08)
        base = frame.ellipse(0, 0.8, 0.25, 0.11)
        if self.style.collar in ("vee", "shirt"):
            opening = np.maximum(frame.ellipse(0, 0.78, 0.27, 0.3), np.abs(frame.x) * 1.2 + frame.y - 1.06)
            base = np.minimum(base, opening)
        neck = join(column, base, 0.06)
        frame.paint(neck, dark)
        frame.paint(np.maximum(neck, 0.74 - frame.y), skin, 0.6, soft=0.05)
        if self.style.collar == "shirt":
            for side in (-1, 1):
                frame.paint(frame.line(side * 0.3, 0.76, side * 0.14, 0.98, 0.065), self.palette.trim)

    def ears(self) -> None:
        skin, width = self.palette.skin, self.person.features.width
        hidden = self.style.hair in ("bob", "long", "afro")
        for side in () if hidden else (-1, 1):
            x = side * (width + 0.01)
            frame = self.frame.near(x, 0.02, 0.085, 0.12)
            frame.paint(frame.ellipse(x, 0.02, 0.085, 0.12), blend(skin, BLACK, 0.06))
            frame.paint(frame.ellipse(x + 0.01 * side, 0.02, 0.045, 0.07), blend(skin, (0.6, 0.15, 0.15), 0.25))
        for side in (-1, 1) if self.style.earrings else ():
            frame = self.frame.near(side * (width + 0.03), 0.17, 0.038, 0.038)
            frame.paint(frame.ellipse(side * (width + 0.03), 0.17, 0.038, 0.038), (0.93, 0.78, 0.36))

    def skin(self) -> None:
        light, frame = self.person.pose.light, self.face
        fall = np.clip(0.5 - 0.5 * light * frame.x / 0.5 + 0.25 * frame.y, 0, 1)
        skin = np.reshape(self.palette.skin, (3, 1, 1))
        dark = np.reshape(blend(self.palette.skin, (0.4, 0.12, 0.12), 0.24), (3, 1, 1))
        frame.paint(self.head, skin + (dark - skin) * fall * abs(light))

    def hairline(self, u: Shape) -> Shape:
        """The height above which the fringe lies, at each of the places `u` to the right of the middle."""
        side = self.style.side
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
        hair, light = self.style.hair, self.person.pose.light
        if hair == "bald":
            frame = self.frame.near(-0.2 * light, -0.45, 0.21, 0.11)
            frame.paint(frame.ellipse(-0.2 * light, -0.45, 0.14, 0.07), WHITE, 0.25, soft=0.06)
            return
        drop = {"bob": 0.38, "long": 0.55, "afro": 0.12}.get(hair, 0.02)
        width, frame = self.person.features.width, self.around_hair(drop)
        sides = np.maximum(width - 0.055 + 0.1 * np.maximum(frame.y, 0) - np.abs(frame.x), frame.y - drop)
        outline = self.cap(frame)
        if hair in ("bob", "long"):
            half = width + self.style.volume
            outline = join(outline, frame.box(0, drop / 2, half + 0.03, drop / 2 + 0.1, 0.12), 0.1)
        elif hair in ("crop", "receding"):
            outline = outline + self.style.volume - 0.03
        front = np.maximum(outline, np.minimum(0.8 * (frame.y - self.hairline(frame.x)), sides))
        frame.paint(front, blend(self.palette.skin, BLACK, 0.35), 0.25, soft=0.05)
        frame.paint(front, self.palette.hair)
        shine = frame.near(-0.22 * light, -0.6, 0.6, 0.18)
        patch = np.maximum(shine.ellipse(-0.22 * light, -0.6, 0.3, 0.09), shine.part(front, frame))
        shine.paint(patch, WHITE, 0.2, soft=0.14)

    def glasses(self) -> None:
        kind, colour = self.style.glasses, self.palette.frame
        if kind == "none":
            return
        yaw, width = self.person.pose.yaw, self.person.features.width
        y, gap = EYE_HEIGHT + 0.01, self.person.features.eye_gap
        for side in (-1, 1):
            x = side * (gap + 0.01) + 0.05 * yaw
            frame = self.frame.near(x, y, 0.19, 0.18)
            lens = frame.ellipse(x, y, 0.165, 0.155) if kind == "round" else frame.box(x, y, 0.17, 0.125, 0.06)
            frame.paint(lens, (0.1, 0.1, 0.14) if kind == "dark" else WHITE, 0.85 if kind == "dark" else 0.07)
            frame.paint(np.abs(lens) - 0.017, colour)
            start, end = x + side * 0.165, side * (width + 0.04)
            frame = self.frame.near((start + end) / 2, y - 0.04, abs(end - start) / 2 + 0.02, 0.03)
            frame.paint(frame.line(start, y - 0.03, end, y - 0.05, 0.02), colour)
        half = max(gap - 0.15, 0.03)
        frame = self.frame.near(0.05 * yaw, y - 0.01, half + 0.02, 0.06)
        frame.paint(frame.arc(0.05 * yaw, y - 0.01, half, -0.03, 0.018), colour)

    def hat(self) -> None:
        kind, colour = self.style.hat, self.palette.hat
        if kind == "none":
            return
        half = self.person.features.width + self.style.volume + 0.03
        frame = self.frame.near(0, -0.6, half + 0.06, 0.36)
        dome = np.maximum(frame.ellipse(0, -0.2, half, 0.62), frame.y + 0.36)
        frame.paint(dome, colour)
        if kind == "beanie":
            frame.paint(frame.box(0, -0.38, half + 0.02, 0.1, 0.07), blend(colour, WHITE, 0.22))
            frame.paint(frame.ellipse(0, -0.83, 0.12, 0.11), blend(colour, WHITE, 0.4))
        else:
            x = 0.16 * self.style.side
            frame = self.frame.near(x, -0.4, half + 0.08, 0.15)
            frame.paint(frame.arc(x, -0.37, half, -0.05, 0.075), blend(colour, BLACK, 0.3))
