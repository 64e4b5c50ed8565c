import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines import poisson
from baselines.harmonic import Harmonic
from bench.masks.sets import MASK_SETS
from bench.methods.base import DataFacts, Settings
from bench.util.errors import UserError


def pictures(count=3, height=20, width=27, seed=0):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(seed))


def border_hole(height=20, width=27):
    """Touches all four sides and a corner, and has an island of known pixels."""
    hole = torch.zeros(1, 1, height, width, dtype=torch.bool)
    hole[..., :5, :9] = True
    hole[..., 8:, 12:] = True
    hole[..., 12:15, 16:20] = False
    return hole


def holes_of_mask_sets(count=3, height=20, width=27):
    names = list(MASK_SETS)[:count]
    return torch.cat([MASK_SETS[name].holes([name], height, width) for name in names])


def test_a_guide_that_is_off_by_a_constant_gives_the_truth():
    truth = 0.2 + 0.6 * pictures()
    for hole in (border_hole().expand(3, -1, -1, -1), holes_of_mask_sets()):
        damaged = torch.where(hole, torch.rand_like(truth), truth)
        for shift in (-0.2, 0.0, 0.15):
            blended = poisson.blend(damaged, hole, truth + shift)
            assert torch.equal(blended[~hole.expand_as(truth)], truth[~hole.expand_as(truth)])
            torch.testing.assert_close(blended, truth, rtol=0, atol=2e-7)


def test_float64_is_solved_to_its_last_digits():
    truth = 0.2 + 0.6 * pictures().double()
    blended = poisson.blend(truth, border_hole().expand(3, -1, -1, -1), truth + 0.125)
    assert float((blended - truth).abs().max()) < 2e-14


def dense(picture, hole, guide):
    """The blend by its definition, one equation for each missing pixel, solved as a dense system."""
    height, width = hole.shape
    places = {place: index for index, place in enumerate(zip(*np.nonzero(hole), strict=True))}
    matrix, right = np.zeros((len(places), len(places))), np.zeros((len(places), 3))
    for (y, x), index in places.items():
        for other in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if not (0 <= other[0] < height and 0 <= other[1] < width):
                continue
            matrix[index, index] += 1
            right[index] += guide[y, x] - guide[other]
            if other in places:
                matrix[index, places[other]] -= 1
            else:
                right[index] += picture[other]
    filled = picture.copy()
    for (y, x), value in zip(places, np.linalg.solve(matrix, right), strict=True):
        filled[y, x] = value
    return filled


@given(height=st.integers(3, 9), width=st.integers(3, 9), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_the_blend_is_the_dense_solution_of_its_definition(height, width, seed):
    chance = np.random.default_rng(seed)
    picture, guide = chance.random((2, height, width, 3))
    hole = chance.random((height, width)) < 0.6
    hole.flat[chance.integers(hole.size)] = False
    hole.flat[(np.flatnonzero(~hole)[0] + 1) % hole.size] = True
    if hole.all():
        return
    ours = poisson.blend(*(torch.from_numpy(x)[None].movedim(-1, 1) for x in (picture, hole[..., None], guide)))
    expected = np.clip(np.where(hole[..., None], dense(picture, hole, guide), picture), 0, 1)
    np.testing.assert_allclose(ours[0].movedim(0, -1).numpy(), expected, atol=1e-12)


def test_a_zero_guide_is_the_harmonic_fill():
    image, hole = pictures(), holes_of_mask_sets()
    harmonic = Harmonic(Settings(), DataFacts(64, 10)).inpainter().inpaint(image, hole, torch.arange(3))
    torch.testing.assert_close(poisson.blend(image, hole, torch.zeros_like(image)), harmonic, rtol=0, atol=1e-6)


def test_nothing_under_the_hole_matters_and_the_result_is_a_picture():
    image, guide, hole = pictures(), pictures(seed=1), holes_of_mask_sets()
    first = poisson.blend(image, hole, guide)
    assert torch.equal(first, poisson.blend(image.masked_fill(hole, 0.7), hole, guide))
    assert first.min() >= 0
    assert first.max() <= 1
    assert first.dtype == torch.float32


def test_a_picture_is_the_same_alone():
    image, guide, hole = pictures(), pictures(seed=1), border_hole().expand(3, -1, -1, -1)
    together = poisson.blend(image, hole, guide)
    for i in range(3):
        assert torch.equal(poisson.blend(image[i : i + 1], hole[i : i + 1], guide[i : i + 1])[0], together[i])


def test_no_hole_and_all_hole():
    image = pictures(1)
    assert torch.equal(poisson.blend(image, torch.zeros(1, 1, 20, 27, dtype=torch.bool), 1 - image), image)
    with pytest.raises(UserError, match="20x27 picture is all hole"):
        poisson.blend(image, torch.ones(1, 1, 20, 27, dtype=torch.bool), image)
