"""A part of a task: what one job does, and how long it has."""

import os
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bench.cluster.task import Kind

JOB_START = "INPAINT_BENCH_JOB_START"
"""Environment: when the job began, in seconds of the epoch. Loading modules, containers and torch counts too."""


class JobPart(BaseModel):
    """What one job does: paths and settings only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path
    submission: str
    code: Path
    kind: Kind
    part: int
    parts: int
    seconds: float | None = None
    """When a training saves itself and ends, after the job's start. None: when it is done."""
    heartbeat_seconds: float = 10.0
    gpus: int = 0
    """How many were asked for."""


def seconds_left(seconds: float | None) -> float | None:
    """Until a training should save itself and end."""
    if seconds is None:
        return None
    return max(0.0, seconds - (time.time() - float(os.environ.get(JOB_START, time.time()))))
