"""Time that was really worked, by a clock of the test's own."""

import pytest

from bench.runs.meter import Meter, Spent, timed


class Clock:
    """Both clocks, moved by hand."""

    def __init__(self):
        self.spent = Spent()

    def __call__(self):
        return self.spent

    def work(self, wall, cpu=None):
        self.spent += Spent(wall, wall if cpu is None else cpu)


@pytest.fixture
def clock():
    return Clock()


def meter(clock, most=1):
    heard = []
    made = Meter(lambda *words: heard.append(words), most, clock)
    return made, heard


def test_each_stage_has_its_own_steps_and_seconds_by_both_clocks(clock):
    one, heard = meter(clock)
    for stage, seconds in (("warm", 1.0), ("hot", 3.0)):
        for step in range(1, 5):
            clock.work(2 * seconds, seconds)
            one(stage, step, 4)
    assert {name: (tally.count, tally.spent) for name, tally in one.tallies.items()} == {
        "warm": (4, Spent(8.0, 4.0)),
        "hot": (4, Spent(24.0, 12.0)),
    }
    assert heard[0] == ("warm", 1, 4)
    assert len(heard) == 8


def test_steps_of_an_earlier_process_are_not_counted_nor_is_the_time_it_takes_to_find_them(clock):
    one, _ = meter(clock)
    clock.work(40.0)  # reading the checkpoint
    one("warm", 501, 600)
    for step in (502, 503):
        clock.work(1.0)
        one("warm", step, 600)
    assert one.tallies["warm"].count == 2
    assert one.tallies["warm"].spent == Spent(2.0, 2.0)


def test_batches_count_their_images_and_found_parts_none(clock):
    one, _ = meter(clock, most=16)
    one("center", 128, 200)  # a part that an earlier process has scored
    for done in (144, 160, 160):  # the last one tells again where it is
        clock.work(8.0)
        one("center", done, 200)
    assert one.tallies["center"].count == 32
    assert one.tallies["center"].spent.wall == 24.0


def test_the_hours_in_which_the_process_was_stopped_are_no_work(clock):
    one, _ = meter(clock)
    for step in range(1, 7):
        clock.work(*((36_000.0, 0.5) if step == 4 else (1.0, 1.0)))
        one("warm", step, 6)
    assert one.tallies["warm"].count == 5
    assert one.tallies["warm"].spent == Spent(5.0, 5.0)


def test_a_slow_step_is_work_as_long_as_the_processor_has_some(clock):
    one, _ = meter(clock)
    clock.work(3600.0, 60.0)
    one("warm", 1, 1)
    assert one.tallies["warm"].spent.wall == 3600.0


def test_a_block_is_timed_unless_it_was_asleep(clock):
    with timed(clock) as work:
        clock.work(2.0, 1.0)
    with timed(clock) as sleep:
        clock.work(500.0, 0.1)
    assert (work.count, work.spent) == (1, Spent(2.0, 1.0))
    assert sleep.count == 0


def test_time_goes_by_on_both_real_clocks():
    with timed() as tally:
        sum(number * number for number in range(300_000))
    assert tally.spent.cpu > 0
    assert 0 < tally.spent.wall < 60
