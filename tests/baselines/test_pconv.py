from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from torchvision.models.vgg import cfgs, make_layers
from watched import SameBatch, copied, same

from baselines import vgg as features
from baselines.pconv import losses
from baselines.pconv.method import METHOD, PConvSettings
from baselines.pconv.networks import PartialUNet
from baselines.unet import levels_at, sizes, widths
from bench.methods.base import DataFacts, fill
from bench.methods.settings import DEFAULT, build, overrides
from bench.paper import read_paper
from bench.util.errors import UserError

PAPER = read_paper(Path(__file__).resolve().parents[2] / "baselines" / "pconv" / "paper.toml")
TINY = {"width": 4, "levels": 3, "batch_size": 4, "steps": 3, "tuning_steps": 2}


def tiny(side=32, **changes):
    torch.manual_seed(0)
    return METHOD(PConvSettings(**(TINY | changes)), DataFacts(side, 16))


def box(count=2, side=32, first=8, end=24):
    hole = torch.zeros(count, 1, side, side, dtype=torch.bool)
    hole[..., first:end, first:end] = True
    return hole


# ------------------------------------------------------------------------------------------------------------- network


def layer_table(width, levels):
    """Parameters of the U-Net by its description, layer by layer: convolution, normalisation, the one bias."""
    channels = [3] + [min(width << level, 8 * width) for level in range(levels)]
    count = 3
    for level, (before, after) in enumerate(pairwise(channels)):
        kernel = (7, 5, 5, 3, 3, 3, 3, 3)[level]
        count += kernel**2 * before * after + (2 * after if level else 0)
        count += 9 * (after + before) * before + (2 * before if level else 0)
    return count


@pytest.mark.parametrize(("width", "levels"), [(64, 7), (16, 5), (4, 3)])
def test_parameters_by_the_layer_table(width, levels):
    assert sum(weight.numel() for weight in PartialUNet(width, levels).parameters()) == layer_table(width, levels)
    assert layer_table(64, 7) == PAPER.parameters["generator"] == 25_779_796


def test_layers():
    network = PartialUNet(8, 7)
    assert [layer.conv.weight.shape[-1] for layer in network.encoder] == [7, 5, 5, 3, 3, 3, 3]
    assert widths(64, 7) == [64, 128, 256, 512, 512, 512, 512]
    biased = [name for name, _ in network.named_parameters() if "conv.bias" in name]
    assert biased == ["decoder.6.conv.bias"]
    plain = [name for name, layer in network.named_modules() if isinstance(layer, torch.nn.Identity)]
    assert plain == ["encoder.0.norm", "decoder.6.activation", "decoder.6.norm"]
    assert len(network.encoder_norms()) == 6


@pytest.mark.parametrize(("resolution", "expected"), [(32, 4), (64, 5), (160, 5), (256, 7), (512, 7), (96, 5)])
def test_levels_by_resolution(resolution, expected):
    assert levels_at(resolution, None, most=7, least=2) == expected
    assert sizes(expected).fit(resolution, resolution)


def test_a_resolution_that_cannot_be_halved_is_refused():
    with pytest.raises(UserError, match="resolution of 160 cannot be halved 7 times without rounding, only 5 times"):
        tiny(160, levels=7)
    with pytest.raises(UserError, match="resolution of 33 cannot be halved 1 times"):
        tiny(33, levels=None)
    assert tiny(160, levels=None).inpainter().sizes == sizes(5)


def with_a_mask_for_each_channel(network, colours, hole):
    """The same pass with masks as large as the features, as the public codes have them."""

    def layer(one, x, mask):
        ones, full = torch.ones_like(one.conv.weight), one.conv.weight[0].numel()
        options = {"stride": one.conv.stride, "padding": one.conv.padding}
        found = F.conv2d(mask, ones, **options)
        x = F.conv2d(x * mask, one.conv.weight, **options) * full / (found + 1e-8) * found.clamp(0, 1)
        if one.conv.bias is not None:
            x = x + one.conv.bias.view(1, -1, 1, 1) * found.clamp(0, 1)
        return one.activation(one.norm(x)), found.clamp(0, 1)

    kept = [(colours, (~hole).float().expand_as(colours))]
    for one in network.encoder:
        kept.append(layer(one, *kept[-1]))
    now = kept.pop()
    for one in network.decoder:
        beside = kept.pop()
        now = [
            torch.cat([v.repeat_interleave(2, 2).repeat_interleave(2, 3), w], 1)
            for v, w in zip(now, beside, strict=True)
        ]
        now = layer(one, *now)
    return now[0]


