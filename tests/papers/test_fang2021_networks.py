import pytest
import torch
from pydantic import ValidationError

from bench.methods.base import compose
from bench.util.errors import UserError
from bench.util.seeds import Chance
from papers.fang2021.networks import check_resolution, discriminators, generator, sizes
from papers.fang2021.settings import FangSettings


def tiny(**changes) -> FangSettings:
    return FangSettings(**({"width": 4, "critic_width": 4, "dilations": (2, 4)} | changes))


def parameters(network) -> int:
    return sum(weight.numel() for weight in network.parameters())


def picture(count=2, side=32):
    generator = torch.Generator().manual_seed(5)
    image = torch.rand(count, 3, side, side, generator=generator) * 2 - 1
    hole = torch.zeros(count, 1, side, side, dtype=torch.bool)
    hole[..., side // 4 : side // 2, side // 4 : side // 2] = True
    return image, hole


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 2_894_854),
        ({"ones_channel": True}, 2_896_454),
        ({"refine": "ca_full", "ones_channel": True}, 3_601_542),
        ({"refine": "ca_noattn", "ones_channel": True}, 2_758_118),
        ({"loops": 4}, 2_894_854),
        ({"refine": "none"}, 1_447_427),
        ({"refine": "none", "widened": True}, 2_987_749),
    ],
)
def test_generator_parameters(changes, expected):
    assert parameters(generator(FangSettings(**changes))) == expected


def test_critic_parameters():
    both = discriminators(FangSettings(), 256)
    assert list(both) == ["discriminator_global", "discriminator_local"]
    assert sum(map(parameters, both.values())) == 7_082_370
    plain = discriminators(FangSettings(conditional=False), 256)
    assert [parameters(x) for x in plain.values()] == [2_733_441, 4_339_329]
    assert discriminators(FangSettings(gan="none"), 256) == {}
    assert list(discriminators(tiny(critics="local"), 64)) == ["discriminator_local"]


def test_what_lies_under_the_hole_does_not_matter():
    network, (image, hole) = generator(tiny()), picture()
    other = compose(image, hole, torch.rand_like(image))
    for first, second in zip(network(image, hole), network(other, hole), strict=True):
        assert torch.equal(first, second)


def test_what_is_known_does_matter():
    network, (image, hole) = generator(tiny()), picture()
    other = compose(torch.rand_like(image), hole, image)
    assert not torch.equal(network(image, hole)[0], network(other, hole)[0])


def test_inputs_of_both_networks():
    network, (image, hole) = generator(tiny(loops=2)), picture()
    seen = {"coarse": [], "refine": []}
    network.coarse.register_forward_pre_hook(lambda _, x: seen["coarse"].append(x[0]))
    network.refine.register_forward_pre_hook(lambda _, x: seen["refine"].append(x[0]))
    outputs = []
    network.refine.register_forward_hook(lambda *x: outputs.append(x[2]))
    coarse, refined = network(image, hole)
    assert torch.equal(seen["coarse"][0], torch.cat([image.masked_fill(hole, 0), hole.float()], dim=1))
    # z + G(z, m) * (1 - m) with m = 1 on known pixels: Algorithm 1.
    known = (~hole).float()
    pasted = image * known + coarse * (1 - known)
    assert torch.equal(seen["refine"][0], torch.cat([pasted, hole.float()], dim=1))
    again = image * known + outputs[0] * (1 - known)
    assert torch.equal(seen["refine"][1], torch.cat([again, hole.float()], dim=1))
    assert torch.equal(outputs[1], refined)


@pytest.mark.parametrize(("changes", "flows"), [({}, False), ({"detach_coarse": False}, True)])
def test_gradient_of_the_second_network_in_the_first(changes, flows):
    network, (image, hole) = generator(tiny(**changes)), picture()
    network(image, hole)[1].sum().backward()
    assert all((weight.grad is not None) == flows for weight in network.coarse.parameters())
    assert all(weight.grad is not None for weight in network.refine.parameters())


def test_without_reconstruction_the_first_network_still_learns():
    network, (image, hole) = generator(tiny(reconstruction="none")), picture()
    network(image, hole)[1].sum().backward()
    assert all(weight.grad is not None for weight in network.coarse.parameters())


