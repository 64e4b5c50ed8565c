import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.restoration import inpaint_biharmonic

from baselines.biharmonic import Biharmonic
from baselines.criminisi import Criminisi
from baselines.harmonic import Harmonic
from baselines.mean_fill import MeanFill
from baselines.navier_stokes import NavierStokes
from baselines.telea import Telea
from bench.masks.sets import MASK_SETS
from bench.methods.base import DataFacts, Settings
from bench.methods.catalog import find
from bench.util.errors import UserError

FLOORS = [MeanFill, Harmonic, Biharmonic, Telea, NavierStokes, Criminisi]
each_floor = pytest.mark.parametrize("floor", FLOORS)


def run(floor, image, hole, seed=0):
    seeds = torch.full((len(image),), seed, dtype=torch.int64)
    return floor(Settings(), DataFacts(64, 10)).inpainter().inpaint(image, hole, seeds)


def batch(count=4, height=24, width=31, seed=0):
    chance = torch.Generator().manual_seed(seed)
    image = torch.rand(count, 3, height, width, generator=chance)
    holes = [
        MASK_SETS[name].holes([f"{i}"], height, width)
        for i, name in zip(range(count), 2 * list(MASK_SETS), strict=False)
    ]
    return image, torch.cat(holes)


def ramp(height=20, width=27):
    rows = torch.linspace(0.1, 0.8, height)[:, None].expand(height, width)
    columns = torch.linspace(0.9, 0.2, width)[None].expand(height, width)
    return torch.stack([rows, columns, (rows + columns) / 2])[None]


def box(height=20, width=27, top=6, left=7, tall=8, wide=9):
    hole = torch.zeros(1, 1, height, width, dtype=torch.bool)
    hole[..., top : top + tall, left : left + wide] = True
    return hole


def test_the_catalog_finds_them():
    found = {entry.key: entry.load() for entry in find().floors()}
    assert set(FLOORS) <= set(found.values())
    assert found["telea"].floor
    assert "Telea 2004" in find()["telea"].summary


@each_floor
def test_known_pixels_stay_and_the_result_is_a_picture(floor):
    image, hole = batch()
    result = run(floor, image, hole)
    assert result.dtype == torch.float32
    assert result.shape == image.shape
    assert result.is_contiguous()
    assert 0 <= result.min() <= result.max() <= 1
    assert torch.equal(torch.where(hole, image, result), image)


@each_floor
def test_what_lies_under_the_hole_has_no_influence(floor):
    image, hole = batch()
    expected = run(floor, image, hole)
    for other in (1 - image, torch.full_like(image, torch.nan), torch.full_like(image, 1e9)):
        assert torch.equal(run(floor, torch.where(hole, other, image), hole), expected)


@each_floor
def test_batch_and_seed_do_not_matter(floor):
    image, hole = batch()
    together = run(floor, image, hole)
    assert torch.equal(run(floor, image, hole, seed=9), together)
    for order in ([2], [3, 1], [0, 0, 1, 2, 3]):
        assert torch.equal(run(floor, image[order], hole[order]), together[order])


@each_floor
def test_nothing_missing_and_everything_missing(floor):
    image, hole = batch(count=2)
    hole[0] = False
    assert torch.equal(run(floor, image, hole)[0], image[0])
    hole[1] = True
    with pytest.raises(UserError, match="needs known pixels; this 24x31 picture has none"):
        run(floor, image, hole)


@each_floor
@settings(deadline=None, max_examples=20)
@given(height=st.integers(1, 9), width=st.integers(1, 9), seed=st.integers(0, 99))
def test_any_size_and_any_hole(floor, height, width, seed):
    chance = torch.Generator().manual_seed(seed)
    image = torch.rand(1, 3, height, width, generator=chance)
    hole = torch.rand(1, 1, height, width, generator=chance) < 0.6
    hole[..., -1, -1] = False
    result = run(floor, image, hole)
    assert torch.isfinite(result).all()
    if floor in (MeanFill, Harmonic):  # means of known values: no overshoot
        known = image[~hole.expand_as(image)]
        assert known.min() - 1e-6 <= result.min() <= result.max() <= known.max() + 1e-6


@each_floor
def test_a_flat_picture_stays_flat(floor):
    image = torch.tensor([51, 102, 204]).view(1, 3, 1, 1).expand(1, 3, 20, 27) / 255
    rounding = 2 / 255 if floor in (Telea, NavierStokes) else 0
    assert (run(floor, image, box()) - image).abs().max() < rounding + 1e-6


def test_mean_fill_is_the_mean_of_the_known_pixels():
    image, hole = batch(count=1)
    known = image[0][:, ~hole[0, 0]].double().mean(dim=1)
    result = run(MeanFill, image, hole)
    assert torch.allclose(result[0][:, hole[0, 0]].double(), known[:, None], atol=1e-7)


