"""From per-image columns to the number a paper would print under each definition."""

import pandas as pd


def summarise(table: pd.DataFrame, convention_id: str) -> float:
    """The value of one definition over `table`, the score rows of one suite."""
    return float(table[convention_id].mean())
