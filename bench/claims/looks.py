"""When claims are looked at, and what each look may cost.

Seeds are added to a comparison until it is decided, and every look at it is another chance to decide falsely. So the
numbers of trainings at which a claim is judged are laid down here, with the share of the error that each may spend
(Bonferroni's inequality: whatever the looks have in common, together they spend no more than their sum). Trainings
between two looks wait for the next one.
"""

from collections.abc import Mapping

ERROR = 0.05
"""How often a claim whose truth lies on its margin may be decided falsely to one side, all looks together."""
LOOKS: Mapping[int, float] = {1: 0.01, 3: 0.02, 5: 0.01, 8: 0.005, 12: 0.005}
"""Trainings of each side -> one-sided error. One training has no spread of its own, and borrows another method's."""
FEWEST_SEEDS = 3
"""With fewer trainings of its own, a method's numbers say nothing of another training of it."""
UNTRAINED = 0.01
"""Where nothing is trained: one look, and no spread between seeds that would cover what images far out hide."""
PLAIN = 0.025
"""Of the 95 % intervals on leaderboards."""


def look(trainings: int) -> int:
    """The last look that so many trainings reach; 0 for none."""
    return max((count for count in LOOKS if count <= trainings), default=0)


def tail(trainings: int) -> float:
    """The one-sided error of an interval by which a claim is judged; `trainings` is 0 where nothing is trained."""
    return LOOKS[look(trainings)] if trainings else UNTRAINED


def later(trainings: int) -> list[int]:
    """The looks that are still to come, with FEWEST_SEEDS or more trainings."""
    return [count for count in LOOKS if count > trainings and count >= FEWEST_SEEDS]


def p_value(least: float, trainings: int) -> float:
    """From the least tail at which a claim would be decided: at most ERROR where its look decides it."""
    return min(1.0, least * ERROR / tail(trainings))
