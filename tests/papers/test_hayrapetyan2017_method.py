import numpy as np
import pytest
import torch
from PIL import Image

from baselines import poisson
from baselines.srgan.pictures import resized
from bench.methods.base import Batch, DataFacts, Inpainter, compose, fill
from bench.util.errors import UserError
from bench.util.seeds import seed_of
from papers.hayrapetyan2017.method import METHOD, Pipeline
from papers.hayrapetyan2017.scaling import missing_cells, reduced
from papers.hayrapetyan2017.settings import AFTER_TRAINING, HayrapetyanSettings

TINY = {
    "width": 2,
    "batch_size": 3,
    "steps": 2,
    "search_resolution": 16,
    "iterations": 2,
    "images_at_once": 4,
    "sr_width": 4,
    "sr_blocks": 1,
    "sr_discriminator_width": 2,
    "sr_crop": 32,
    "sr_batch_size": 2,
    "srresnet_steps": 2,
    "srgan_steps": 2,
}


def tiny(side=64, **changes):
    torch.manual_seed(0)
    return METHOD(HayrapetyanSettings(**(TINY | changes)), DataFacts(side, 10))


class ToyFeed:
    def __init__(self, stage, step=0, side=64):
        self.step, self.rng = step, torch.Generator().manual_seed(seed_of("toy", stage.name, step))
        generator = torch.Generator().manual_seed(step)
        small = torch.rand(stage.batch_size, 3, 6, 6, generator=generator)
        self.image = torch.nn.functional.interpolate(small, size=(side, side), mode="bicubic").clamp(0, 1)

    def batch(self):
        return Batch(self.image, torch.zeros(len(self.image), 1, *self.image.shape[-2:], dtype=torch.bool))


class Recorded(Inpainter):
    """A search that fills with one colour, and keeps what it was given."""

    images_at_once = 4

    def __init__(self, colour=0.25):
        self.colour = colour

    def inpaint(self, image, hole, seed):
        self.given = image, hole, seed
        self.diagnostics = {"context_loss": seed.float()}
        return torch.full_like(image, self.colour)


