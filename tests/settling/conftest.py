"""A paper of toys to settle, and rates that nobody has to measure."""

import pytest
from settled import write_paper

from bench.cluster.calibrate import Calibrated
from bench.runs import rates
from bench.runs.meter import Spent, Tally


@pytest.fixture(scope="session")
def paper_of_toys():
    return write_paper


def measured(tasks, out):
    """What a calibration leaves: a tenth of a second for a step, a thousandth for an image."""
    for task in tasks:
        steps = {"first": Tally(1, Spent(0.1, 0.1)), "second": Tally(1, Spent(0.1, 0.1))}
        images = {"center": Tally(1, Spent(0.001, 0.001))}
        for kind, tallies in (("train", steps), ("score", images)):
            rates.put(out, task.rate_name, kind, tallies, source="calibrated")
    return Calibrated()


@pytest.fixture(scope="module")
def rated():
    """No calibration: it takes seconds, and its figures differ from time to time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench.settling.rounds.calibrate", measured)
        yield
