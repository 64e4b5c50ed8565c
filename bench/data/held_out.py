"""The small part of the training images that no training draws, so that a training can be watched on it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_IMAGES = 64
ONE_IN = 20
"""At most one training image in so many is held out."""
FEWEST_GROUPS = 2
"""Fewer groups have no interval: then nothing is held out."""


def held_out(groups: Sequence[str]) -> NDArray[np.int64]:
    """Indices, ascending, of the images to hold out; `groups` names the group of each training image.

    Whole groups, evenly spaced over the images' order, at most MOST_IMAGES images and one in ONE_IN. Empty where that
    leaves fewer than FEWEST_GROUPS of them: too few images, or groups too large.
    """
    members: dict[str, list[int]] = {}
    for index, group in enumerate(groups):
        members.setdefault(group, []).append(index)
    names, most = list(members), min(MOST_IMAGES, len(groups) // ONE_IN)
    count = most * len(names) // max(1, len(groups))
    chosen: list[list[int]] = []
    for place in range(count):
        # The middle of each of `count` equal parts of the list.
        images = members[names[(2 * place + 1) * len(names) // (2 * count)]]
        if sum(map(len, chosen)) + len(images) <= most:
            chosen.append(images)
    if len(chosen) < FEWEST_GROUPS:
        chosen = []
    return np.array(sorted(index for images in chosen for index in images), dtype=np.int64)


def drawn_from(groups: Sequence[str]) -> NDArray[np.int64]:
    """Indices, ascending, of the images that a training draws from: all that are not held out."""
    return np.setdiff1d(np.arange(len(groups), dtype=np.int64), held_out(groups), assume_unique=True)
