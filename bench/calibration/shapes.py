"""Distributions over images and seeds, with mean 0 and standard deviation 1."""

import math
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.random import Generator

from bench.calibration.planted import Array

MEASURED = Path(__file__).with_name("measured.csv")
"""PSNR of fang2021 (seed 0) minus that of navier_stokes in dB, on the 199 test images where both are finite, each
column sorted: mask sets irregular and sizes of results/runs/faces-quick/fang2021-seed0-bee8a5978b46 and
navier_stokes-seed0-4e189f3dea0c."""
LEAST, MOST = 1, 15
"""Images of a group where groups are of unequal size."""
WITHIN = 0.5
"""Share of the variance that images of one group do not have in common."""


def _skewed(rng: Generator, count: int) -> Array:
    return (rng.lognormal(0, 1, count) - math.exp(0.5)) / math.sqrt((math.e - 1) * math.e)


@lru_cache
def _measured(mask_set: str) -> Array:
    values = pd.read_csv(MEASURED)[mask_set].to_numpy(np.float64)
    standard: Array = (values - values.mean()) / values.std()
    return standard


SHAPES: dict[str, Callable[[Generator, int], Array]] = {
    "normal": lambda rng, count: rng.normal(size=count),
    "t3": lambda rng, count: rng.standard_t(3, count) / math.sqrt(3),
    "skew": _skewed,
    "skewneg": lambda rng, count: -_skewed(rng, count),
    "measured": lambda rng, count: rng.choice(_measured("irregular"), count),
    "outliers": lambda rng, count: rng.choice(_measured("sizes"), count),
}
SHAPE_WORDS = {
    "normal": "normal",
    "t3": "Student t with 3 degrees of freedom",
    "skew": "log-normal, tail upwards",
    "skewneg": "log-normal, tail downwards",
    "measured": "as measured (fang2021 against navier_stokes, mask set irregular)",
    "outliers": "as measured (the same on the mask set sizes, a few images far out)",
}


def groups_of(rng: Generator, count: int, each: int | None) -> list[int]:
    """The group of each image, for `count` groups of `each` images; None: of LEAST to MOST, at random."""
    sizes = rng.integers(LEAST, MOST + 1, count) if each is None else np.full(count, each)
    return [int(place) for place in np.repeat(np.arange(count), sizes)]


def over_groups(rng: Generator, shape: str, groups: list[int]) -> Array:
    """A value for each image; those of a group share half of their variance, which has the shape."""
    if len(set(groups)) == len(groups):
        return SHAPES[shape](rng, len(groups))
    common = SHAPES[shape](rng, max(groups) + 1)[groups]
    return math.sqrt(1 - WITHIN) * common + math.sqrt(WITHIN) * rng.normal(size=len(groups))