def test_one_plane_a_group_is_a_mask_for_each_channel():
    network, colours, hole = PartialUNet(4, 3).eval(), torch.randn(2, 3, 32, 32), box(end=31)
    torch.nn.init.normal_(network.decoder[-1].conv.bias)
    expected = with_a_mask_for_each_channel(network, colours, hole)
    assert torch.allclose(network(colours, hole), expected, atol=1e-5)


def test_what_no_known_pixel_reaches_is_grey():
    network = PartialUNet(4, 1).eval()
    torch.nn.init.ones_(network.decoder[-1].conv.bias)
    hole = torch.ones(1, 1, 32, 32, dtype=torch.bool)
    hole[..., 0, 0] = False
    result = network(torch.rand(1, 3, 32, 32), hole)
    assert not result[..., 16:, 16:].any()
    assert result[..., 0, 0].any()


def test_colours_under_the_hole_have_no_influence():
    network, colours, hole = PartialUNet(4, 3), torch.randn(2, 3, 32, 32), box()
    other = torch.where(hole, 1e3 * torch.randn_like(colours), colours)
    assert torch.equal(network(colours, hole), network(other, hole))


# -------------------------------------------------------------------------------------------------------------- losses


def test_pixel_terms_are_means_over_the_whole_picture():
    truth, result, hole = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32), box()
    inside = (result - truth).abs()[..., 8:24, 8:24].sum() / truth.numel()
    assert torch.allclose(losses.missing(result, truth, hole), inside)
    assert torch.allclose(losses.valid(result, truth, hole) + inside, F.l1_loss(result, truth))


def test_variation_counts_pairs_in_the_dilated_hole():
    hole = box(count=1, side=8, first=3, end=5)
    ramp = torch.arange(8.0).expand(1, 3, 8, 8)
    # Dilated it is 4x4: 4 rows of 3 pairs across, each 1 apart; down the ramp is flat.
    assert torch.allclose(losses.variation(ramp, hole), torch.tensor(3 * 4 * 3 / (3 * 64)))
    outside = ramp.clone()
    outside[..., :2, :] = 50.0
    assert torch.equal(losses.variation(outside, hole), losses.variation(ramp, hole))


def test_gram_matrix():
    x = torch.randn(2, 4, 3, 5)
    expected = torch.einsum("ncij,ndij->ncd", x, x) / (4 * 3 * 5)
    assert torch.allclose(losses.gram(x), expected, atol=1e-6)


@pytest.fixture
def vgg(monkeypatch):
    """VGG-16's layers up to the third pooling with random weights, in place of the published file."""
    torch.manual_seed(0)
    layers = make_layers(cfgs["D"])[:17]
    monkeypatch.setattr(
        features.weights, "load", lambda published, path: {f"features.{k}": v for k, v in layers.state_dict().items()}
    )
    features.vgg16_pools.cache_clear()
    yield layers
    features.vgg16_pools.cache_clear()


