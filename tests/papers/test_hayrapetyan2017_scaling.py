import numpy as np
import pytest
import torch
from PIL import Image

from baselines.srgan.pictures import resized
from papers.hayrapetyan2017.scaling import in_square, missing_cells, out_of_square, reduced, shrunk


def picture(side=64, width=None, count=2):
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 6, 6, generator=generator)
    return torch.nn.functional.interpolate(coarse, (side, width or side), mode="bicubic").clamp(0, 1)


def box(side=64, width=None, count=2):
    hole = torch.zeros(count, 1, side, width or side, dtype=torch.bool)
    hole[..., 17:43, 21:39] = True
    return hole


# --------------------------------------------------------------------------------------------------------- the picture


@pytest.mark.parametrize("side", [16, 25])
def test_without_a_hole_it_is_a_plain_reduction(side):
    image = picture()
    none = torch.zeros(2, 1, 64, 64, dtype=torch.bool)
    assert torch.allclose(reduced(image, none, side, "bicubic", "nothing"), resized(image, side, side), atol=1e-5)


def test_area_is_the_mean_of_each_cell():
    image = picture()
    expected = image.numpy().reshape(2, 3, 16, 4, 16, 4).mean(axis=(3, 5))
    assert np.abs(shrunk(image, 16, "area").numpy() - expected).max() < 1e-6


@pytest.mark.parametrize("kernel", ["bicubic", "area"])
@pytest.mark.parametrize("under_hole", ["nothing", "mean"])
def test_what_lies_under_the_hole_does_not_matter(kernel, under_hole):
    image, hole = picture(), box()
    other = torch.where(hole, 1 - image, image)
    one, two = (reduced(x, hole, 16, kernel, under_hole) for x in (image, other))
    assert torch.equal(one, two)


def test_no_colour_leaks_into_known_cells():
    # A flat picture stays flat, up to the hole, whatever the hole's place.
    hole = box()
    flat = torch.full((2, 3, 64, 64), 0.7)
    known = ~missing_cells(hole, 16).expand(-1, 3, -1, -1)
    clean = reduced(torch.where(hole, 0.0, flat), hole, 16, "bicubic", "nothing")
    assert torch.allclose(clean[known], torch.tensor(0.7), atol=1e-5)


def test_the_mean_under_the_hole_leaks():
    # Dark above and bright below: the mean is neither, and shows beside the hole.
    hole = box()
    image = torch.full((2, 3, 64, 64), 0.9)
    image[..., :30, :] = 0.2
    known = ~missing_cells(hole, 16).expand(-1, 3, -1, -1)
    truth = resized(image, 16, 16)
    errors = {
        name: float((reduced(image, hole, 16, "bicubic", name) - truth)[known].abs().max())
        for name in ("nothing", "mean")
    }
    assert errors["mean"] > 0.005
    assert errors["nothing"] < errors["mean"] / 2


def test_mean_is_pillows_reduction_of_the_filled_picture():
    image, hole = picture(count=1), box(count=1)
    pixels, gap = image[0, 0].numpy().copy(), hole[0, 0].numpy()
    pixels[gap] = pixels[~gap].mean()
    expected = np.asarray(Image.fromarray(pixels).resize((16, 16), Image.Resampling.BICUBIC)).clip(0, 1)
    assert np.abs(reduced(image, hole, 16, "bicubic", "mean")[0, 0].numpy() - expected).max() < 1e-5


# ------------------------------------------------------------------------------------------------------------ the hole


def test_a_cell_with_any_missing_pixel_is_missing():
    hole = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(1)) < 0.02
    expected = hole.numpy().reshape(3, 1, 16, 4, 16, 4).any(axis=(3, 5))
    assert np.array_equal(missing_cells(hole, 16).numpy(), expected)


@pytest.mark.parametrize("size", [16, 23, 45, 64])
def test_every_missing_pixel_lies_in_a_missing_cell(size):
    for row, column in ((0, 0), (size - 1, 3), (size // 2, size // 3)):
        hole = torch.zeros(1, 1, size, size, dtype=torch.bool)
        hole[..., row, column] = True
        cells = missing_cells(hole, 16)
        assert cells[..., row * 16 // size, column * 16 // size]
        assert cells.sum() <= 4


def test_something_known_is_left():
    hole = torch.ones(2, 1, 64, 64, dtype=torch.bool)
    hole[0, :, 9, 62] = False
    hole[1, :, :, :8] = False
    cells = missing_cells(hole, 16)
    assert (~cells[0, 0]).nonzero().tolist() == [[2, 15]]
    assert bool((~cells[1, 0, :, :2]).all())
    image = picture()
    small = reduced(image, hole, 16, "bicubic", "nothing")
    assert torch.allclose(small[0, :, 2, 15], image[0, :, 9, 62], atol=1e-5)


# ---------------------------------------------------------------------------------------------------------- the square


@pytest.mark.parametrize(("height", "width"), [(48, 64), (64, 47), (50, 50)])
def test_an_oblong_picture_in_a_square(height, width):
    image, hole = picture(height, width), box(height, width)
    square, gap = in_square(image, hole)
    side = max(height, width)
    assert square.shape[-2:] == gap.shape[-2:] == (side, side)
    assert torch.equal(out_of_square(square, height, width), image)
    assert torch.equal(out_of_square(gap, height, width), hole)
    assert int((~gap).sum()) == int((~hole).sum())
