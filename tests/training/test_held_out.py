"""Held-out training images: which they are, that no step sees them, and what is measured on them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from toy import Toy, ToyInpainter, noise, toy

from bench.data.held_out import FEWEST_GROUPS, MOST_IMAGES, drawn_from, held_out
from bench.masks.sets import MASK_SETS
from bench.training.device import open_fabric
from bench.training.feed import TrainingFeed
from bench.training.held_out import FEWER, HeldOut
from bench.training.loop import Training
from bench.training.options import Options
from bench.util.errors import Stopped


def own(count):
    return [f"i{index:05d}" for index in range(count)]


@pytest.mark.parametrize(("count", "expected"), [(2000, 64), (1280, 64), (1279, 63), (400, 20), (40, 2), (39, 0)])
def test_at_most_64_images_and_one_in_twenty_are_held_out_and_one_alone_never(count, expected):
    assert len(held_out(own(count))) == expected


def test_they_lie_evenly_over_the_images_and_not_at_an_end():
    gaps = np.diff(held_out(own(2000)))
    assert set(gaps) <= {31, 32}
    assert held_out(own(2000))[0] in (15, 16)
    assert held_out(own(2000))[-1] in range(1983, 1986)


def test_whole_groups_are_held_out_and_all_others_drawn():
    groups = [f"g{index // 4}" for index in range(800)]
    held, left = held_out(groups), drawn_from(groups)
    assert sorted([*held, *left]) == list(range(800))
    assert len(held) == 40
    assert not {groups[index] for index in held} & {groups[index] for index in left}


def test_groups_too_large_to_hold_out_are_all_drawn():
    assert len(held_out([f"photo{index // 65}" for index in range(325)])) == 0
    sizes = [1] * 100 + [300]
    uneven = [f"g{place}" for place, size in enumerate(sizes) for _ in range(size)]
    assert FEWEST_GROUPS <= len(held_out(uneven)) <= min(MOST_IMAGES, len(uneven) // 20)


def pack(count=60):
    return noise(count, side=16)


def test_no_step_draws_a_held_out_image():
    train = pack()
    stage = toy().stages()[0]
    feed = TrainingFeed(stage, train, 0, torch.device("cpu"))
    seen = torch.cat([feed.batch().image for _ in range(2 * 57 // 3)])
    every = train.tensor(list(range(60)))
    times = [int((seen == one).all(dim=(1, 2, 3)).sum()) for one in every]
    assert [place for place, count in enumerate(times) if count == 0] == held_out(train.groups).tolist() == [10, 30, 50]
    assert sum(times) == 2 * 57


def train(folder, method=None, options=Options(), images=None, log=lambda event, facts: None):
    training = Training(folder, method or toy(), images or pack(), 0, open_fabric("cpu"))
    training.run(options, lambda what, done, total: None, log)
    return training


def test_each_picture_grid_has_a_measurement_beside_it(tmp_path):
    training = train(tmp_path)
    table = pd.read_csv(tmp_path / "heldout.csv")
    assert list(table.columns) == ["stage", "step", "image", "group", "psnr_hole", "psnr_mean_fill"]
    assert list(table["image"].unique()) == ["noise-10", "noise-30", "noise-50"]
    grids = {path.stem for path in (tmp_path / "samples").glob("*.png")}
    assert {f"{stage}-{step:07d}" for stage, step in table[["stage", "step"]].drop_duplicates().to_numpy()} == grids
    # Recomputed in numpy from the trained network, pixel by pixel.
    last = table[(table["stage"] == "second") & (table["step"] == 6)].set_index("image")
    for place in (10, 30, 50):
        truth = pack().pixels[place].astype(float)
        hole = MASK_SETS["random"].hole(f"noise-{place}", 16, 16)
        picture = torch.from_numpy(truth / 255).float()[None]
        result = ToyInpainter(training.method.net).inpaint(picture, torch.from_numpy(hole)[None, None], None)
        filled = (255 * result[0].clamp(0, 1)).round().numpy()
        mean = np.round(truth[:, ~hole].mean(axis=1))[:, None]
        for name, values in (("psnr_hole", filled[:, hole]), ("psnr_mean_fill", mean)):
            expected = 10 * np.log10(255**2 / np.mean((values - truth[:, hole]) ** 2))
            assert last.loc[f"noise-{place}", name] == pytest.approx(expected, abs=1e-6)


def test_stopped_after_every_step_the_table_is_the_same_bits(tmp_path):
    train(tmp_path / "straight")
    for _ in range(12):
        with pytest.raises(Stopped):
            train(tmp_path / "pieces", options=Options(minutes=0))
        assert not (tmp_path / "pieces" / "heldout.csv").exists()
    train(tmp_path / "pieces", options=Options(minutes=0))
    assert (tmp_path / "pieces" / "heldout.csv").read_bytes() == (tmp_path / "straight" / "heldout.csv").read_bytes()


class Careless(ToyInpainter):
    """Draws from the global generator, and leaves the network in another mode."""

    def inpaint(self, image, hole, seed):
        torch.rand(1)
        self.network.eval()
        return super().inpaint(image, hole, seed)


class CarelessToy(Toy):
    def preview(self):
        return Careless(self.net)


def test_a_measurement_leaves_no_trace_in_the_training():
    torch.manual_seed(0)
    method = CarelessToy(toy().settings, toy().data)
    before = torch.get_rng_state()
    HeldOut(pack(), method).measure("first", 1)
    assert torch.equal(torch.get_rng_state(), before)
    assert method.net.training


def test_a_slow_method_is_measured_on_fewer_images_evenly_spaced():
    images = noise(2000, side=4)
    slow, usual = HeldOut(images, toy()).indices, HeldOut(images, Usual(toy().settings, toy().data)).indices
    assert (len(slow), len(usual)) == (FEWER, 64)
    assert set(slow) < set(usual)
    assert min(np.diff(slow)) > 60


class Usual(Toy):
    preview = Toy.__base__.preview


def test_too_few_images_are_all_drawn_and_the_log_says_so(tmp_path):
    events = []
    train(tmp_path, images=noise(30), log=lambda event, facts: events.append((event, facts)))
    assert ("nothing held out", {"images": 30}) in events
    assert not (tmp_path / "heldout.csv").exists()


def test_a_file_name_may_hold_a_comma(tmp_path):
    images = pack()
    named = replace(images, ids=[f"a, {name}" for name in images.ids])
    train(tmp_path, images=named)
    assert pd.read_csv(tmp_path / "heldout.csv")["image"].iloc[0] == "a, noise-10"
