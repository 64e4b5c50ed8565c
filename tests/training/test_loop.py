import os
import signal

import pytest
import torch
from toy import Toy, ToyStage, noise, toy

from bench.training import checkpoint
from bench.training.device import open_fabric
from bench.training.fit import fits
from bench.training.loop import Training
from bench.training.options import Options
from bench.util.errors import Stopped, UserError
from bench.util.files import sha256


def train(folder, options=Options(), method=None, log=None):
    training = Training(folder, method or toy(), noise(), 0, open_fabric("cpu"))
    training.run(options, lambda what, done, total: None, log or (lambda event, facts: None))
    return training


def train_in_pieces(folder, options, after_stop=lambda: None):
    stops = 0
    while True:
        try:
            return train(folder, options), stops
        except Stopped:
            stops += 1
            after_stop()


def test_stopped_after_every_step_is_straight_training(tmp_path):
    straight = train(tmp_path / "straight")
    pieces, stops = train_in_pieces(tmp_path / "pieces", Options(minutes=0))
    assert stops == 12
    assert pieces.trained.name == straight.trained.name
    assert (tmp_path / "pieces" / "scalars.csv").read_bytes() == (tmp_path / "straight" / "scalars.csv").read_bytes()


def test_another_seed_or_setting_gives_other_weights(tmp_path):
    first = train(tmp_path / "a").trained.name
    assert train(tmp_path / "b", method=toy(learning_rate=0.04)).trained.name != first
    other = Training(tmp_path / "c", toy(), noise(), 1, open_fabric("cpu"))
    other.run(Options(), lambda *a: None, lambda *a: None)
    assert other.trained.name != first


def test_two_checkpoints_are_kept_while_training_and_only_the_result_after_it(tmp_path):
    folder = tmp_path / "checkpoints"
    for _ in range(4):
        with pytest.raises(Stopped):
            train(tmp_path, Options(minutes=0))
    assert [path.name.rsplit("-", 1)[0] for path in sorted(folder.iterdir())] == [
        "step-00-000000003",
        "step-00-000000004",
    ]
    train(tmp_path)
    assert [path.name.split("-")[0] for path in folder.iterdir()] == ["trained"]


def test_a_damaged_checkpoint_is_passed_over_and_the_one_before_it_used(tmp_path):
    straight = train(tmp_path / "straight").trained.name
    for _ in range(3):
        with pytest.raises(Stopped):
            train(tmp_path / "run", Options(minutes=0))
    newest = max((tmp_path / "run" / "checkpoints").glob("step-*"))
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    events = []
    training = train(tmp_path / "run", log=lambda event, facts: events.append((event, facts)))
    assert events[0] == ("damaged checkpoint skipped", {"file": newest.name})
    assert events[1] == ("resumed", {"stage": 0, "step": 2})
    assert training.trained.name == straight


def test_leftovers_of_a_killed_writer_are_swept(tmp_path):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / ".step-00-000000001-abc.pt.xyz.tmp").write_bytes(b"half")
    train(tmp_path)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 1


class NanStage(ToyStage):
    def step(self, feed):
        scalars = super().step(feed)
        return {"loss": scalars["loss"] * (float("nan") if feed.step == 4 else 1)}


class NanToy(Toy):
    def stages(self):
        return [NanStage("first", self.net, self.settings)]


def test_a_nan_stops_says_where_and_keeps_the_last_good_checkpoint(tmp_path):
    method = NanToy(toy().settings, toy().data)
    with pytest.raises(UserError, match=r"loss is nan at step 4 of stage 'first'.*--set learning_rate"):
        train(tmp_path, Options(checkpoint_seconds=0), method)
    state, damaged = checkpoint.newest(tmp_path / "checkpoints")
    assert state["step"] == 4
    assert not damaged
    assert all(torch.isfinite(value).all() for value in state["networks"]["net"].values())


class BurstStage(ToyStage):
    def step(self, feed):
        scalars = super().step(feed)
        if feed.step == 4:  # the loss is still finite; the update has broken the weights
            next(iter(self.networks["net"].parameters())).data.fill_(float("inf"))
        return scalars


