"""From the columns of scores.csv to the number that a paper would print under each definition."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.metrics.definitions import BATCH, CONVENTIONS

PEAK = 255.0

# Each takes the column that conventions.py names, and the hole's share of the image.
_DERIVED: dict[str, Callable[[pd.Series, pd.Series], pd.Series]] = {
    "psnr_cap100": lambda psnr, share: psnr.replace(math.inf, 100.0),
    "psnr_hole": lambda psnr, share: psnr + 10 * np.log10(share),
    "psnr_zits": lambda mse, share: 1 - 10 * np.log10(mse / PEAK**2 + 1e-7),
    "psnr_range2": lambda psnr, share: psnr + 20 * math.log10(2),
    "l1_grey": lambda l1, share: PEAK / 100 * l1,
    "l1_m11": lambda l1, share: 2 * l1,
    "l2": lambda mse, share: 100 / PEAK**2 * mse,
    "l2_m11": lambda mse, share: 400 / PEAK**2 * mse,
}


def values(scores: pd.DataFrame, convention_id: str) -> "pd.Series[float] | None":
    """One value for each row of `scores`, in its order and index; None where it was not measured.

    None, too, for a definition that has no value of one image (`Convention.per_image`), and where any value is missing.
    A name that is no convention's is that of a column, such as `told_context_loss`.
    """
    if convention_id not in CONVENTIONS:
        return scores[convention_id].astype(np.float64) if _measured(scores, convention_id) else None
    convention = CONVENTIONS[convention_id]
    if not convention.per_image or not _measured(scores, convention.column):
        return None
    column = scores[convention.column].astype(np.float64)
    return column if convention.kept else _DERIVED[convention.id](column, scores["hole_share"])


def summarise(scores: pd.DataFrame, convention_id: str) -> float:
    """The value of one definition over `scores`, the rows of one suite in their order.

    A mean leaves infinite values out, as leaderboards do. NaN where it was not measured, or no value is finite;
    infinite where pooled images are all restored exactly.
    """
    convention = CONVENTIONS[convention_id]
    if convention.per_image:
        column = values(scores, convention_id)
        return math.nan if column is None else _finite_mean(column.to_numpy())
    if not _measured(scores, convention.column):
        return math.nan
    errors = scores[convention.column].to_numpy(dtype=np.float64)
    if convention.aggregate == "pooled":
        return _decibels(float(errors.mean()))
    starts = range(0, len(errors), BATCH)
    return _finite_mean(np.array([_decibels(float(errors[start : start + BATCH].mean())) for start in starts]))


def _measured(scores: pd.DataFrame, column: str) -> bool:
    return len(scores) > 0 and column in scores and not bool(scores[column].isna().any())


def _finite_mean(found: NDArray[Any]) -> float:
    finite = found[np.isfinite(found)]
    return float(finite.mean()) if len(finite) else math.nan


def _decibels(mse: float) -> float:
    return math.inf if mse == 0 else 10 * math.log10(PEAK**2 / mse)