@pytest.mark.parametrize("floor", [Harmonic, Biharmonic])
def test_harmonic_and_biharmonic_continue_a_ramp_exactly(floor):
    assert (run(floor, ramp(), box()) - ramp()).abs().max() < 1e-6


def test_harmonic_functions_come_back_exactly():
    # x^2 - y^2 and xy are harmonic also for the 5-point Laplacian.
    y, x = torch.meshgrid(torch.linspace(-1, 1, 21), torch.linspace(-1, 1, 21), indexing="ij")
    image = torch.stack([0.5 + (x * x - y * y) / 2, 0.5 + x * y / 2, 0.5 + x / 2])[None]
    hole = MASK_SETS["irregular"].holes(["a"], 21, 21)
    hole[..., 0], hole[..., -1], hole[..., 0, :], hole[..., -1, :] = False, False, False, False
    assert (run(Harmonic, image, hole) - image).abs().max() < 1e-6


def test_nothing_flows_across_the_border():
    # Where the hole reaches the left border, a ramp towards it goes on as its last known column, as in a mirror.
    towards = ramp()[:, 1:2].expand(1, 3, 20, 27)
    result = run(Harmonic, towards, box(top=0, left=0, tall=20, wide=5))
    assert torch.allclose(result[..., :5], towards[..., 5:6].expand(1, 3, 20, 5), atol=1e-6)
    # A ramp along the border stays what it is.
    along = ramp()[:, :1].expand(1, 3, 20, 27)
    assert (run(Harmonic, along, box(top=5, left=0, tall=10, wide=5)) - along).abs().max() < 1e-6


@settings(deadline=None, max_examples=25)
@given(height=st.integers(1, 7), width=st.integers(2, 7), seed=st.integers(0, 999))
def test_harmonic_is_the_dense_solution_of_the_definition(height, width, seed):
    rng = np.random.default_rng(seed)
    picture, hole = rng.random((height, width)), rng.random((height, width)) < 0.6
    hole[rng.integers(height), rng.integers(width)] = False
    matrix, right = np.eye(height * width), np.where(hole, 0, picture).ravel()
    for y, x in zip(*np.nonzero(hole), strict=True):
        near = [
            (y + v, x + u) for v, u in ((0, 1), (1, 0), (0, -1), (-1, 0)) if 0 <= y + v < height and 0 <= x + u < width
        ]
        for v, u in near:
            matrix[y * width + x, v * width + u] -= 1 / len(near)
    expected = np.linalg.solve(matrix, right).reshape(height, width)
    image = torch.from_numpy(picture).float().expand(1, 3, height, width)
    result = run(Harmonic, image, torch.from_numpy(hole)[None, None])
    assert np.abs(result[0].numpy() - expected).max() < 1e-6


def test_biharmonic_is_scikit_images():
    image, hole = batch(count=3)
    for one, gap, result in zip(image, hole[:, 0], run(Biharmonic, image, hole), strict=True):
        expected = inpaint_biharmonic(one.permute(1, 2, 0).double().numpy(), gap.numpy(), channel_axis=-1)
        assert np.abs(result.permute(1, 2, 0).numpy() - expected).max() < 1e-6


@pytest.mark.parametrize(("floor", "algorithm"), [(Telea, cv2.INPAINT_TELEA), (NavierStokes, cv2.INPAINT_NS)])
def test_telea_and_navier_stokes_are_opencvs(floor, algorithm):
    image, hole = batch(count=3)
    for one, gap, result in zip(image, hole[:, 0], run(floor, image, hole), strict=True):
        levels = (one.permute(1, 2, 0) * 255).round().byte().numpy() * ~gap.numpy()[..., None]
        expected = torch.from_numpy(cv2.inpaint(levels, gap.byte().numpy(), 3, algorithm))
        assert torch.equal((result.permute(1, 2, 0)[gap] * 255).round().byte(), expected[gap])


def test_on_photographs_every_fill_beats_the_mean_colour():
    from skimage import data

    crops = []
    for picture in (data.astronaut(), data.chelsea(), data.coffee()):
        for top, left in ((0, 0), (100, 60), (40, 170)):
            crop = picture[top : top + 192, left : left + 192]
            crops.append(cv2.resize(crop, (64, 64), interpolation=cv2.INTER_AREA))
    image = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2) / 255
    hole = MASK_SETS["center"].holes([str(i) for i in range(len(image))], 64, 64)

    def decibels(floor):
        error = (run(floor, image, hole) - image).double().square().mean(dim=(1, 2, 3))
        return (-10 * error.log10()).mean().item()

    found = {floor: decibels(floor) for floor in FLOORS}
    assert min(found, key=found.get) is MeanFill
    assert 15 < found[MeanFill] < 23
    assert 22 < found[Harmonic] < 28
