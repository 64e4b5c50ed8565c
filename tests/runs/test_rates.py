"""What is remembered of how long things take, and what an estimate makes of it."""

import pytest

from bench.runs import rates
from bench.runs.meter import Spent, Tally


def put(out, kind, count=10, wall=1.0, cpu=None, name="m", what="a", **more):
    """`count` things that take so many seconds each."""
    spent = Spent(wall, wall if cpu is None else cpu) * count
    rates.put(out, name, kind, {what: Tally(count, spent)}, **more)


def cost(out, kind="train", amounts=None, as_made=False, **more):
    return rates.find(out, "m", **more).cost(kind, amounts or {"a": 1}, as_made)


def test_nothing_is_known_at_first(tmp_path):
    assert rates.find(tmp_path, "m") is None
    put(tmp_path, "train")
    assert rates.find(tmp_path, "m").cost("score", {"center": 1}) is None
    assert rates.find(tmp_path, "m").cost("score", {"center": 0}) == Spent()


def test_a_cost_is_the_sum_over_stages_and_what_has_no_figure_takes_the_mean(tmp_path):
    put(tmp_path, "train", wall=1.0, what="a")
    put(tmp_path, "train", wall=3.0, what="b")
    assert cost(tmp_path, amounts={"a": 10, "b": 100}) == Spent(310.0, 310.0)
    assert cost(tmp_path, amounts={"c": 10}) == Spent(20.0, 20.0)


def test_a_busy_processor_is_no_slow_one(tmp_path):
    put(tmp_path, "train", wall=50.0, cpu=1.0)
    assert cost(tmp_path) == Spent(1.0, 1.0)
    assert cost(tmp_path, as_made=True).wall == 50.0
    assert str(rates.find(tmp_path, "m")) == "recorded on CPU (it was busy)"
    put(tmp_path, "train", wall=50.0, cpu=1.0, device="Card")
    assert cost(tmp_path, gpu=True).wall == 50.0


def test_threads_that_burn_time_while_they_wait_give_way_to_a_calibration(tmp_path):
    put(tmp_path, "train", wall=10.0, cpu=6.0)
    assert rates.find(tmp_path, "m").doubtful
    put(tmp_path, "train", wall=2.0, cpu=0.5, source="calibrated")
    assert not rates.find(tmp_path, "m").doubtful
    assert cost(tmp_path) == Spent(0.5, 0.5)
    assert cost(tmp_path, as_made=True).wall == 10.0


def test_no_calibration_stands_before_a_run_on_a_quiet_machine(tmp_path):
    put(tmp_path, "train", wall=1.0, cpu=1.8)
    put(tmp_path, "train", wall=0.1, source="calibrated")
    assert cost(tmp_path) == Spent(1.0, 1.8)
    assert str(rates.find(tmp_path, "m")) == "recorded on CPU"
    put(tmp_path, "score", wall=0.1, source="calibrated", what="center")
    assert str(rates.find(tmp_path, "m")) == "recorded and calibrated on CPU"


def test_the_last_run_counts_unless_it_was_short_or_the_machine_busy(tmp_path):
    put(tmp_path, "train", count=1000, wall=1.0)
    put(tmp_path, "train", count=200, wall=2.0)
    assert cost(tmp_path).wall == 2.0
    put(tmp_path, "train", count=5, wall=4.0)
    assert cost(tmp_path).wall == 2.0
    put(tmp_path, "train", count=1000, wall=9.0, cpu=3.0)
    assert cost(tmp_path, as_made=True).wall == 2.0


def test_what_was_not_done_leaves_no_file(tmp_path):
    rates.put(tmp_path, "m", "train", {"a": Tally()})
    rates.put(tmp_path, "m", "train", {})
    assert not list(tmp_path.rglob("*"))


def test_processes_share_a_training_and_its_processor_time_is_that_of_all(tmp_path):
    put(tmp_path, "train", wall=8.0)
    put(tmp_path, "score", wall=1.0)
    assert cost(tmp_path, processes=4) == Spent(2.0, 8.0)
    assert cost(tmp_path, "score", processes=4) == Spent(1.0, 1.0)
    assert "if 4 processes share it evenly" in str(rates.find(tmp_path, "m", processes=4))
    put(tmp_path, "train", wall=3.0, processes=4)
    assert cost(tmp_path, processes=4) == Spent(3.0, 12.0)
    assert cost(tmp_path) == Spent(8.0, 8.0)


def test_a_card_s_rate_is_for_cards(tmp_path):
    put(tmp_path, "train", wall=8.0)
    put(tmp_path, "train", wall=0.5, device="NVIDIA H200")
    assert cost(tmp_path, gpu=True).wall == 0.5
    assert cost(tmp_path).wall == 8.0
    assert len(list((tmp_path / "rates").iterdir())) == 2


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"device": "CPU"}', '{"device": "CPU", "time": 1, "paces": {"x": 1}}']
)
def test_a_damaged_file_is_no_rate_and_is_written_anew(tmp_path, text):
    put(tmp_path, "train")
    (path,) = (tmp_path / "rates").iterdir()
    path.write_text(text)
    assert rates.find(tmp_path, "m") is None
    put(tmp_path, "train", wall=2.0)
    assert cost(tmp_path).wall == 2.0


def test_a_folder_that_cannot_be_written_to_costs_no_run(tmp_path):
    (tmp_path / "rates").write_text("")
    put(tmp_path, "train")
    assert rates.find(tmp_path, "m") is None


def test_settings_and_resolution_have_rates_of_their_own_and_seeds_share_them():
    name = rates.name_of("m", "quick", {"steps": 1}, 64)
    assert name == rates.name_of("m", "quick", {"steps": 1}, 64)
    others = [rates.name_of("m", "quick", {"steps": 2}, 64), rates.name_of("m", "quick", {"steps": 1}, 128)]
    assert name not in others