def test_vgg_terms(vgg):
    result, composite, truth = (torch.rand(2, 3, 16, 16) * 2 - 1 for _ in range(3))
    mean, sd = (torch.tensor(x).view(3, 1, 1) for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    found = losses.Vgg16Terms("weights.pth")(result, composite, truth)
    perceptual = style = 0.0
    for picture in (result, composite):
        x, y = ((p / 2 + 0.5 - mean) / sd for p in (picture, truth))
        for place, one in enumerate(vgg):
            with torch.no_grad():
                x, y = one(x), one(y)
            if place in (4, 9, 16):
                channels, values = x.shape[1], x[0].numel()
                perceptual += (x - y).abs().sum() / x.numel()
                grams = [torch.einsum("ncij,ndij->ncd", z, z) / values for z in (x, y)]
                style += (grams[0] - grams[1]).abs().sum(dim=(1, 2)).mean() / channels**2
    assert torch.allclose(found["perceptual"], perceptual, rtol=1e-5)
    assert torch.allclose(found["style"], style, rtol=1e-5)
    assert losses.Vgg16Terms("weights.pth").parts is features.vgg16_pools("weights.pth")


def test_with_weights_the_stages_say_so_and_the_terms_are_there(vgg):
    main, tuning = tiny(vgg16_file="weights.pth").stages()
    assert (main.name, tuning.name) == ("main_vgg16", "tuning_vgg16")
    scalars = main.step(SameBatch(main))
    assert set(scalars) == {"valid", "hole", "variation", "perceptual", "style", "generator"}
    assert all(float(value) > 0 for value in scalars.values())


def test_another_file_is_refused(tmp_path):
    path = tmp_path / "vgg16.pth"
    path.write_bytes(b"something else")
    with pytest.raises(UserError, match=r"vgg16.pth is not the published vgg16-397923af\.pth"):
        tiny(vgg16_file=str(path)).stages()


# ------------------------------------------------------------------------------------------------------------ training


def test_weights_of_the_terms():
    (main, _) = tiny().stages()
    truth, result, hole = torch.rand(4, 3, 32, 32), torch.rand(4, 3, 32, 32), box(4)
    terms = main.terms(result, truth, hole)
    assert torch.equal(terms["valid"], losses.valid(result, truth, hole))
    assert torch.equal(terms["hole"], 6 * losses.missing(result, truth, hole))
    pasted = torch.where(hole, result, truth)
    assert torch.equal(terms["variation"], 0.1 * losses.variation(pasted, hole))


def test_without_weights_the_stages_say_so():
    main, tuning = tiny().stages()
    assert (main.name, main.steps, tuning.name, tuning.steps) == ("main_pixels", 3, "tuning_pixels", 2)
    assert len(tiny(tuning_steps=0).stages()) == 1


def test_tuning_leaves_the_encoders_normalisation_alone():
    method = tiny()
    main, tuning = method.stages()
    feed = SameBatch(main)
    main.step(feed)
    kept = [{key: value.clone() for key, value in n.state_dict().items()} for n in method.generator.encoder_norms()]
    others = [copied(layer.conv) for layer in method.generator.encoder]
    running = method.generator.decoder[0].norm.running_mean.clone()
    method.generator.train()
    tuning.step(feed)
    for norm, before in zip(method.generator.encoder_norms(), kept, strict=True):
        assert all(torch.equal(value, before[key]) for key, value in norm.state_dict().items())
    assert not any(same(layer.conv, old) for layer, old in zip(method.generator.encoder, others, strict=True))
    assert not torch.equal(method.generator.decoder[0].norm.running_mean, running)


def test_learning_rates():
    main, tuning = tiny(schedule="cosine", steps=100, tuning_steps=50).stages()
    for stage, rate in ((main, 2e-4), (tuning, 5e-5)):
        found = []
        for step in range(stage.steps):
            stage.follow_schedule(step)
            found.append(stage.optimizers["generator"].param_groups[0]["lr"])
        assert max(found) == rate
        assert found[-1] < 0.01 * rate


def test_it_learns_what_it_is_shown():
    main, _ = tiny(width=8, steps=60, schedule="cosine", learning_rate=5e-3).stages()
    feed, curve = SameBatch(main), []
    for feed.step in range(main.steps):
        curve.append(float(main.step(feed)["generator"]))
    assert np.mean(curve[-5:]) < 0.6 * curve[0]


def test_inpainting_leaves_the_mode_and_the_statistics_alone():
    method = tiny()
    before = {name: value.clone() for name, value in method.generator.state_dict().items()}
    result = fill(method.inpainter(), torch.rand(3, 3, 32, 40), box(3, 40)[:, :, :32], torch.arange(3))
    assert method.generator.training
    assert all(torch.equal(value, before[name]) for name, value in method.generator.state_dict().items())
    assert result.shape == (3, 3, 32, 40)


# ---------------------------------------------------------------------------------------------------------- paper.toml


def test_paper_scale_is_the_defaults():
    built = build(METHOD.settings_class, overrides(PAPER, "paper", DEFAULT), "paper")
    weights = (built.valid_weight, built.hole_weight, built.perceptual_weight, built.style_weight)
    assert (*weights, built.variation_weight) == (1, 6, 0.05, 120, 0.1)
    assert (built.learning_rate, built.tuning_learning_rate, built.batch_size) == (2e-4, 5e-5, 16)


def test_the_recalled_table_is_marked_and_falls_with_the_hole():
    table = PAPER.tables["table1"]
    assert "Recalled, not verified" in table.note
    for kind in ("clear", "border"):
        rows = [row.cells for key, row in table.rows.items() if key.startswith(kind)]
        assert len(rows) == 6
        for column, rises in (("l1", True), ("psnr", False), ("ssim", False)):
            values = [row[column].value for row in rows]
            assert values == sorted(values, reverse=not rises)
