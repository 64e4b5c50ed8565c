"""Situations with a known truth: a claim, and records drawn from it at random.

The score of an image under a method is: the image's own difficulty, which all methods share; the method's lead; what
the method does to this image; what its training seed moves, all images alike and each a little. Every draw is new, so
that the truth is that of all images and of all trainings.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from bench.calibration.planted import FLOOR_KEYS, KEY, SCALAR, STAGE, Array, planted_record
from bench.calibration.shapes import SHAPES, groups_of, over_groups
from bench.runs.records import Record

IMAGES = 60
"""Test images, where a situation is about seeds."""
MARGIN = 0.1
"""Of orders, in dB."""
TOLERANCE = 0.55
"""Of the cell: its margin, and half of the last digit that is printed."""
IMAGE_DEVIATION = 0.8
"""Of the difference of two methods on one image, in dB."""
SEED_AND_IMAGE = 0.2
"""What a seed moves a single image by, beside the rest, in dB."""
LENDERS = 3
"""Trainings of the method that lends its spread."""
THREE_SETS = ("center", "random", "irregular")

Claim = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """All records of a situation: trainings of the claim's sides, and those that are there from the beginning."""

    sides: Sequence[Sequence[Record]]
    others: Sequence[Record] = ()

    def at(self, trainings: int) -> list[Record]:
        """What there is when each side was trained so often."""
        return [record for side in self.sides for record in side[:trainings]] + list(self.others)


Plant = Callable[[Generator, int], Field]
"""Draws a situation in which every side of the claim is trained so many times."""


@dataclass(frozen=True)
class Seeds:
    """What another training seed does."""

    deviation: float = 0.0
    """In dB."""
    shape: str = "normal"
    lender: float | None = None
    """The deviation of a lender, as a multiple of this one; None where there is none."""

    def trained(
        self, rng: Generator, images: Array, count: int, variant: str = "default", scale: str = "quick", first: int = 0
    ) -> list[Record]:
        moved = self.deviation * SHAPES[self.shape](rng, count)
        shown = images + moved[:, None] + rng.normal(0, SEED_AND_IMAGE, (count, len(images)))
        return [planted_record(KEY, one, first + seed, variant, scale) for seed, one in enumerate(shown)]

    def lent(self, rng: Generator, scale: str = "quick") -> list[Record]:
        """Trainings of another variant, which has nothing to do with the claim but its spread."""
        if self.lender is None:
            return []
        like = Seeds(self.deviation * self.lender, self.shape)
        return like.trained(rng, rng.normal(20, 4, IMAGES), LENDERS, "other", scale)


NONE = Seeds()


def order(better: str, worse: str, mask_sets: Sequence[str] = ("center",)) -> Claim:
    return {"id": "o", "section": "1", "statement": "better", "kind": "order", "better": better, "worse": worse,
            "metric": "psnr", "mask_sets": list(mask_sets), "margin": MARGIN}  # fmt: skip


OVER_FLOOR = order("variant:default", "method:flat")
OVER_BEST_FLOOR = order("variant:default", "best floor")
FLOOR_OVER = order("method:flat", "variant:default")
OVER_OTHER = order("variant:default", "variant:other")
FLOORS = order("method:flat", "method:smooth")
FLOORS_ON_THREE = order("method:flat", "method:smooth", THREE_SETS)
CELL: Claim = {"id": "c", "section": "4", "statement": "a cell", "kind": "cell", "table": "t", "row": "ours",
               "column": "psnr", "mask_set": "center", "margin": 0.5}  # fmt: skip
PAGE = [f"v{number:02d}" for number in range(20)]
PAGE_CLAIMS = [order(f"variant:{name}", "method:flat") | {"id": name} for name in PAGE]
BOUND: Claim = {"id": "b", "section": "4", "statement": "over 25 dB", "kind": "bound", "of": "variant:default",
                "metric": "psnr", "mask_sets": ["center"], "above": 25}  # fmt: skip
WINS: Claim = {"id": "w", "section": "4", "statement": "mostly better", "kind": "wins", "better": "variant:default",
               "worse": "method:flat", "metric": "psnr", "mask_sets": ["center"]}  # fmt: skip
TREND: Claim = {"id": "t", "section": "5", "statement": "falls", "kind": "trend", "of": "variant:default",
                "metric": "psnr", "mask_sets": ["center"], "with": "hole_share", "falls": True}  # fmt: skip
FLOOR_TREND: Claim = TREND | {"of": "method:flat"}
TRACE: Claim = {"id": "v", "section": "5", "statement": "vanishes", "kind": "trace", "of": "variant:default",
                "stage": STAGE, "scalar": SCALAR, "check": "vanishes", "below": 1.0}  # fmt: skip


def _difficulty(rng: Generator, images: int = IMAGES) -> Array:
    return rng.normal(25, 4, images)


def against_floor(seeds: Seeds, lead: float = MARGIN, images: int = IMAGES) -> Plant:
    """A trained method, `lead` ahead of a floor."""

    def plant(rng: Generator, count: int) -> Field:
        floor = _difficulty(rng, images)
        ours = floor + lead + rng.normal(0, IMAGE_DEVIATION, images)
        return Field([seeds.trained(rng, ours, count)], [planted_record("flat", floor), *seeds.lent(rng)])

    return plant


def against_floors(seeds: Seeds, lead: float) -> Plant:
    """A trained method, `lead` ahead of each of three floors that are equally good."""

    def plant(rng: Generator, count: int) -> Field:
        images = _difficulty(rng)
        floors = [planted_record(name, images + rng.normal(0, IMAGE_DEVIATION, IMAGES)) for name in sorted(FLOOR_KEYS)]
        return Field([seeds.trained(rng, images + lead, count)], floors)

    return plant


