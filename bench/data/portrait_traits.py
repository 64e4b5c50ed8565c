"""What a drawn portrait looks like: every trait of a person, from one chance.

Traits that hang together in life hang together here: brows and beard have the hair's colour, both eyes one colour, lips
and cheeks follow the skin, a hat follows the shirt, grey hair comes with lines. So what a hole hides can be guessed
from what it leaves.
"""

from colorsys import hsv_to_rgb
from dataclasses import dataclass
from typing import TypeVar

from bench.util.seeds import Chance

Colour = tuple[float, float, float]
"""RGB in [0,1]."""
T = TypeVar("T")

SKINS = ["ffe0c4", "f8d0b0", "f1c29b", "e0ac82", "c68e62", "a46c46", "7e5034", "643f2d"]
LIGHT_HAIR = ["e8c67e", "c49854", "c8622c", "9c4626", "8a502e", "68422a", "42302a"]
DARK_HAIR = ["262022", "32261f", "42302a", "4a3226"]
MEN_HAIR = ["bald", "receding", "crop", "crop", "short", "short", "short", "bob", "afro"]
GREY_HAIR = ["a8a8ac", "c4c3c0", "e2e0dc", "8c8a8c"]
LIGHT_IRIS = ["4f86b8", "6fa0a8", "5e8f55", "7d8c5a", "8a6238", "5f4028"]
DARK_IRIS = ["5f4028", "452c1c", "382418", "6e4a2a"]


@dataclass(frozen=True)
class Pose:
    """Lengths are in half pictures, angles in radians."""

    x: float
    y: float
    scale: float
    tilt: float
    yaw: float
    """-1 to 1: how far the features turn to one side."""
    light: float
    """-1 to 1: from where the light falls."""


@dataclass(frozen=True)
class Palette:
    back_top: Colour
    back_bottom: Colour
    disc: bool
    skin: Colour
    hair: Colour
    iris: Colour
    shirt: Colour
    trim: Colour
    hat: Colour
    frame: Colour


@dataclass(frozen=True)
class Features:
    """Shapes of the face, in half pictures of a head whose scale is 1."""

    width: float
    jaw: float
    eye_gap: float
    eye_size: float
    eye_open: float
    gaze: float
    brow_lift: float
    brow_slant: float
    brow_weight: float
    nose_length: float
    nose_width: float
    mouth_width: float
    smile: float
    mouth_open: float
    """0 for a closed mouth."""
    lips: float
    blush: float
    lines: bool


@dataclass(frozen=True)
class Style:
    hair: str
    """bald, receding, crop, short, bob, long, afro, bun."""
    fringe: str
    """straight, swept, parted, back, curly."""
    volume: float
    side: float
    """-1 or 1: where the fringe, the cap or the parting points."""
    beard: str
    glasses: str
    hat: str
    collar: str
    earrings: bool
    freckles: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Traits:
    pose: Pose
    palette: Palette
    features: Features
    style: Style


def traits(chance: Chance) -> Traits:
    """One person. The order of the draws is part of the data set's version."""
    tone = chance.below(len(SKINS))
    old = chance.below(100) < 18
    soft = chance.below(2) == 0
    return Traits(_pose(chance), _palette(chance, tone, old), _features(chance, old, soft), _style(chance, tone, soft))


def _pose(chance: Chance) -> Pose:
    return Pose(
        x=_uniform(chance, -0.07, 0.07),
        y=_uniform(chance, -0.04, 0.06),
        scale=_uniform(chance, 0.92, 1.08),
        tilt=_uniform(chance, -0.14, 0.14),
        yaw=_uniform(chance, -1, 1),
        light=_uniform(chance, -1, 1),
    )


