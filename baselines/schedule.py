"""Learning rates over a training, as functions of the step alone, so that a resumed training has them too."""

import math
from typing import Literal

Schedule = Literal["constant", "cosine"]
WARM_UP_SHARE = 0.03


def cosine(step: int, steps: int) -> float:
    """Share of the learning rate at `step` (from 0) of `steps`: 3 % warm-up, then half a cosine to 0."""
    warm_up = math.ceil(WARM_UP_SHARE * steps)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up)))


def share(schedule: Schedule, step: int, steps: int) -> float:
    """Share of the learning rate that a setting `schedule` asks for at `step` (from 0) of `steps`."""
    return 1.0 if schedule == "constant" else cosine(step, steps)
