"""The facts about a data set that a method is built with."""

from typing import NamedTuple


class DataFacts(NamedTuple):
    """What a method may know of its training data when it is built."""

    resolution: int
    """Side of the square training images, in pixels."""
    images: int
    """Number of images that a training draws from: those of the training side that are not held out."""
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    """Mean colour of the training images, in [0,1]."""
