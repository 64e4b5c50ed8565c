"""What is compared in `speed campaign` gives the same; no time is asserted."""

import pytest

from bench.cli.scores import Timed
from bench.speed import campaign
from bench.speed.table import SUBJECTS


def once(calls, quick):
    for call in calls.values():
        call()
    return dict.fromkeys(calls, 2.0)


def test_every_subject_can_be_asked_for():
    assert {one.value for one in Timed} == {"all", *SUBJECTS}


@pytest.mark.slow
def test_rows(monkeypatch):
    for name, value in {"STEPS": 1, "SHARED": {"steps": 3, "l1_first_steps": 2}, "race": once}.items():
        monkeypatch.setattr(campaign, name, value)
    beside, shared = campaign.rows(quick=True)
    assert (beside.peer, shared.peer) == ("one after the other", "each on its own")
    assert beside.subject == "fang2021 side by side"
    assert shared.agreement == 0
