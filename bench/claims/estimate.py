"""A quantity with its uncertainty over images and training seeds, and how many more of either would settle it."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from bench.claims.contenders import InfinitePairs
from bench.claims.seed_spread import FEWEST_SEEDS, SeedSpread
from bench.claims.statistics import MOST_IMAGES, MOST_SEEDS, Interval, images_needed, seeds_needed


@dataclass(frozen=True)
class Estimate:
    """A mean, or a difference of means, on one mask set."""

    images: Interval
    """Over images alone."""
    seeds: SeedSpread
    infinite: InfinitePairs = field(default_factory=InfinitePairs)
    """Of an order: the pairs that the mean leaves out."""

    @property
    def interval(self) -> Interval:
        """Over images and, where their spread is known, seeds."""
        return self.images.widened(self.seeds.half_width or 0.0)

    @property
    def note(self) -> str:
        return "" if self.seeds.known else " (images only)"


class Advice(NamedTuple):
    """What to do about an interval that reaches over a limit."""

    words: str
    """As `; about 380 images would settle it if the spread stays (now 200)`; empty where nothing can be said."""
    seeds: int = 0
    """How many training seeds to run; 0 where seeds are not what is missing."""


def advice(estimate: Estimate, limit: float, what: str = "would settle it") -> Advice:
    """More of that which makes the interval wide, or of both where each takes more than half of the gap's square.

    Nothing where the spread of the seeds is unknown: then the seeds come first.
    """
    images, spread = estimate.images, estimate.seeds
    if images.mean is None or spread.half_width is None:
        return Advice("")
    gap, by_images, by_seeds = abs(images.mean - limit), images.reach(limit), spread.half_width
    if gap == 0:
        return Advice(f"; no number of images {what} at this mean")
    half = gap / math.sqrt(2)
    if by_seeds > by_images and by_images <= half:
        count = seeds_needed(spread.deviation, math.sqrt(gap**2 - by_images**2), _least(spread))
        if count is None:
            return Advice(f"; it would take more than {MOST_SEEDS} training seeds")
        return Advice(f"; about {count} training seeds {what} if the spread stays (now {spread.trainings})", count)
    if by_images >= by_seeds and by_seeds <= half:
        needed = images_needed(images, limit, by_seeds)
        if needed is None or needed > MOST_IMAGES:
            return Advice(f"; it would take more than {MOST_IMAGES:,} {_unit(images)}")
        return Advice(f"; about {needed} {_unit(images)} {what} if the spread stays (now {images.groups})")
    count, needed = seeds_needed(spread.deviation, half, _least(spread)), images_needed(images, limit, half)
    if count is None or needed is None or needed > MOST_IMAGES:
        return Advice(f"; it would take more than {MOST_SEEDS} training seeds or {MOST_IMAGES:,} {_unit(images)}")
    both = f"{count} training seeds and {needed} {_unit(images)} together"
    return Advice(f"; about {both} {what} if the spreads stay (now {spread.trainings} and {images.groups})", count)


def _least(spread: SeedSpread) -> int:
    return max(FEWEST_SEEDS, spread.trainings)


def _unit(interval: Interval) -> str:
    return "images" if interval.groups == interval.n else "groups of images"