def two_trained(seeds: Seeds, lead: float = MARGIN, disjoint: bool = False, own: int | None = None) -> Plant:
    """Two variants, the first `lead` ahead; `own` is how many trainings the first has, where they differ."""

    def plant(rng: Generator, count: int) -> Field:
        images = _difficulty(rng)
        ours = seeds.trained(rng, images + lead + rng.normal(0, IMAGE_DEVIATION, IMAGES), own or count)
        other = seeds.trained(rng, images, count, "other", first=count if disjoint else 0)
        return Field([ours, other])

    return plant


def both_borrow(seeds: Seeds, lead: float = MARGIN) -> Plant:
    """Two variants with a training each; another method lends both its spread."""

    def plant(rng: Generator, count: int) -> Field:
        found = two_trained(seeds, lead)(rng, count)
        lent = [
            planted_record("rival", 20 + seeds.deviation * moved + rng.normal(0, SEED_AND_IMAGE, IMAGES), seed)
            for seed, moved in enumerate(SHAPES[seeds.shape](rng, LENDERS))
        ]
        return Field(found.sides, lent)

    return plant


def shaped(shape: str, groups: int, each: int | None = 1, seeds: Seeds | None = None) -> Plant:
    """On the margin, the differences over images being of a certain shape; two floors, or two methods with `seeds`."""

    def plant(rng: Generator, count: int) -> Field:
        members = groups_of(rng, groups, each)
        worse = _difficulty(rng, len(members))
        better = worse + MARGIN + IMAGE_DEVIATION * over_groups(rng, shape, members)
        if seeds is not None:
            return Field([seeds.trained(rng, better, count), seeds.trained(rng, worse, count, "other")])
        return Field(
            [], [planted_record("flat", better, groups=members), planted_record("smooth", worse, groups=members)]
        )

    return plant


def three_sets(seeds: Seeds | None, lead: float) -> Plant:
    """`lead` on each of three mask sets, whose images have nothing to do with each other."""

    def plant(rng: Generator, count: int) -> Field:
        worse = {name: _difficulty(rng) for name in THREE_SETS}
        better = {name: one + lead + rng.normal(0, IMAGE_DEVIATION, IMAGES) for name, one in worse.items()}
        floor = planted_record("smooth", worse)
        if seeds is None:
            return Field([], [planted_record("flat", better), floor])
        trained = []
        for seed in range(count):
            moved = {name: one + rng.normal(0, seeds.deviation) for name, one in better.items()}
            trained.append(planted_record(KEY, moved, seed))
        return Field([trained], [floor])

    return plant


def page(seeds: Seeds) -> Plant:
    """As many variants as PAGE claims speak of, each on its margin, and with nothing in common but the floor."""

    def plant(rng: Generator, count: int) -> Field:
        floor = _difficulty(rng)
        sides = [
            seeds.trained(rng, floor + MARGIN + rng.normal(0, IMAGE_DEVIATION, IMAGES), count, name) for name in PAGE
        ]
        return Field(sides, [planted_record("flat", floor)])

    return plant


def cell(seeds: Seeds, off: float = TOLERANCE) -> Plant:
    """The true mean is `off` dB above the printed 25.0."""

    def plant(rng: Generator, count: int) -> Field:
        images = 25 + off + rng.normal(0, 1, IMAGES)
        return Field([seeds.trained(rng, images, count, scale="paper")], seeds.lent(rng, "paper"))

    return plant


def bound(seeds: Seeds) -> Plant:
    """The true mean is the limit."""

    def plant(rng: Generator, count: int) -> Field:
        return Field([seeds.trained(rng, rng.normal(25, 1, IMAGES), count)], seeds.lent(rng))

    return plant


def wins(seeds: Seeds) -> Plant:
    """Better on one image in two."""

    def plant(rng: Generator, count: int) -> Field:
        floor = _difficulty(rng)
        ours = seeds.trained(rng, floor + rng.normal(0, IMAGE_DEVIATION, IMAGES), count)
        return Field([ours], [planted_record("flat", floor)])

    return plant


def trend(groups: int, each: int, slope: float | None) -> Plant:
    """No trend; what groups have in common they have in both quantities. A seed tilts it by `slope` standard deviations
    of the metric for one of the other; None: a floor."""

    def plant(rng: Generator, count: int) -> Field:
        members = groups_of(rng, groups, each)
        share, images = over_groups(rng, "normal", members), over_groups(rng, "normal", members)

        def made(method: str, tilt: float, seed: int = 0) -> Record:
            values = 25 + images + tilt * share + rng.normal(0, SEED_AND_IMAGE, len(members))
            return planted_record(method, values, seed, groups=members, hole_share=0.3 + 0.05 * share)

        if slope is None:
            return Field([], [made("flat", 0.0)])
        return Field([[made(KEY, float(tilt), seed) for seed, tilt in enumerate(rng.normal(0, slope, count))]])

    return plant


def trace(deviation: float, shape: str = "normal") -> Plant:
    """The curves end, on average over seeds, on the limit of 1."""

    def plant(rng: Generator, count: int) -> Field:
        flat = np.full(IMAGES, 25.0)
        ends = 1 + deviation * SHAPES[shape](rng, count)
        curves = [np.geomspace(10, max(float(end), 1e-3), 30) for end in ends]
        return Field([[planted_record(KEY, flat, seed, curve=one) for seed, one in enumerate(_held(curves, ends))]])

    return plant


def _held(curves: Sequence[Array], ends: Array) -> list[Array]:
    """Each curve with its end for the last third, so that every part of it that may be looked at has this median."""
    return [np.concatenate([curve[:20], np.full(10, abs(end))]) for curve, end in zip(curves, ends, strict=True)]