def _palette(chance: Chance, tone: int, old: bool) -> Palette:
    fair = tone < 4
    hue = _uniform(chance, 0, 1)
    shirt_hue = (hue + _uniform(chance, 0.25, 0.75)) % 1
    shirt = hsv_to_rgb(shirt_hue, _uniform(chance, 0.35, 0.75), _uniform(chance, 0.45, 0.95))
    hairs = GREY_HAIR if old else LIGHT_HAIR if fair and chance.below(4) else DARK_HAIR
    return Palette(
        back_top=hsv_to_rgb(hue, _uniform(chance, 0.08, 0.26), _uniform(chance, 0.9, 1)),
        back_bottom=hsv_to_rgb((hue + _uniform(chance, -0.1, 0.1)) % 1, _uniform(chance, 0.22, 0.45), 0.86),
        disc=chance.below(3) == 0,
        skin=_near(chance, SKINS[tone]),
        hair=_near(chance, _pick(chance, hairs)),
        iris=_near(chance, _pick(chance, LIGHT_IRIS if fair else DARK_IRIS)),
        shirt=shirt,
        trim=_pick(chance, [(0.97, 0.96, 0.94), blend(shirt, (0, 0, 0), 0.35), blend(shirt, (1, 1, 1), 0.45)]),
        hat=hsv_to_rgb((shirt_hue + _uniform(chance, -0.06, 0.06)) % 1, 0.55, _uniform(chance, 0.4, 0.8)),
        frame=_pick(chance, [(0.13, 0.13, 0.16), (0.42, 0.22, 0.12), (0.55, 0.12, 0.18), (0.72, 0.58, 0.3)]),
    )


def _features(chance: Chance, old: bool, soft: bool) -> Features:
    return Features(
        width=_uniform(chance, 0.49, 0.56),
        jaw=_uniform(chance, 0.68, 0.8) if soft else _uniform(chance, 0.8, 0.93),
        eye_gap=_uniform(chance, 0.2, 0.245),
        eye_size=_uniform(chance, 0.95, 1.2) if soft else _uniform(chance, 0.82, 1.05),
        eye_open=_uniform(chance, 0.72, 1),
        gaze=_uniform(chance, -1, 1),
        brow_lift=_uniform(chance, -0.02, 0.03),
        brow_slant=_uniform(chance, -0.025, 0.03),
        brow_weight=_uniform(chance, 0.014, 0.022) if soft else _uniform(chance, 0.022, 0.034),
        nose_length=_uniform(chance, 0.15, 0.2),
        nose_width=_uniform(chance, 0.055, 0.09),
        mouth_width=_uniform(chance, 0.13, 0.19),
        smile=_uniform(chance, 0.02, 0.085),
        mouth_open=_uniform(chance, 0.6, 1) if chance.below(5) < 2 else 0.0,
        lips=_uniform(chance, 0.35, 0.8) if soft else _uniform(chance, 0.05, 0.3),
        blush=_uniform(chance, 0.1, 0.45),
        lines=old,
    )


def _style(chance: Chance, tone: int, soft: bool) -> Style:
    hair = _pick(chance, ["short", "bob", "long", "long", "bun", "afro"] if soft else MEN_HAIR)
    fringe = "curly" if hair == "afro" else _pick(chance, ["straight", "swept", "swept", "parted", "back", "curly"])
    count = 8 + 2 * chance.below(5) if tone < 4 and chance.below(6) == 0 else 0
    return Style(
        hair=hair,
        fringe=fringe,
        volume=_uniform(chance, 0.05, 0.11),
        side=1.0 if chance.below(2) else -1.0,
        beard="none"
        if soft
        else _pick(chance, ["none", "none", "none", "stubble", "full", "full", "goatee", "moustache"]),
        glasses=_pick(chance, ["none"] * 9 + ["round", "round", "square", "square", "dark"]),
        hat=_pick(chance, ["none"] * 12 + ["beanie", "cap"]) if hair != "bun" else "none",
        collar=_pick(chance, ["crew", "vee", "shirt", "stripes", "hood"]),
        earrings=chance.below(2) == 0 if soft else chance.below(12) == 0,
        freckles=tuple((_uniform(chance, -1, 1), _uniform(chance, -1, 1)) for _ in range(count)),
    )


def blend(first: Colour, second: Colour, share: float) -> Colour:
    """`first` with `share` of `second` in it."""
    red, green, blue = (a + share * (b - a) for a, b in zip(first, second, strict=True))
    return red, green, blue


def _near(chance: Chance, code: str) -> Colour:
    red, green, blue = (int(code[start : start + 2], 16) / 255 + _uniform(chance, -0.02, 0.02) for start in (0, 2, 4))
    return red, green, blue


def _pick(chance: Chance, values: list[T]) -> T:
    return values[chance.below(len(values))]


def _uniform(chance: Chance, low: float, high: float) -> float:
    return low + (high - low) * chance.below(2**32) / 2**32
