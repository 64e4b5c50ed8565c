from decimal import Decimal

import pytest
import torch

from baselines.latent.search import LatentSearch
from baselines.latent.training import AVERAGE, drawing
from baselines.yeh2017.method import Yeh2017
from bench.methods.base import DataFacts
from bench.methods.catalog import find
from bench.methods.settings import DEFAULT, overrides
from bench.runs.building import build_method
from bench.util.seeds import seed_of

ENTRY = find()["yeh2017"]


def build(scale, variant=DEFAULT, images=10_000):
    return build_method(ENTRY, overrides(ENTRY.description(), scale, variant), DataFacts(64, images), seed=0)


def test_scale_paper_is_the_papers():
    settings = build("paper").settings
    assert (settings.iterations, settings.window, settings.prior, settings.prior_weight) == (
        1500,
        7,
        "saturating",
        0.003,
    )
    assert (settings.context, settings.reduction, settings.blend, settings.clip) == ("yeh", "sum", "poisson", True)
    assert (settings.z_size, settings.z_prior, settings.flip, settings.width) == (100, "uniform", True, 64)
    assert (settings.learning_rate, settings.beta1, settings.batch_size, settings.epochs) == (2e-4, 0.5, 64, 25)


def test_stages_and_networks():
    method = build("paper", images=64_000)
    (stage,) = method.stages()
    assert (stage.name, stage.steps, stage.g_steps) == ("dcgan", 25_000, 2)
    assert stage.networks == method.networks()
    assert set(method.networks()) == {"generator", "discriminator"}
    (one,) = build("paper", "g_steps_1").stages()
    assert one.g_steps == 1


def test_variants_change_the_search():
    assert build("smoke", "no_blend").settings.blend == "none"
    assert build("smoke", "no_prior").settings.prior == "none"


def test_a_preview_is_short():
    method = build("quick")
    assert isinstance(method.inpainter(), LatentSearch)
    assert method.inpainter().settings == method.settings
    preview = method.preview()
    assert (preview.settings.iterations, preview.images_at_once) == (50, 8)
    assert preview.generator is drawing(method.networks())


def test_samples_are_pictures_of_the_generator_that_is_searched():
    method = build("quick")
    with torch.no_grad():
        for weight in method.networks()[AVERAGE].parameters():
            weight.mul_(3)
    seed = seed_of(4, "samples")
    z = 2 * torch.rand(5, 100, generator=torch.Generator().manual_seed(seed)) - 1
    expected = method.networks()[AVERAGE].eval()(z).detach() / 2 + 0.5
    torch.testing.assert_close(method.samples(5, 4), expected, rtol=1e-3, atol=1e-4)
    assert method.networks()[AVERAGE] is not method.networks()["generator"]
    assert not torch.equal(method.samples(5, 4), method.samples(5, 3))


def test_the_releases_search_is_a_variant_of_the_search_alone():
    usual, theirs = build("quick").settings, build("quick", "nesterov").settings
    changed = {name for name, value in theirs if value != getattr(usual, name)}
    assert changed == {"descent", "start", "search_learning_rate"}
    assert changed <= Yeh2017.after_training
    assert (theirs.descent, theirs.start, theirs.search_learning_rate, theirs.clip) == (
        "nesterov",
        "normal",
        0.01,
        True,
    )


def test_the_search_goes_on_after_more_training():
    method = build("smoke")
    inpainter = method.inpainter()
    image, hole = torch.rand(1, 3, 64, 64), torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    hole[..., 16:48, 16:48] = True
    first = inpainter.inpaint(image, hole, torch.tensor([3]))
    with torch.no_grad():
        for weight in method.networks()["generator"].parameters():
            weight.mul_(3)
    assert not torch.equal(first, inpainter.inpaint(image, hole, torch.tensor([3])))


@pytest.mark.parametrize(
    ("row", "psnr"), [("celeba_center_ours", "19.4"), ("svhn_random80_ours", "33.0"), ("cars_half_ce", "12.6")]
)
def test_cells(row, psnr):
    table = ENTRY.description().tables["table1"]
    assert len(table.rows) == 24
    assert table.rows[row].cells["psnr"].printed == psnr
    assert table.rows[row].ours == row.endswith("_ours")


def test_the_table_says_blocks_are_lost_and_scattered_pixels_won():
    rows = ENTRY.description().tables["table1"].rows

    def lead(case):
        ours, ce = (Decimal(rows[f"{case}_{side}"].cells["psnr"].printed) for side in ("ours", "ce"))
        return ours - ce

    for data in ("celeba", "svhn", "cars"):
        assert lead(f"{data}_random80") > 0
        assert lead(f"{data}_center") < 0
        assert lead(f"{data}_half") < 0
