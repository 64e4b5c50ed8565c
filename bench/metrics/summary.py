"""From the columns of scores.csv to the number that a paper would print under each definition."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.metrics.definitions import BATCH, DEFINITIONS

PEAK = 255.0

# Each takes the column that metric definitions.py names, and all columns.
_DERIVED: dict[str, Callable[[pd.Series, pd.DataFrame], pd.Series]] = {
    "psnr_cap100": lambda psnr, _: psnr.replace(math.inf, 100.0),
    "psnr_hole": lambda psnr, scores: psnr + 10 * np.log10(scores["hole_share"]),
    "psnr_zits": lambda mse, _: 1 - 10 * np.log10(mse / PEAK**2 + 1e-7),
    "psnr_range2": lambda psnr, _: psnr + 20 * math.log10(2),
    "tv_excess": lambda tv, scores: tv - scores["tv_truth"],
    "l1_grey": lambda l1, _: PEAK / 100 * l1,
    "l1_m11": lambda l1, _: 2 * l1,
    "l2": lambda mse, _: 100 / PEAK**2 * mse,
    "l2_m11": lambda mse, _: 400 / PEAK**2 * mse,
}


def values(scores: pd.DataFrame, definition_id: str) -> "pd.Series[float] | None":
    """One value for each row of `scores`, in its order and index; None where it was not measured.

    None, too, for a definition that has no value of one image (`MetricDefinition.per_image`), and where any value is
    missing. A name that is no metric definition's is that of a column, such as `aux_context_loss`.
    """
    if definition_id not in DEFINITIONS:
        return scores[definition_id].astype(np.float64) if _measured(scores, definition_id) else None
    definition = DEFINITIONS[definition_id]
    if not definition.per_image or not _measured(scores, definition.column):
        return None
    column = scores[definition.column].astype(np.float64)
    return column if definition.kept else _DERIVED[definition.id](column, scores)


def summarise(scores: pd.DataFrame, definition_id: str) -> float:
    """The value of one definition over `scores`, the rows of one mask set in their order.

    A mean leaves infinite values out, as leaderboards do. NaN where it was not measured, or no value is finite;
    infinite where pooled images are all restored exactly.
    """
    definition = DEFINITIONS[definition_id]
    if definition.per_image:
        column = values(scores, definition_id)
        return math.nan if column is None else _finite_mean(column.to_numpy())
    if not _measured(scores, definition.column):
        return math.nan
    errors = scores[definition.column].to_numpy(dtype=np.float64)
    if definition.aggregate == "pooled":
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
