import dataclasses

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter
from torch import nn

from baselines.latent.networks import Discriminator, Generator
from baselines.latent.search import LatentSearch, context_weights, diagnostics, first_z, prior, search
from baselines.latent.settings import SEARCH_SETTINGS, DcganSettings, SearchSettings
from bench.methods.base import compose, fill
from bench.util.errors import UserError

SIDE = 16


def settings(**changes):
    """A short search in which the prior counts."""
    return SearchSettings(**{"iterations": 4, "images_at_once": 4, "z_size": 8, "prior_weight": 0.5} | changes)


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    found = Generator(4, 8, SIDE), Discriminator(4, SIDE)
    for network in found:
        for layer in network.modules():
            if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, 0, 0.2)
            if isinstance(layer, nn.BatchNorm2d):
                layer.running_mean.normal_(0, 0.1)
                layer.running_var.uniform_(0.5, 2)
    return found


def damaged(count=3):
    chance = torch.Generator().manual_seed(1)
    image = torch.rand(count, 3, SIDE, SIDE, generator=chance)
    hole = torch.zeros(count, 1, SIDE, SIDE, dtype=torch.bool)
    for i in range(count):
        hole[i, :, 2 + i : 9 + i, 4:10] = True
    return image, hole, torch.arange(10, 10 + count)


# ------------------------------------------------------------------------------------------------------------ weights


def square(side=64, start=16, stop=48):
    hole = torch.zeros(1, 1, side, side, dtype=torch.bool)
    hole[..., start:stop, start:stop] = True
    return hole


def test_weights_of_a_centre_hole():
    weights = context_weights(square(), 7, "yeh")[0, 0]
    assert int((weights > 0).sum()) == 420
    assert float(weights.sum()) == pytest.approx(106.7755, abs=1e-4)
    assert float(weights.max()) == pytest.approx(21 / 49)
    assert weights[15, 15] == pytest.approx(9 / 49)
    assert weights[13, 30] == pytest.approx(7 / 49)
    assert weights[12, 30] == 0
    assert not weights[square()[0, 0]].any()


def test_weights_of_a_half():
    hole = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    hole[..., :32] = True
    weights = context_weights(hole, 7, "yeh")
    assert int((weights > 0).sum()) == 192
    assert float(weights.sum()) == pytest.approx(54.8571, abs=1e-4)


@pytest.mark.parametrize("window", [1, 3, 7, 15])
def test_weights_are_shares_of_a_window(window):
    hole = torch.rand(2, 1, 30, 41, generator=torch.Generator().manual_seed(2)) < 0.3
    for one, weights in zip(hole[:, 0].numpy(), context_weights(hole, window, "yeh")[:, 0].numpy(), strict=True):
        # |N| at the border: how much of the window lies in the picture.
        inside = uniform_filter(np.ones(one.shape), window, mode="constant")
        share = uniform_filter(one.astype(float), window, mode="constant") / inside
        np.testing.assert_allclose(weights, np.where(one, 0, share), atol=1e-6)


def test_weights_without_weights():
    assert torch.equal(context_weights(square(), 7, "none"), (~square()).float())


def test_printed_weights():
    """To the letter the formula weighs the hole and nothing else; turned round, it weighs pixels far from the hole."""
    letter = context_weights(square(), 7, "printed")
    assert torch.equal(letter > 0, square())
    inverted = context_weights(square(), 7, "printed_inverted")[0, 0]
    assert not inverted[square()[0, 0]].any()
    assert inverted[0, 0] == inverted[30, 5] == 1
    assert inverted[30, 15] == pytest.approx(28 / 49)


# ------------------------------------------------------------------------------------------------------ the objective


def plain_loss(networks, one, gap, z, chosen):
    """The objective of one image, written out: pixel by pixel, with probabilities in place of logits."""
    generator, discriminator = (network.eval() for network in networks)
    picture = generator(z[None])[0]
    weights = context_weights(gap[None], chosen.window, chosen.context)[0]
    target = 2 * one - 1
    power = {"l1": 1, "l2": 2}[chosen.norm]
    context = sum((weights[0] * (picture[c] - target[c])).abs().pow(power).sum() for c in range(3))
    if chosen.reduction == "mean":
        context = context / (3 * SIDE * SIDE)
    score = discriminator(picture[None])[0]
    real = torch.sigmoid(score)
    forms = {"saturating": (1 - real).log(), "nonsaturating": -real.log(), "critic": -score, "none": 0 * score}
    return context, chosen.prior_weight * forms[chosen.prior]


