"""Reading a run's tables: scores.csv, probes.csv, scalars.csv, heldout.csv."""

import io
import re
from pathlib import Path

import pandas as pd

from bench.util.errors import UserError
from bench.util.text import UNSEEN

TEXT = ("mask_set", "suite", "image", "group", "stage", "name")
"""Columns of words; `suite` is what format 1 calls the mask set."""


def read_table(path: Path, content: bytes) -> pd.DataFrame:
    """The table in `content`, the bytes of `path`: text columns, one row for each key, numbers in all others.

    Raises UserError for anything else.
    """
    again = "Rerun with --force."
    try:
        table = pd.read_csv(io.BytesIO(content), dtype=dict.fromkeys(TEXT, str), encoding="utf-8")
    except ValueError as error:  # not UTF-8, empty, or rows of different lengths
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is not a valid table ({reason}). {again}") from error
    if not isinstance(table.index, pd.RangeIndex):
        raise UserError(f"{path} is not a valid table (rows longer than its header). {again}")
    if not {"mask_set", "suite", "stage"} & set(table.columns):
        raise UserError(f"{path} has no column mask_set. {again}")
    if table.empty:
        raise UserError(f"{path} has no rows. {again}")
    for name in TEXT:
        if name in table.columns and table[name].astype(str).str.contains(UNSEEN).any():
            raise UserError(f"{path} holds control characters in the column {name}. {again}")
    keys = [name for name in TEXT if name in table.columns] + (["step"] if "step" in table.columns else [])
    others = table.drop(columns=keys)
    if len(words := list(others.columns[[not pd.api.types.is_numeric_dtype(kind) for kind in others.dtypes]])):
        raise UserError(f"{path} has text instead of numbers in the column {words[0]}. {again}")
    keys = [name for name in keys if name != "group"]
    if len(double := table[table.duplicated(keys)]):
        row = ", ".join(str(double.iloc[0][name]) for name in keys)
        raise UserError(f"{path} has two rows for {row}. {again}")
    return table


def upgrade_columns(table: pd.DataFrame) -> pd.DataFrame:
    """A table of a record of format 1 with the names of format 2."""
    names = {name: re.sub("^told_", "aux_", name) for name in table.columns}
    return table.rename(columns=names | {"suite": "mask_set"})