def scene(height=64, width=64, count=2):
    generator = torch.Generator().manual_seed(3)
    image = torch.rand(count, 3, 5, 5, generator=generator)
    image = torch.nn.functional.interpolate(image, size=(height, width), mode="bicubic").clamp(0, 1)
    hole = torch.zeros(count, 1, height, width, dtype=torch.bool)
    hole[..., height // 4 : height // 2, width // 4 + 1 : width // 2] = True
    return image, hole, torch.arange(count)


def pipeline(search, enlarger=None, largest=64, **changes):
    return Pipeline(search, enlarger, HayrapetyanSettings(**(TINY | changes)), largest)


# ------------------------------------------------------------------------------------------------------- the four steps


def test_the_search_sees_the_reduced_picture_and_its_missing_cells():
    image, hole, seed = scene()
    search = Recorded()
    line = pipeline(search, enlarge="bicubic")
    line.inpaint(image, hole, seed)
    given, cells, seeds = search.given
    assert torch.equal(given, reduced(image, hole, 16, "bicubic", "nothing"))
    assert torch.equal(cells, missing_cells(hole, 16))
    assert torch.equal(seeds, seed)
    assert line.diagnostics is search.diagnostics
    assert line.images_at_once == search.images_at_once


def test_the_completed_picture_is_enlarged_and_its_hole_taken():
    image, hole, seed = scene()
    result = pipeline(Recorded(), enlarge="bicubic").inpaint(image, hole, seed)
    small = compose(reduced(image, hole, 16, "bicubic", "nothing"), missing_cells(hole, 16), torch.tensor(0.25))
    pixels = small[0, 0].numpy()
    expected = np.asarray(Image.fromarray(pixels).resize((64, 64), Image.Resampling.BICUBIC)).clip(0, 1)
    assert np.abs(result[0, 0].numpy() - expected).max() < 1e-4


@pytest.mark.parametrize("count", [1, 4, 6])
def test_srgan_enlarges_four_times_then_back_to_size(count):
    method = tiny()
    network = method.networks()["sr_generator"]
    image, hole, seed = scene(48, 48, count)
    result = pipeline(Recorded(), network).inpaint(image, hole, seed)
    assert network.training
    network.eval()
    small = compose(reduced(image, hole, 16, "bicubic", "nothing"), missing_cells(hole, 16), torch.tensor(0.25))
    with torch.no_grad():
        large = torch.cat([network(one[None]) for one in small])
    assert large.shape[-1] == 64
    assert torch.allclose(result, resized((large / 2 + 0.5).clamp(0, 1), 48, 48), atol=1e-5)


@pytest.mark.parametrize(("enlarge", "network"), [("srgan", "sr_generator"), ("srresnet", "sr_resnet")])
def test_each_way_to_enlarge_has_its_network(enlarge, network):
    before = tiny().inpainter().inpaint(*scene())
    for name in ("sr_generator", "sr_resnet"):
        method = tiny(enlarge=enlarge)
        torch.nn.init.constant_(method.networks()[name].last.bias, 0.5)
        same = torch.equal(method.inpainter().inpaint(*scene()), before)
        assert same == (name != network)


def test_poisson_merge():
    image, hole, seed = scene()
    pasted = pipeline(Recorded(), enlarge="bicubic").inpaint(image, hole, seed)
    merged = pipeline(Recorded(), enlarge="bicubic", merge="poisson").inpaint(image, hole, seed)
    assert torch.equal(merged, compose(pasted, hole, poisson.blend(image, hole, pasted)))
    assert not torch.equal(merged, pasted)


def test_at_the_searchs_own_size_nothing_is_scaled():
    method = tiny(16)
    assert set(method.networks()) == {"generator", "discriminator"}
    assert [stage.name for stage in method.stages()] == ["dcgan"]
    image, hole, seed = scene(16, 16)
    line = method.inpainter()
    assert torch.equal(line.inpaint(image, hole, seed), _composed(line, image, hole, seed))
    assert str(line.sizes) == "sides of exactly 16 pixels"


def _composed(line, image, hole, seed):
    """What the search gives, its known pixels replaced by the picture's."""
    return compose(image, hole, line.search.inpaint(image, hole, seed))


@pytest.mark.parametrize(("height", "width"), [(16, 16), (17, 40), (64, 30), (45, 45), (64, 64)])
def test_sizes_up_to_four_times_the_search(height, width):
    image, hole, seed = scene(height, width)
    assert fill(tiny().inpainter(), image, hole, seed).shape == image.shape


def test_sizes_that_are_refused():
    image, hole, seed = scene(65, 64)
    with pytest.raises(UserError, match="sides of at least 16 and at most 64 pixels"):
        fill(tiny().inpainter(), image, hole, seed)
    assert fill(tiny(allow_larger=True).inpainter(), image, hole, seed).shape == image.shape


@pytest.mark.parametrize(
    ("side", "changes", "told"),
    [
        (15, {}, "images of 15 are too small"),
        (65, {}, "more than four times as large as the search's 16x16.* allow_larger"),
        (24, {}, "sr_crop = 32 is larger than the training images of 24x24"),
    ],
)
def test_training_images_that_do_not_suit(side, changes, told):
    with pytest.raises(UserError, match=told):
        tiny(side, **changes)


# ------------------------------------------------------------------------------------------------------------ training


def test_stages_in_their_order():
    assert [stage.name for stage in tiny().stages()] == ["dcgan", "srresnet", "srgan_mse"]


def test_dcgan_learns_from_reduced_pictures():
    stage = tiny().stages()[0]
    feed = ToyFeed(stage)
    pixels = feed.image[0, 0].numpy()
    expected = 2 * np.asarray(Image.fromarray(pixels).resize((16, 16), Image.Resampling.BICUBIC)).clip(0, 1) - 1
    found = stage.real(feed)
    assert found.shape == (3, 3, 16, 16)
    assert np.abs(found[0, 0].numpy() - expected).max() < 1e-5


def test_optimisers_are_the_papers():
    method = METHOD(HayrapetyanSettings(**(TINY | {"batch_size": 128})), DataFacts(64, 162_770))
    dcgan, srresnet, srgan = method.stages()
    for one in dcgan.optimizers.values():
        (group,) = one.param_groups
        assert (group["lr"], group["betas"], group["weight_decay"]) == (2e-4, (0.5, 0.999), 1e-5)
    for one in [*srresnet.optimizers.values(), *srgan.optimizers.values()]:
        (group,) = one.param_groups
        assert (group["lr"], group["betas"], group["weight_decay"]) == (1e-4, (0.9, 0.999), 0)


OTHER = {
    "iterations": 3,
    "search_learning_rate": 0.5,
    "clip": False,
    "context": "none",
    "descent": "nesterov",
    "search_schedule": "cosine",
    "start": "normal",
    "window": 5,
    "norm": "l2",
    "reduction": "mean",
    "prior": "none",
    "prior_weight": 3.0,
    "restarts": 2,
    "keep": "best",
    "blend": "none",
    "images_at_once": 8,
    "under_hole": "mean",
    "enlarge": "bicubic",
    "merge": "poisson",
    "allow_larger": True,
}


def trained(**changes):
    method = tiny(**changes)
    for stage in method.stages():
        for step in range(stage.steps):
            torch.manual_seed(seed_of(stage.name, step))
            stage.step(ToyFeed(stage, step))
    return {f"{name}.{key}": v for name, net in method.networks().items() for key, v in net.state_dict().items()}


def test_no_training_depends_on_what_comes_after_it():
    assert OTHER.keys() == AFTER_TRAINING
    plain, changed = trained(), trained(**OTHER)
    assert plain.keys() == changed.keys()
    assert all(torch.equal(plain[key], changed[key]) for key in plain)
    other = trained(reduce="area")
    assert not all(torch.equal(plain[key], other[key]) for key in plain)


@pytest.mark.parametrize("name", sorted(OTHER.keys() - {"images_at_once", "allow_larger"}))
def test_every_setting_of_the_completion_is_used(name):
    image, hole, seed = scene()

    # With steps that are far too large the last one is not the best.
    common = {"search_learning_rate": 1e4, "clip": False} if name == "keep" else {}

    def result(**changes):
        return tiny(**({"iterations": 6} | common | changes)).inpainter().inpaint(image, hole, seed)

    assert not torch.equal(result(), result(**{name: OTHER[name]}))