def plain_search(networks, image, hole, seed, chosen, restart=0):
    """Gradient, Adam and clipping written out for one image after another, as in the ports."""
    found = []
    for one, gap, z in zip(image, hole, first_z(seed, restart, chosen), strict=True):
        mean, square = torch.zeros_like(z), torch.zeros_like(z)
        for t in range(1, chosen.iterations + 1):
            z = z.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(sum(plain_loss(networks, one, gap, z, chosen)), z)
            mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
            step = mean / (1 - 0.9**t) / ((square / (1 - 0.999**t)).sqrt() + 1e-8)
            z = z.detach() - chosen.search_learning_rate * step
            z = z.clamp(-1, 1) if chosen.clip else z
        found.append((z, *(x.detach() for x in plain_loss(networks, one, gap, z, chosen))))
    return [torch.stack(parts) for parts in zip(*found, strict=True)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"prior": "nonsaturating", "reduction": "mean", "window": 3},
        {"prior": "critic", "context": "none", "z_prior": "normal", "clip": False},
        {"prior": "none", "search_learning_rate": 0.5},
        {"context": "printed_inverted", "iterations": 1},
        {"norm": "l2"},
        {"norm": "l2", "reduction": "mean"},
    ],
)
def test_search_is_the_plain_algorithm(networks, changes):
    chosen, (image, hole, seed) = settings(**changes), damaged()
    z, context, prior_loss = plain_search(networks, image, hole, seed, chosen)
    found = search(*networks, image, hole, seed, chosen)
    torch.testing.assert_close(found.z, z, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(found.context_loss, context, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.prior_loss, prior_loss, rtol=1e-3, atol=1e-5)
    picture = (networks[0].eval()(found.z).detach() + 1) / 2
    torch.testing.assert_close(found.fill, picture, rtol=0, atol=1e-5)


def test_priors_are_finite_far_from_zero():
    score = torch.tensor([-300.0, 0.0, 300.0])
    assert prior(score, "saturating").tolist() == pytest.approx([0, -np.log(2), -300])
    assert prior(score, "nonsaturating").tolist() == pytest.approx([300, np.log(2), 0])
    assert prior(score, "critic").tolist() == [300, 0, -300]


def test_a_discriminator_without_weight_is_not_run(networks):
    class Untouchable(nn.Module):
        def forward(self, image):
            raise AssertionError("the discriminator was run")

    for changes in ({"prior": "none"}, {"prior_weight": 0}):
        found = search(networks[0], Untouchable(), *damaged(), settings(**changes))
        assert not found.prior_loss.any()
    with pytest.raises(AssertionError, match="the discriminator was run"):
        search(networks[0], Untouchable(), *damaged(), settings())


# --------------------------------------------------------------------------------------------------- each image alone


def same(one, other):
    return all(torch.equal(getattr(one, x.name), getattr(other, x.name)) for x in dataclasses.fields(one))


def at(found, places):
    return dataclasses.replace(found, **{x.name: getattr(found, x.name)[places] for x in dataclasses.fields(found)})


@pytest.mark.parametrize("changes", [{}, {"restarts": 2, "keep": "best", "z_prior": "normal"}])
def test_bits_do_not_depend_on_batch_mates(networks, changes):
    chosen, (image, hole, seed) = settings(**changes), damaged(6)
    together = search(*networks, image, hole, seed, chosen)
    order = torch.tensor([4, 2, 0, 5, 1, 3])
    assert same(search(*networks, image[order], hole[order], seed[order], chosen), at(together, order))
    for i in range(6):
        one = slice(i, i + 1)
        assert same(search(*networks, image[one], hole[one], seed[one], chosen), at(together, one))


def test_the_first_z_belongs_to_the_seed():
    chosen = SearchSettings()
    seed = torch.tensor([5, 2**62, 5])
    z = first_z(seed, 0, chosen)
    assert torch.equal(z[0], z[2])
    assert not torch.equal(z[0], z[1])
    assert not torch.equal(z, first_z(seed, 1, chosen))
    many = first_z(torch.arange(300), 0, chosen)
    assert many.abs().max() <= 1
    assert float(many.std()) == pytest.approx(3**-0.5, rel=0.02)
    normal = first_z(torch.arange(300), 0, SearchSettings(z_prior="normal"))
    assert float(normal.std()) == pytest.approx(1, rel=0.02)


def test_networks_are_left_as_they_were(networks):
    for network in networks:
        network.train()
    before = [value.clone() for network in networks for value in network.state_dict().values()]
    search(*networks, *damaged(), settings())
    assert all(network.training for network in networks)
    assert all(weight.requires_grad and weight.grad is None for net in networks for weight in net.parameters())
    after = [value for network in networks for value in network.state_dict().values()]
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def test_search_works_where_gradients_are_off(networks):
    with torch.no_grad():
        inside = search(*networks, *damaged(), settings())
    assert same(inside, search(*networks, *damaged(), settings()))


# ------------------------------------------------------------------------------------------------ the course of search


def total(found):
    return found.context_loss + found.prior_loss


def test_search_lowers_the_loss(networks):
    start, end = (search(*networks, *damaged(), settings(iterations=n)) for n in (0, 60))
    assert bool((total(end) < total(start)).all())
    assert torch.equal(start.z, first_z(damaged()[2], 0, settings()))


def test_a_picture_of_the_generator_is_found_again(networks):
    _, hole, seed = damaged()
    truth = (networks[0].eval()(first_z(seed + 100, 0, settings())).detach() + 1) / 2
    alone = settings(iterations=300, search_learning_rate=0.05, prior="none")
    start, end = (search(*networks, truth, hole, seed, alone.model_copy(update={"iterations": n})) for n in (0, 300))
    assert bool((end.context_loss < 0.1 * start.context_loss).all())
    gap = hole.expand_as(truth)
    assert float((end.fill - truth)[gap].abs().mean()) < 0.2 * float((start.fill - truth)[gap].abs().mean())


def test_clip(networks):
    wild = settings(search_learning_rate=5.0)
    assert search(*networks, *damaged(), wild).z.abs().max() == 1
    assert search(*networks, *damaged(), wild.model_copy(update={"clip": False})).z.abs().max() > 1


def test_of_the_restarts_the_lowest_loss_wins(networks):
    image, hole, seed = damaged()
    chosen = settings(iterations=2)
    found = search(*networks, image, hole, seed, chosen.model_copy(update={"restarts": 6}))
    each = [plain_search(networks, image, hole, seed, chosen, restart) for restart in range(6)]
    losses = torch.stack([context + prior_loss for _, context, prior_loss in each])
    torch.testing.assert_close(total(found), losses.min(dim=0).values, rtol=1e-4, atol=1e-5)
    won = losses.argmin(dim=0)
    assert len(set(won.tolist())) > 1
    torch.testing.assert_close(found.z, torch.stack([each[k][0][i] for i, k in enumerate(won)]), rtol=1e-3, atol=1e-4)


def test_keep_best(networks):
    wild = settings(iterations=15, search_learning_rate=1.0)
    steps = [total(search(*networks, *damaged(), wild.model_copy(update={"iterations": n}))) for n in range(16)]
    best = search(*networks, *damaged(), wild.model_copy(update={"keep": "best"}))
    torch.testing.assert_close(total(best), torch.stack(steps).min(dim=0).values, rtol=1e-5, atol=1e-5)
    assert bool((total(best) < steps[-1]).any())


def test_settled_is_the_change_over_the_last_iterations(networks):
    def context(iterations):
        return search(*networks, *damaged(), settings(iterations=iterations)).context_loss

    found = search(*networks, *damaged(), settings(iterations=50))
    before = context(48)
    torch.testing.assert_close(found.settled, (found.context_loss - before).abs() / before, rtol=1e-3, atol=1e-6)
    assert not search(*networks, *damaged(), settings(iterations=0)).settled.any()
    short = search(*networks, *damaged(), settings(iterations=3))
    torch.testing.assert_close(short.settled, (short.context_loss / context(2) - 1).abs(), rtol=1e-3, atol=1e-6)


def test_the_course_is_that_of_shorter_searches(networks):
    found = search(*networks, *damaged(), settings(iterations=9))
    for column, iterations in enumerate((0, 2, 4, 6)):
        shorter = search(*networks, *damaged(), settings(iterations=iterations))
        expected = torch.stack([shorter.context_loss, shorter.prior_loss], dim=1)
        torch.testing.assert_close(found.course[:, :, column], expected, rtol=1e-4, atol=1e-5)


def test_of_the_restarts_the_kept_ones_course_is_told(networks):
    image, hole, seed = damaged()
    found = search(*networks, image, hole, seed, settings(restarts=4))
    ends = torch.stack([sum(plain_search(networks, image, hole, seed, settings(), k)[1:]) for k in range(4)])
    nothing = settings(iterations=0)
    starts = torch.stack([plain_search(networks, image, hole, seed, nothing, k)[1] for k in range(4)])
    expected = starts.gather(0, ends.argmin(dim=0)[None])[0]
    torch.testing.assert_close(diagnostics(found)["context_start"], expected, rtol=1e-4, atol=1e-5)


def test_what_a_search_tells(networks):
    found = search(*networks, *damaged(), settings(iterations=8, search_learning_rate=0.05))
    told = diagnostics(found)
    moments = {f"{name}_{at}" for name in ("context", "prior") for at in ("start", "quarter", "half", "three_quarters")}
    ends = {"context_loss", "prior_loss", "context_left", "prior_change", "prior_share", "settled"}
    assert set(told) == moments | ends
    assert torch.equal(told["context_left"], told["context_loss"] / told["context_start"])
    assert torch.equal(told["prior_change"], told["prior_loss"] - told["prior_start"])
    context = [told[f"context_{at}"] for at in ("start", "quarter", "half", "three_quarters", "loss")]
    assert bool((torch.stack(context).diff(dim=0).sum(dim=0) < 0).all())
    assert all(value.shape == (3,) for value in told.values())


def test_nesterovs_descent_by_hand(networks):
    """moodoki's release: v' = 0.9 v - rate * gradient, then z - 0.9 v + 1.9 v', clipped; from a normal z."""
    chosen = settings(descent="nesterov", search_learning_rate=0.01, start="normal", iterations=5)
    image, hole, seed = damaged()
    first = first_z(seed, 0, chosen)
    assert first.abs().max() > 1
    for i, z in enumerate(first):
        velocity = torch.zeros_like(z)
        for _ in range(5):
            z = z.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(sum(plain_loss(networks, image[i], hole[i], z, chosen)), z)
            before, velocity = velocity, 0.9 * velocity - 0.01 * gradient
            z = (z.detach() - 0.9 * before + 1.9 * velocity).clamp(-1, 1)
        found = search(*networks, image, hole, seed, chosen).z[i]
        torch.testing.assert_close(found, z, rtol=1e-3, atol=1e-4)


def test_a_search_whose_rate_falls_moves_less_at_its_end(networks):
    def moved(schedule):
        chosen = settings(iterations=40, search_learning_rate=0.05, search_schedule=schedule)
        return float(search(*networks, *damaged(), chosen).settled.mean())

    assert moved("cosine") < 0.5 * moved("constant")


# -------------------------------------------------------------------------------------------------------- the inpainter


def test_the_inpainter_tells_and_blends(networks):
    image, hole, seed = damaged()
    plain = LatentSearch(*networks, settings(blend="none"), SIDE)
    found = search(*networks, image, hole, seed, settings())
    assert torch.equal(plain.inpaint(image, hole, seed), found.fill)
    assert torch.equal(plain.diagnostics["context_loss"], found.context_loss)
    torch.testing.assert_close(plain.diagnostics["prior_share"], found.prior_loss.abs() / found.context_loss)
    blended = LatentSearch(*networks, settings(blend="poisson"), SIDE).inpaint(image, hole, seed)
    known = ~hole.expand_as(image)
    assert torch.equal(blended[known], found.fill[known])
    # Gradients in the hole are the found picture's (but for clipping, which these pictures do not need).
    ours, theirs = (x[0, :, 3:8, 5:9].diff(dim=-1) for x in (compose(image, hole, blended), found.fill))
    assert float((ours - theirs).abs().mean()) < float((ours).abs().mean())


@pytest.mark.parametrize("context", ["yeh", "printed"])
def test_what_lies_under_the_hole_does_not_matter(networks, context):
    image, hole, seed = damaged()
    inpainter = LatentSearch(*networks, settings(context=context), SIDE)
    first = inpainter.inpaint(image, hole, seed)
    assert torch.equal(first, inpainter.inpaint(image.masked_fill(hole, 0.3), hole, seed))


def test_only_the_generators_size_is_taken(networks):
    inpainter = LatentSearch(*networks, settings(), SIDE)
    assert str(inpainter.sizes) == "sides of exactly 16 pixels"
    for height, width in ((32, 32), (16, 32), (8, 8)):
        with pytest.raises(UserError, match="takes sides of exactly 16 pixels"):
            fill(inpainter, torch.rand(1, 3, height, width), torch.zeros(1, 1, height, width, dtype=torch.bool), 0)


# ----------------------------------------------------------------------------------------------------------- settings


def test_search_settings_are_no_training_settings():
    assert "iterations" in SEARCH_SETTINGS
    assert not SEARCH_SETTINGS & set(DcganSettings.model_fields)


def test_an_even_window_is_refused():
    with pytest.raises(UserError, match="window = 8 has no middle pixel; take an odd number"):
        SearchSettings(window=8)
