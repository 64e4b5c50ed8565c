import numpy as np
import pytest
import torch
from watched import Recorder

from baselines.latent.search import search
from baselines.latent.settings import SEARCH_SETTINGS
from bench.data import Packed
from bench.masks.sets import MASK_SETS
from bench.methods.base import Batch, DataFacts, compose, fill
from bench.training.device import open_fabric
from bench.training.feed import TrainingFeed
from bench.training.loop import Training
from bench.training.options import Options
from papers.huang2022.method import METHOD, Repair, outside_change
from papers.huang2022.settings import HuangSettings

SIDE = 16
TINY = {"width": 2, "batch_size": 4, "steps": 3, "iterations": 5, "images_at_once": 4}


def tiny(images=10, **changes):
    torch.manual_seed(0)
    return METHOD(HuangSettings(**(TINY | changes)), DataFacts(SIDE, images))


def pictures(count=4):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(count, 3, SIDE, SIDE, generator=generator)
    return image, MASK_SETS["random"].holes([str(i) for i in range(count)], SIDE, SIDE)


class ToyFeed:
    def __init__(self):
        self.step, self.rng = 0, torch.Generator().manual_seed(0)

    def batch(self):
        return Batch(*pictures())


# ------------------------------------------------------------------------------------------------------------ training


@pytest.mark.parametrize(("changes", "updates"), [({}, 2), ({"g_steps": 1}, 1)])
def test_generator_updates_for_each_of_the_discriminator(changes, updates):
    """§4. All updates of a step take the same z (H11)."""
    (stage,) = tiny(**changes).stages()
    events, drawn = [], []
    stage.networks["generator"].register_forward_hook(lambda layer, inside, out: drawn.append(inside[0]))
    for name, inner in stage.optimizers.items():
        stage.optimizers[name] = Recorder(name, inner, events)
    scalars = stage.step(ToyFeed())
    assert events == ["discriminator", *["generator"] * updates]
    assert all(torch.equal(z, drawn[0]) for z in drawn)
    assert drawn[0].shape == (4, 100)
    assert drawn[0].abs().max() <= 1
    assert set(scalars) == {"discriminator", "generator", "generator_gradient", "generator_slope"}


def test_optimisers_as_printed():
    (stage,) = tiny().stages()
    for optimizer in stage.optimizers.values():
        (group,) = optimizer.param_groups
        assert (group["lr"], group["betas"], group["weight_decay"]) == (2e-4, (0.5, 0.999), 0)


def test_length_at_paper_scale():
    """1000 passes over 3000 images by 64 are 46 875 steps, however many images there are beside these."""
    for there in (3000, 4933):
        (stage,) = METHOD(HuangSettings(width=1), DataFacts(64, there)).stages()
        assert (stage.name, stage.steps, stage.images, stage.batch_size) == ("dcgan", 46_875, 3000, 64)
    (stage,) = METHOD(HuangSettings(width=1), DataFacts(64, 1000)).stages()
    assert (stage.steps, stage.images) == (15_625, 1000)


def test_it_learns_from_no_more_images_than_said():
    (stage,) = tiny(training_images=6).stages()
    pixels = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, SIDE, SIDE), np.uint8)
    train = Packed([str(i) for i in range(20)], [str(i) for i in range(20)], pixels)
    feed = TrainingFeed(stage, train, 0, torch.device("cpu"))
    seen = {round(float(value) * 255) for _ in range(12) for value in feed.batch().image[:, 0, 0, 0]}
    assert seen == set(range(6))


def test_the_default_does_not_mirror():
    (stage,) = tiny().stages()
    assert torch.equal(stage.real(ToyFeed()), 2 * pictures()[0] - 1)


# -------------------------------------------------------------------------------------------------------------- repair


def test_repair_is_the_search_and_a_hard_paste():
    method = tiny()
    image, hole = pictures()
    seed = torch.arange(4)
    networks = method.networks()
    found = search(networks["generator"], networks["discriminator"], image, hole, seed, method.settings)
    inpainter = method.inpainter()
    raw = fill(inpainter, image, hole, seed)
    assert torch.equal(raw, found.fill.clamp(0, 1))
    mask = hole.float()
    # Eq. (1): LC = G(z) * MASK + (1 - MASK) * x.
    assert torch.allclose(compose(image, hole, raw), raw * mask + (1 - mask) * image)
    assert torch.equal(inpainter.diagnostics["context_loss"], found.context_loss)


def test_how_far_the_found_picture_is_off_outside():
    image, hole = pictures()
    found = torch.rand_like(image)
    hole[0] = True
    expected = [
        np.abs(one - true)[:, ~gap].mean() if (~gap).any() else 0.0
        for one, true, gap in zip(found.numpy(), image.numpy(), hole[:, 0].numpy(), strict=True)
    ]
    assert np.allclose(outside_change(found, image, hole), expected, atol=1e-6)
    inpainter = tiny().inpainter()
    raw = inpainter.inpaint(image, hole, torch.arange(4))
    assert torch.equal(inpainter.diagnostics["outside_change"], outside_change(raw, image, hole))
    assert torch.equal(inpainter.diagnostics["repaired_change"], torch.zeros(4))


def test_how_far_a_picture_is_from_its_mirror_image():
    image, hole = pictures()
    hole[:] = False
    hole[:, :, 4:9, 3:6] = True  # on the left alone: its mirror image is out of account too
    image[0] = (image[0] + image[0].flip(-1)) / 2
    inpainter = tiny().inpainter()
    inpainter.inpaint(image, hole, torch.arange(4))
    told = inpainter.diagnostics["asymmetry"]
    both = ~(hole | hole.flip(-1))[1, 0]
    assert told[0] == pytest.approx(0, abs=1e-6)
    assert told[1] == pytest.approx(float((image[1] - image[1].flip(-1)).abs()[:, both].mean()), rel=1e-5)


def test_the_search_as_it_is_read():
    """H13: Yeh's weights in a window of 7, bamos's prior 0.1 times -log D, 1000 updates, z kept in [-1,1]."""
    read = HuangSettings()
    assert (read.context, read.window, read.reduction) == ("yeh", 7, "sum")
    assert (read.prior, read.prior_weight) == ("nonsaturating", 0.1)
    assert (read.iterations, read.search_learning_rate, read.clip, read.z_prior) == (1000, 0.01, True, "uniform")
    assert (read.blend, read.restarts, read.keep) == ("none", 1, "last")


def test_searching_brings_the_context_loss_down():
    image, hole = pictures()
    told = []
    for iterations in (0, 60):
        inpainter = tiny(iterations=iterations, search_learning_rate=0.1).inpainter()
        inpainter.inpaint(image, hole, torch.arange(4))
        told.append(inpainter.diagnostics["context_loss"])
    assert bool((told[1] < told[0]).all())


def test_preview_is_a_short_search():
    preview = tiny(iterations=1000).preview()
    assert isinstance(preview, Repair)
    assert preview.settings.iterations <= 50


def test_training_does_not_depend_on_the_search(tmp_path):
    assert METHOD.after_training == SEARCH_SETTINGS
    train = Packed(
        ["a", "b"], ["a", "b"], np.random.default_rng(0).integers(0, 256, (2, 3, SIDE, SIDE), dtype=np.uint8)
    )
    names = set()
    for place, changes in enumerate([{}, {"iterations": 0, "blend": "poisson", "prior": "none", "images_at_once": 8}]):
        training = Training(tmp_path / str(place), tiny(images=2, **changes), train, 0, open_fabric("cpu"))
        training.run(Options(), lambda *a: None, lambda *a: None)
        names.add(training.trained.name)
    assert len(names) == 1
