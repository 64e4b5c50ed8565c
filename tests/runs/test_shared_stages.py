"""Trainings that differ only in what a later stage depends on: the second takes what the first made before it."""

import shutil
from types import MappingProxyType, SimpleNamespace

import pytest
import torch
from toy import Toy, ToySettings, ToyStage, noise

from bench.data import Data
from bench.data.protocol import Protocol
from bench.methods.base import DataFacts
from bench.runs.cached_training import Circumstances, mark, take_stages_from_cache, training_keys
from bench.runs.records import Run
from bench.training.device import open_fabric
from bench.training.loop import Training
from bench.training.options import Options
from bench.util.errors import Stopped

LATER = MappingProxyType({"second": frozenset({"late", "channels"})})


class LateSettings(ToySettings):
    late: float = 0.1
    channels: int = 2


class SecondStage(ToyStage):
    def __init__(self, networks, settings):
        super().__init__("second", networks["net"], settings)
        self.networks = dict(networks)
        self.optimizers["judge"] = torch.optim.SGD(networks["judge"].parameters(), lr=settings.late)

    def step(self, feed):
        scalars = super().step(feed)
        judged = self.networks["judge"](self.networks["net"](feed.fixed(2).image)).square().mean()
        return scalars | {"judged": self.minimise("judge", judged)}


class Late(Toy):
    settings_class = LateSettings
    from_stage = LATER

    def __init__(self, settings, data):
        super().__init__(settings, data)
        self.judge = torch.nn.Conv2d(3, settings.channels, 1)

    def networks(self):
        return {"net": self.net, "judge": self.judge}

    def stages(self):
        return [ToyStage("first", self.net, self.settings), SecondStage(self.networks(), self.settings)]


def method(**settings):
    torch.manual_seed(0)
    return Late(LateSettings(**settings), DataFacts(16, 10))


def run(**settings):
    protocol = Protocol(data="faces", resolution=16, images=9, split=(7, 1, 1), test_images=1, mask_sets=("center",))
    known = {"method": "m", "scale": "quick", "seed": 0, "protocol": protocol, "code": "c", "data": "d"}
    return Run(**known, mask_sets={"center": "s"}, settings=LateSettings(**settings).model_dump())


def circumstances(threads=1):
    sides = {"train": "a", "test": "b"}
    manifest = {"name": "x", "resolution": 16, "sha256": sides, "mean_colour": [0.5] * 3}
    return Circumstances(Data.of(manifest, noise(), noise(4)), "cpu", threads)


def keys(threads=1, **settings):
    made = method(**settings)
    return training_keys(run(**settings), made, made.stages(), circumstances(threads))


def training(home, name, **settings):
    folder = home / "runs" / "faces-quick" / f"m+{name}-seed0-{name}"
    folder.mkdir(parents=True, exist_ok=True)
    mark(folder, keys(**settings))
    return Training(folder, method(**settings), noise(60), 0, open_fabric("cpu"))


def trained(one):
    one.run(Options(), lambda what, done, total: None, lambda event, facts: None)
    names = ("scalars.csv", "heldout.csv")
    return [one.trained.name, *((one.folder / name).read_bytes() for name in names)]


def test_keys_of_stages_leave_out_what_only_later_ones_depend_on():
    assert keys().stages == keys(late=0.3, channels=5).stages
    assert keys().whole != keys(late=0.3).whole
    for other in ({"learning_rate": 0.04}, {"brightness": 0.5}, {"steps": 5}, {"threads": 2}):
        changed = keys(**other)
        assert (changed.stages == keys().stages) == ("brightness" in other)
        assert changed.whole != keys().whole or "brightness" in other


def test_a_last_stage_of_another_length_shares_nothing():
    """A schedule of an earlier stage may run over all steps."""
    stages = [SimpleNamespace(name=name, steps=6, batch_size=2) for name in ("first", "second")]
    longer = [stages[0], SimpleNamespace(name="second", steps=7, batch_size=2)]
    one, other = (training_keys(run(), method(), found, circumstances()) for found in (stages, longer))
    assert one.stages != other.stages


@pytest.mark.parametrize("settings", [{"late": 0.3}, {"channels": 5}])
def test_what_was_taken_gives_the_bits_of_a_training_of_ones_own(tmp_path, settings):
    straight = trained(training(tmp_path / "alone", "b", **settings))
    trained(training(tmp_path, "a"))
    second = training(tmp_path, "b", **settings)
    taken = take_stages_from_cache(second, run(**settings), keys(**settings))
    assert taken is not None
    assert taken == (tmp_path / "runs" / "faces-quick" / "m+a-seed0-a", 1)
    assert second.begun
    fresh = training(tmp_path, "b", **settings)
    assert trained(fresh) == straight
    assert [stage.seen for stage in fresh.method.stages()] == [[], []]
    names = {path.name for path in (fresh.folder / "samples").iterdir()}
    assert names == {
        path.name for path in (tmp_path / "alone" / fresh.folder.relative_to(tmp_path) / "samples").iterdir()
    }


def test_a_training_that_took_a_stage_may_be_stopped_after_every_step(tmp_path):
    straight = trained(training(tmp_path / "alone", "b", late=0.3))
    trained(training(tmp_path, "a"))
    take_stages_from_cache(training(tmp_path, "b", late=0.3), run(late=0.3), keys(late=0.3))
    for _ in range(6):
        with pytest.raises(Stopped):
            training(tmp_path, "b", late=0.3).run(Options(minutes=0), lambda *a: None, lambda *a: None)
    assert trained(training(tmp_path, "b", late=0.3)) == straight


def test_a_damaged_or_unfinished_stage_is_not_taken(tmp_path):
    with pytest.raises(Stopped):
        training(tmp_path, "a").run(Options(minutes=0), lambda *a: None, lambda *a: None)
    second = training(tmp_path, "b", late=0.3)
    assert take_stages_from_cache(second, run(late=0.3), keys(late=0.3)) is None
    trained(training(tmp_path, "a"))
    (kept,) = (tmp_path / "runs" / "faces-quick" / "m+a-seed0-a" / "checkpoints").glob("stage-00-*.pt")
    kept.write_bytes(kept.read_bytes()[:-1])
    assert take_stages_from_cache(second, run(late=0.3), keys(late=0.3)) is None
    assert not second.begun


def test_a_training_of_a_method_that_shares_no_stage_keeps_none(tmp_path, monkeypatch):
    monkeypatch.setattr(Late, "from_stage", {})
    one = training(tmp_path, "a")
    trained(one)
    assert [path.name.split("-")[0] for path in (one.folder / "checkpoints").iterdir()] == ["trained"]
    shutil.rmtree(one.folder)
