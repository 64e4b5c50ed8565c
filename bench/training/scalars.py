"""Training scalars: window means, checked for NaN before anything is kept."""

from typing import Any

import torch
from torch import Tensor

from bench.util.errors import UserError

POINTS = 200
"""About how many points a stage's curve has."""


def broken(what: str, step: int, stage: str) -> UserError:
    """The error message when a training has diverged."""
    return UserError(
        f"Training stopped: {what} at step {step} of stage '{stage}'. The last good checkpoint is kept;"
        " lower the learning rate (--set learning_rate=...) or try another --seed."
    )


class Scalars:
    """Collects what steps return without waiting for the device; a window's mean is one point of the curve."""

    def __init__(self, rows: list[list[Any]] | None = None) -> None:
        self.rows: list[list[Any]] = rows or []
        """[stage, step, name, value] of every full window."""
        self._names: list[str] = []
        self._pending: list[Tensor] = []
        self._first = 0

    def start(self, stage: str, steps: int, step: int, pending: Tensor | None, names: list[str]) -> None:
        self.stage, self.window = stage, max(1, steps // POINTS)
        self._first, self._names = step - (0 if pending is None else len(pending)), names
        self._pending = [] if pending is None else list(pending)

    def add(self, values: dict[str, Tensor]) -> list[list[Any]]:
        """Take one step's scalars; returns the new rows when a window is full."""
        self._names = list(values)
        self._pending.append(torch.stack([value.float() for value in values.values()]))
        if len(self._pending) < self.window:
            return []
        means = self.pending().mean(dim=0).tolist()
        step = self._first + self.window
        new = [[self.stage, step, name, mean] for name, mean in zip(self._names, means, strict=True)]
        self.rows += new
        self._pending, self._first = [], step
        return new

    def pending(self) -> Tensor:
        """The unfinished window on the CPU, (steps, names). Raises UserError at a NaN or an infinity."""
        if not self._pending:
            return torch.empty(0, len(self._names))
        table = torch.stack(self._pending).cpu()
        bad = ~torch.isfinite(table)
        if bad.any():
            row, column = (int(index) for index in bad.nonzero()[0])
            raise broken(f"{self._names[column]} is {table[row, column].item()}", self._first + row, self.stage)
        return table

    @property
    def names(self) -> list[str]:
        return self._names
