"""The end of a training curve, in numbers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import linregress


@dataclass(frozen=True)
class Tail:
    """The last part of a training scalar's curve; the scalar is taken in size, without its sign."""

    median: float
    peak: float
    """The largest value of the whole curve."""
    drift: float
    """How much a straight line through the tail rises or falls over it, in size."""

    scatter: float
    """Standard deviation of the tail around that line."""

    @property
    def noise(self) -> float:
        """The scatter over the tail's median: how unsteady it is."""
        return _ratio(self.scatter, self.median)

    @property
    def level(self) -> float:
        """The tail's median over the peak; 0 for a curve that is 0 throughout."""
        return _ratio(self.median, self.peak)

    @property
    def slope(self) -> float:
        """The drift over the tail's median: how far from flat it is."""
        return _ratio(self.drift, self.median)


def tail(curve: pd.DataFrame, share: float) -> Tail:
    """Of the rows of one scalar in one stage (`step`, `value`): those of the last `share` of the steps, at least two.

    The curve must have two points or more.
    """
    steps, sizes = curve["step"].to_numpy(np.float64), curve["value"].abs().to_numpy(np.float64)
    count = max(2, int((steps > (1 - share) * steps[-1]).sum()))
    ends, last = steps[-count:], sizes[-count:]
    line = linregress(ends, last)
    scatter = float(np.std(last - (line.intercept + line.slope * ends)))
    return Tail(float(np.median(last)), float(sizes.max()), abs(float(line.slope * (ends[-1] - ends[0]))), scatter)


def _ratio(value: float, whole: float) -> float:
    if whole == 0:
        return 0.0 if value == 0 else float("inf")
    return value / whole
