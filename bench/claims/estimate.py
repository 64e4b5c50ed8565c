"""A quantity with its uncertainty over images and training seeds, and how many more of either would settle it."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import bench.claims.looks as looks
from bench.claims.contenders import InfinitePairs
from bench.claims.seed_spread import SeedSpread
from bench.claims.statistics import MOST_IMAGES, Interval, images_needed, seeds_needed


@dataclass(frozen=True)
class Estimate:
    """A mean, or a difference of means, on one mask set."""

    images: Interval
    """Over images alone."""
    seeds: SeedSpread
    infinite: InfinitePairs = field(default_factory=InfinitePairs)
    """Of an order: the pairs that the mean leaves out."""

    def at(self, tail: float) -> Interval:
        """Over images and, where their spread is known, seeds; with a one-sided error."""
        return self.images.at(tail).widened(self.seeds.half_width(tail))

    @property
    def tail(self) -> float:
        """The one-sided error that the look at so many trainings may spend."""
        return looks.tail(self.seeds.trainings)

    @property
    def interval(self) -> Interval:
        """The one that its look is judged by."""
        return self.at(self.tail)

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
    """The next look that would do at this spread; or else more images; or else more of both.

    Nothing where the spread of the seeds is unknown: then the seeds come first.
    """
    images, spread, now = estimate.images, estimate.seeds, estimate.seeds.trainings
    if images.mean is None or not spread.known:
        return Advice("")
    gap = abs(images.mean - limit)
    if gap == 0:
        return Advice(f"; no number of images {what} at this mean")
    later = spread.trainings and seeds_needed(
        spread.deviation, lambda tail: _rest(gap, _reach(images, limit, tail)), now
    )
    if later:
        return Advice(f"; about {later} training seeds {what} if the spread stays (now {now})", later)
    by_images = images.at(estimate.tail)
    needed = images_needed(by_images, limit, spread.half_width(estimate.tail))
    if needed is not None and needed <= MOST_IMAGES:
        return Advice(f"; about {needed} {_unit(images)} {what} if the spread stays (now {images.groups})")
    count = spread.trainings and seeds_needed(spread.deviation, lambda _: gap / math.sqrt(2), now)
    needed = images_needed(images.at(looks.tail(count or 0)), limit, gap / math.sqrt(2))
    if count and needed is not None and needed <= MOST_IMAGES:
        both = f"{count} training seeds and {needed} {_unit(images)} together"
        return Advice(f"; about {both} {what} if the spreads stay (now {now} and {images.groups})", count)
    most = f"{max(looks.LOOKS)} training seeds or " if spread.trainings else ""
    return Advice(f"; it would take more than {most}{MOST_IMAGES:,} {_unit(images)}")


def _reach(images: Interval, limit: float, tail: float) -> float:
    return images.at(tail).reach(limit)


def _rest(gap: float, taken: float) -> float:
    """What one part of a sum of squares leaves for the other; 0 where it leaves nothing."""
    return math.sqrt(max(0.0, gap**2 - taken**2))


def _unit(interval: Interval) -> str:
    return "images" if interval.groups == interval.n else "groups of images"
