import numpy as np
import pytest
from PIL import Image

from bench.masks.files import hole_from_alpha, read_hole
from bench.util.errors import UserError


@pytest.fixture
def hole():
    hole = np.zeros((12, 20), dtype=bool)
    hole[3:7, 5:15] = True
    return hole


def save(path, array, mode=None):
    picture = Image.fromarray(array)
    (picture.convert(mode) if mode else picture).save(path)
    return path


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_reads_what_was_drawn_in_every_format(tmp_path, hole, mode):
    path = save(tmp_path / "m.png", hole.astype(np.uint8) * 255, mode)
    assert np.array_equal(read_hole(path, 12, 20), hole)
    assert np.array_equal(read_hole(path, 12, 20, white_is_hole=False), ~hole)


def test_threshold_lies_at_128(tmp_path, hole):
    values = np.where(hole, 255, 0).astype(np.uint8)
    values[0, 0], values[0, 1] = 128, 127  # two of 240 pixels are under 1 %
    found = read_hole(save(tmp_path / "m.png", values), 12, 20)
    assert found[0, 0]
    assert not found[0, 1]


def test_soft_masks_are_refused_from_one_percent_on(tmp_path):
    values = np.zeros((20, 20), dtype=np.uint8)
    values[5:10] = 223
    values[0, :4] = 33
    read_hole(save(tmp_path / "a.png", values), 20, 20)
    values[0, 4] = 222
    with pytest.raises(UserError, match=r"b\.png has 5 of 400 pixels that are neither"):
        read_hole(save(tmp_path / "b.png", values), 20, 20)


def test_another_size_is_refused(tmp_path, hole):
    path = save(tmp_path / "m.png", hole.astype(np.uint8) * 255)
    with pytest.raises(UserError, match=r"m\.png is 12x20, the picture is 20x12"):
        read_hole(path, 20, 12)


@pytest.mark.parametrize(("value", "words"), [(0, "no pixel missing"), (255, "no pixel known")])
def test_empty_and_full_holes_are_refused(tmp_path, value, words):
    path = save(tmp_path / "m.png", np.full((4, 4), value, dtype=np.uint8))
    with pytest.raises(UserError, match=words):
        read_hole(path, 4, 4)


def test_16_bits_are_refused(tmp_path):
    path = save(tmp_path / "m.png", np.zeros((4, 4), dtype=np.uint16))
    with pytest.raises(UserError, match="pixel format I;16"):
        read_hole(path, 4, 4)


def test_files_that_are_no_pictures(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        read_hole(tmp_path / "none.png", 4, 4)
    with pytest.raises(UserError, match="cannot be read"):
        read_hole(tmp_path, 4, 4)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(UserError, match=r"text\.png cannot be read"):
        read_hole(tmp_path / "text.png", 4, 4)
    whole = save(tmp_path / "m.png", np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cut\.png cannot be read"):
        read_hole(tmp_path / "cut.png", 64, 64)


def test_alpha(tmp_path, hole):
    rgba = np.full((12, 20, 4), 200, dtype=np.uint8)
    rgba[..., 3] = np.where(hole, 127, 128)
    assert np.array_equal(hole_from_alpha(save(tmp_path / "m.png", rgba)), hole)
    with pytest.raises(UserError, match="no alpha channel"):
        hole_from_alpha(save(tmp_path / "rgb.png", rgba[..., :3]))
    with pytest.raises(UserError, match="no pixel missing"):
        hole_from_alpha(save(tmp_path / "opaque.png", np.full((3, 3, 4), 255, dtype=np.uint8)))
