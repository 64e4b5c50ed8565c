"""What a settlement has decided to run so far: a killed one goes on with it, and chooses as if nothing had happened."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.runs.rates import Rate
from bench.settling.question import Wanted
from bench.util.errors import UserError
from bench.util.files import read_sealed, sealed, sha256, write_json


class Round(BaseModel):
    """Runs that are made together, and then judged."""

    model_config = ConfigDict(extra="forbid")

    questions: list[str]
    runs: list[Wanted]
    """Longest first."""
    estimated: float
    """Seconds, by which the budget counts."""
    took: float = 0.0
    """Seconds on the clock, up to the last run that was made."""


class Journal(BaseModel):
    """One settlement: OUT/settling/<papers>-<hash>.json.

    Rates are those at its start: what is chosen depends on verdicts alone, and not on how long things took or when they
    were interrupted.
    """

    model_config = ConfigDict(extra="forbid")

    asked: dict[str, Any]
    """What was asked for, and the code of the methods: with other code it is another settlement."""
    at_once: int
    """Runs that share the machine."""
    rates: dict[str, Rate]
    before: dict[str, str]
    """The verdicts at its start, by question."""
    rounds: list[Round] = []

    @property
    def spent(self) -> float:
        """Seconds of the budget."""
        return sum(one.estimated for one in self.rounds)

    @property
    def took(self) -> float:
        return sum(one.took for one in self.rounds)

    def write(self, out: Path) -> None:
        path = journal_path(out, self.asked)
        write_json(path, sealed(self.model_dump(mode="json")))


def journal_path(out: Path, asked: Mapping[str, Any]) -> Path:
    mark = sha256(json.dumps(asked, sort_keys=True).encode())[:8]
    return out / "settling" / f"{'-'.join(asked['papers'])}-{mark}.json"


def read_journal(out: Path, asked: Mapping[str, Any]) -> Journal | None:
    """None where the settlement has not begun. Raises UserError for a file that is none of ours."""
    path = journal_path(out, asked)
    if not path.exists():
        return None
    try:
        return Journal.model_validate(read_sealed(path))
    except ValidationError as error:
        raise UserError(f"{path} is not a valid journal. Delete it; finished runs are kept.") from error
