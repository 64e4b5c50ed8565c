from types import MappingProxyType, SimpleNamespace

import pytest
from toy import noise

from bench.data import Data
from bench.data.protocol import Protocol
from bench.runs.cached_training import (
    MARK,
    Circumstances,
    TrainingKeys,
    curves_are_whole,
    mark,
    mark_done,
    processes_so_far,
    take_from_cache,
    training_keys,
)
from bench.runs.records import Run
from bench.training import checkpoint
from bench.util.errors import UserError

AFTER = frozenset({"iterations"})


def run(**changes):
    protocol = Protocol(data="faces", resolution=64, images=9, split=(7, 1, 1), test_images=1, mask_sets=("center",))
    values = {
        "method": "m",
        "scale": "quick",
        "seed": 0,
        "settings": {"width": 8, "iterations": 100},
        "protocol": protocol,
        "code": "c",
        "data": "d",
        "mask_sets": {"center": "s"},
    }
    return Run(**values | changes)


def data(train="a", test="b", mean=0.5):
    sides = {"train": train, "test": test}
    manifest = {"name": "x", "resolution": 64, "sha256": sides, "mean_colour": [mean] * 3}
    return Data.of(manifest, noise(), noise(4))


STAGES = [SimpleNamespace(name=name, steps=steps, batch_size=2) for name, steps in (("first", 6), ("second", 4))]


def keys(after=AFTER, later=MappingProxyType({}), device="cpu", threads=1, pictures=None, stages=STAGES, **changes):
    method = SimpleNamespace(after_training=after, from_stage=later)
    return training_keys(run(**changes), method, stages, Circumstances(pictures or data(), device, threads))


def key(**more):
    return keys(**more).whole


def test_the_key_depends_on_all_that_training_does_and_on_nothing_else():
    protocol = run().protocol.model_copy(update={"mask_sets": ("random",), "test_images": 5})
    same = [
        key(settings={"width": 8, "iterations": 5}),
        key(variant="no_blend"),
        key(scale="paper"),
        key(mask_sets={"random": "t"}, protocol=protocol),
        key(data="e", pictures=data(test="other")),
    ]
    assert set(same) == {key()}
    other = [
        key(method="n"),
        key(settings={"width": 4, "iterations": 100}),
        key(code="x"),
        key(seed=1),
        key(numbers=0),
        key(device="cuda"),
        key(threads=2),
        key(pictures=data(train="other")),
        key(pictures=data(mean=0.4)),
        key(after=frozenset()),
    ]
    assert len({key(), *other}) == len(other) + 1


def test_what_was_measured_on_held_out_images_comes_along_with_the_networks(tmp_path):
    twin, folder = (tmp_path / "runs" / "faces-quick" / f"m-seed0-{key}" for key in ("a", "b"))
    for place in (twin, folder):
        place.mkdir(parents=True)
        mark(place, TrainingKeys("k", []))
    checkpoint.save(twin / "checkpoints", "trained", {})
    (twin / "scalars.csv").write_text("scalars")
    assert take_from_cache(folder, run(), "k") == twin
    assert not (folder / "heldout.csv").exists()  # too few images to hold any out
    (twin / "heldout.csv").write_text("held out")
    assert take_from_cache(folder, run(), "k") == twin
    assert (folder / "heldout.csv").read_text() == "held out"


def test_networks_that_are_not_those_of_their_name_are_not_taken(tmp_path):
    twin, folder = (tmp_path / "runs" / "faces-quick" / f"m-seed0-{key}" for key in ("a", "b"))
    for place in (twin, folder):
        place.mkdir(parents=True)
        mark(place, TrainingKeys("k", []))
    (twin / "scalars.csv").write_text("scalars")
    path = checkpoint.save(twin / "checkpoints", "trained", {"net": {}})
    whole = path.read_bytes()
    for damaged in (whole[:-1] + bytes([whole[-1] ^ 1]), b""):
        path.write_bytes(damaged)
        assert take_from_cache(folder, run(), "k") is None
        assert not list(folder.rglob("*.pt"))
    path.write_bytes(whole)
    assert take_from_cache(folder, run(), "k") == twin


@pytest.mark.parametrize("name", ["scalars.csv", "heldout.csv"])
def test_curves_that_are_not_those_of_the_training_are_neither_taken_nor_kept(tmp_path, name):
    twin, folder = (tmp_path / "runs" / "faces-quick" / f"m-seed0-{key}" for key in ("a", "b"))
    for place in (twin, folder):
        place.mkdir(parents=True)
        mark(place, TrainingKeys("k", []), (2,))
    for table in ("scalars.csv", "heldout.csv"):
        (twin / table).write_text(table)
    checkpoint.save(twin / "checkpoints", "trained", {})
    assert curves_are_whole(twin)  # not known: it was killed before it said, or is older
    mark_done(twin)
    assert processes_so_far(twin) == [2]
    assert curves_are_whole(twin)
    assert take_from_cache(folder, run(), "k") == twin
    (twin / name).write_text("altered")
    assert not curves_are_whole(twin)
    assert take_from_cache(folder, run(), "k") is None
    (twin / name).unlink()
    assert not curves_are_whole(twin)


def test_an_altered_mark_is_told_and_makes_no_twin(tmp_path):
    folder = tmp_path / "runs" / "faces-quick" / "m-seed0-a"
    folder.mkdir(parents=True)
    mark(folder, TrainingKeys("k", []))
    (folder / MARK).write_text((folder / MARK).read_text().replace('"k"', '"l"'))
    with pytest.raises(UserError, match=r"training\.json was altered"):
        processes_so_far(folder)
    assert take_from_cache(tmp_path / "runs" / "faces-quick" / "m-seed0-b", run(), "l") is None