class BurstToy(Toy):
    def stages(self):
        return [BurstStage("first", self.net, self.settings)]


def test_weights_that_burst_are_never_kept(tmp_path):
    method = BurstToy(toy().settings, toy().data)
    with pytest.raises(UserError, match="network 'net' holds NaN or infinity at step 4 of stage 'first'"):
        train(tmp_path, Options(checkpoint_seconds=0), method)
    state, _ = checkpoint.newest(tmp_path / "checkpoints")
    assert state["step"] == 4


class SignalStage(ToyStage):
    def step(self, feed):
        if feed.step == 2:
            os.kill(os.getpid(), self.number)
        return super().step(feed)


class SignalToy(Toy):
    number = signal.SIGTERM

    def stages(self):
        stage = SignalStage("first", self.net, self.settings)
        stage.number = self.number
        return [stage]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_after_the_step_in_hand_with_everything_saved(tmp_path, number):
    method = SignalToy(toy().settings, toy().data)
    method.number = number
    before = signal.getsignal(number)
    with pytest.raises(Stopped, match="after step 3 of 6"):
        train(tmp_path, method=method)
    state, _ = checkpoint.newest(tmp_path / "checkpoints")
    assert state["step"] == 3
    assert signal.getsignal(number) is before


def test_a_stage_steps_in_order_and_leaves_pictures_and_curves(tmp_path):
    method = toy()
    stages = method.stages()
    method.stages = lambda: stages
    train(tmp_path, method=method)
    assert [stage.seen for stage in stages] == [list(range(6))] * 2
    assert len(list((tmp_path / "samples").glob("first-*.png"))) == 6
    lines = (tmp_path / "scalars.csv").read_text().splitlines()
    assert lines[0] == "stage,step,name,value"
    assert [line.split(",")[:3] for line in lines[1:8]][-1] == ["second", "1", "loss"]
    assert list((tmp_path / "tensorboard").iterdir())


class Bomb:
    """Unpickled, it leaves a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def test_a_pickle_that_does_something_under_a_right_name_is_passed_over(tmp_path):
    for content in (Bomb(str(tmp_path / "left")), {"stage": 0}, [1]):
        torch.save(content, tmp_path / "evil.pt")
        content = (tmp_path / "evil.pt").read_bytes()
        named = tmp_path / f"step-00-000000001-{sha256(content)[:16]}.pt"
        named.write_bytes(content)
        assert checkpoint.newest(tmp_path, lambda state: fits(state, toy())) == (None, [named])
        named.unlink()
    assert not (tmp_path / "left").exists()


def _unstable(state):
    state["optimizers"]["net"]["state"][0]["exp_avg"] = torch.zeros(7, 7)


def _keyless(state):
    del state["networks"]["net"]["bias"]


def _wide(state):
    state["networks"]["net"]["bias"] = torch.zeros(3, dtype=torch.float64)


def _nan(state):
    state["networks"]["net"]["bias"] += torch.nan


def _row(state):
    state["scalars"].append(["first", 1, "loss"])


def _rate(state):
    state["optimizers"]["net"]["param_groups"][0]["lr"] = "x"


PLACES = [{"step": "x"}, {"step": 6}, {"stage": 3}, {"drawn": -1}, {"names": [1]}, {"pending": None}]
CHANGES = [_unstable, _keyless, _wide, _nan, _row, _rate, *(lambda state, one=one: state.update(one) for one in PLACES)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_state_that_is_none_of_this_training_is_passed_over(tmp_path, change):
    straight = train(tmp_path / "straight").trained.name
    for _ in range(2):
        with pytest.raises(Stopped):
            train(tmp_path / "run", Options(minutes=0))
    newest = max((folder := tmp_path / "run" / "checkpoints").glob("step-*"))
    state = checkpoint.load(newest)
    assert fits(state, toy())
    change(state)
    newest.unlink()
    forged = checkpoint.save(folder, newest.name.rpartition("-")[0], state)
    events = []
    training = train(tmp_path / "run", log=lambda event, facts: events.append((event, facts)))
    assert events[0] == ("damaged checkpoint skipped", {"file": forged.name})
    assert training.trained.name == straight