@pytest.mark.parametrize("refine", ["coarse_twin", "ca_noattn", "ca_full"])
@pytest.mark.parametrize("padding", ["reflect", "zeros"])
@pytest.mark.parametrize("dilations", [(1,), (2, 4), (3, 5, 8)])
def test_sizes_are_those_that_work(refine, padding, dilations):
    settings = tiny(refine=refine, padding=padding, dilations=dilations)
    fit, network = sizes(settings), generator(settings)

    def fill(height, width):
        image, hole = torch.rand(1, 3, height, width), torch.zeros(1, 1, height, width, dtype=torch.bool)
        hole[..., 0] = True
        with torch.no_grad():
            return network(image, hole)[1].shape == image.shape

    assert fill(fit.minimum, fit.minimum + fit.multiple)
    smaller = fit.minimum - fit.multiple
    if smaller > 0:
        with pytest.raises((RuntimeError, ValueError)):
            fill(smaller, smaller)


def test_paper_sizes():
    fit = sizes(FangSettings())
    assert (fit.minimum, fit.multiple) == (68, 4)
    check_resolution(FangSettings(), 256)
    with pytest.raises(UserError, match=r"dilations = \[2, 4, 8, 16\] .* at least 68 pixels, these have 64"):
        check_resolution(FangSettings(), 64)
    with pytest.raises(UserError, match="A resolution of 90 is not a multiple of 4"):
        check_resolution(FangSettings(), 90)


@pytest.mark.parametrize(
    "changes",
    [
        {"width": 5},
        {"width": 0},
        {"refine": "u_net"},
        {"padding": "same"},
        {"norm": "instance"},
        {"activation": "tanh"},
        {"dilations": ()},
        {"dilations": (0,)},
        {"loops": 0},
        {"init": "zero"},
        {"gan": "lsgan"},
        {"critics": "none"},
        {"critic_width": 0},
        {"n_critic": 0},
        {"gp_weight": -1},
        {"gp_region": "box"},
        {"clip": 0},
        {"reconstruction": "ssim"},
        {"l1_hole_weight": -0.1},
        {"discount_gamma": 1.5},
        {"discount_gamma": 0},
        {"gan_weight": -1},
        {"optimizer": "rmsprop"},
        {"learning_rate": 0},
        {"beta1": 1},
        {"weight_decay": -1},
        {"schedule": "step"},
        {"batch_size": 0},
        {"epochs": 0},
        {"steps": 0},
        {"l1_first_steps": -1},
        {"hole_share": 0.6},
        {"no_such_key": 1},
        {"learning_rate": float("nan")},
        {"gan_weight": float("inf")},
    ],
)
def test_bad_values(changes):
    with pytest.raises(ValidationError):
        FangSettings(**changes)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"reconstruction": "none", "gan": "none"}, "leave no loss"),
        ({"steps": 10, "l1_first_steps": 10}, "leaves no step"),
        ({"perceptual_weight": 1}, "needs vgg19_file"),
        ({"hole_share": 0.2, "hole_trim": 0.1}, "leaves nothing"),
    ],
)
def test_values_that_do_not_fit_together(changes, text):
    with pytest.raises(UserError, match=text) as told:
        FangSettings(**changes)
    assert "\n" not in str(told.value)


def test_settings_are_told_and_complete():
    assert all(field.description for field in FangSettings.model_fields.values())
    values = FangSettings().model_dump(mode="json")
    assert FangSettings(**values) == FangSettings()


def test_steps():
    # 30 000 pictures at 50:9:1 leave 25 000; 40 epochs in pairs (F-21).
    assert FangSettings().all_steps(25_000) == 500_000
    assert FangSettings(steps=83_333).all_steps(25_000) == 83_333
    assert FangSettings(epochs=1).all_steps(1) == 1


def test_training_holes_are_at_most_128_in_256():
    holes = FangSettings().holes()
    sides = set()
    for index in range(200):
        hole = holes.draw(Chance(index), 256, 256)
        sides |= {int(hole.any(axis=1).sum()), int(hole.any(axis=0).sum())}
    assert sides == set(range(96, 129, 2))
