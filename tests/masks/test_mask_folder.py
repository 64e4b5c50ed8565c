import hashlib
import os

import numpy as np
import pytest
from PIL import Image

from bench.masks.folder import _bits, digest, open_folder
from bench.masks.names import MaskPlace, check_mask_sets, mask_place, mask_set_name
from bench.masks.sets import mask_set
from bench.util.errors import UserError
from bench.util.seeds import Chance

IDS = [f"image{i}" for i in range(30)]


@pytest.fixture(autouse=True)
def forget():
    yield
    for cached in (mask_set, open_folder, _bits):
        cached.cache_clear()


def square(side, share, at=None):
    """White rows from `at` down that cover `share` of the picture."""
    pixels = np.zeros((side, side), dtype=np.uint8)
    at = side // 8 if at is None else at
    pixels[at : at + round(side * share)] = 255
    return pixels


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="module")
def nvidia(tmp_path_factory):
    """12,000 names of six files, one for each bin: 5, 15, ... 55 % missing."""
    folder = tmp_path_factory.mktemp("nvidia")
    home = folder / "mask" / "testing_mask_dataset"
    for index in range(12_000):
        first = home / f"{index // 2000 * 2000:05d}.png"
        if index % 2000:
            os.link(first, home / f"{index:05d}.png")
        else:
            save(first, square(40, (5 + index // 200) / 100))
    return folder


def test_names_of_mask_sets():
    assert mask_set_name("random") == "random"
    assert mask_set_name("nvidia=/x/y") == "nvidia"
    assert mask_set_name("nvidia=/x/y:20_30_clear") == "nvidia_20_30_clear"
    assert mask_set_name("qd-imd=/x") == "qd-imd"
    assert mask_set_name("masks=/x/my masks:black") == "masks-my_masks"
    assert mask_place("masks=/a:b:white:large").path.as_posix() == "/a:b"
    assert mask_place("masks=/a:b:white:large").words == ("white", "large")
    for spec, words in (
        ("masks=/x", r"masks=/x:white or masks=/x:black"),
        ("masks=/x:white:black", "the hole's colour"),
        ("nvidia", "no mask set 'nvidia'.*nvidia=PATH"),
        ("nvidia=", "no mask set"),
        ("nvidia=/x:10_20:20_30", "one bin"),
        ("centre", "Did you mean 'center'"),
    ):
        with pytest.raises(UserError, match=words):
            mask_place(spec)
    with pytest.raises(UserError, match="both be called 'nvidia'"):
        check_mask_sets(["center", "nvidia=/a", "nvidia=/b"])


def test_nvidia_bins_by_number(nvidia):
    for number, name in enumerate(("1_10", "10_20", "20_30", "30_40", "40_50", "50_60")):
        holes = mask_set(f"nvidia={nvidia}:{name}").holes(IDS[:8], 40, 40)
        assert holes.double().mean(dim=(1, 2, 3)).tolist() == [(5 + 10 * number) / 100] * 8
        numbers = {int(mask_set(f"nvidia={nvidia}:{name}_clear").mask(image).path.stem) for image in IDS}
        assert all(2000 * number <= one < 2000 * number + 1000 for one in numbers)
    numbers = [int(mask_set(f"nvidia={nvidia}").mask(f"{i}").path.stem) for i in range(600)]
    assert np.histogram(numbers, bins=6, range=(0, 12_000))[0].min() > 65  # 100 expected


def test_which_mask_an_image_gets_depends_on_its_id_alone(nvidia):
    found = mask_set(f"nvidia={nvidia}")
    index = Chance("suite", "nvidia", 1, "image3").below(12_000)
    assert found.mask("image3").path.name == f"{index:05d}.png"
    assert found.fingerprint(IDS, 40, 40) == found.fingerprint(IDS[::-1], 40, 40)
    home = nvidia / "mask" / "testing_mask_dataset"
    assert mask_set(f"nvidia={home}").fingerprint(IDS, 40, 40) == found.fingerprint(IDS, 40, 40)


def test_resize_is_nearest_and_the_share_is_counted_again(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 2, (30, 50), dtype=np.uint8) * 255
    save(tmp_path / "m" / "a.png", pixels)
    found = mask_set(f"masks={tmp_path / 'm'}:white")
    hole = found.hole("x", 20, 20)
    rows, columns = (np.arange(20) * 2 + 1) * 30 // 40, (np.arange(20) * 2 + 1) * 50 // 40
    assert np.array_equal(hole, pixels[np.ix_(rows, columns)] == 255)
    share = found.manifest(["x"], 20, 20)["hole_share"]
    assert share.index(1) == int(10 * hole.mean())
    assert np.array_equal(mask_set(f"masks={tmp_path / 'm'}:black").hole("x", 30, 50), pixels == 0)


def test_fingerprint_is_of_the_bytes(tmp_path):
    path = save(tmp_path / "m" / "a.png", square(16, 0.25))
    before = mask_set(f"masks={tmp_path / 'm'}:white").manifest(IDS, 16, 16)
    assert before["files"]["used"] == before["files"]["in_folder"] == 1
    inner = hashlib.sha256(path.read_bytes()).hexdigest()
    assert before["files"]["sha256"] == hashlib.sha256(f"a.png\0{inner}\n".encode()).hexdigest()
    save(tmp_path / "n" / "a.png", square(16, 0.25))
    with Image.open(path) as picture:
        picture.save(tmp_path / "n" / "a.png", compress_level=0)  # the same pixels in other bytes
    for cached in (mask_set, open_folder, _bits):
        cached.cache_clear()
    (tmp_path / "n").rename(tmp_path / "other")
    (tmp_path / "m").rename(tmp_path / "old")
    (tmp_path / "other").rename(tmp_path / "m")
    digest.cache_clear()
    after = mask_set(f"masks={tmp_path / 'm'}:white").manifest(IDS, 16, 16)
    assert after["sha256"] != before["sha256"]
    assert after["hole_share"] == before["hole_share"]


def test_qd_imd_is_black_on_white(tmp_path):
    save(tmp_path / "qd_imd" / "test" / "00000_test.png", 255 - square(16, 0.25))
    save(tmp_path / "qd_imd" / "train" / "00000_train.png", square(16, 0.25))
    assert mask_set(f"qd-imd={tmp_path}").hole("x", 16, 16).mean() == 0.25
    assert mask_set(f"qd-imd={tmp_path / 'qd_imd'}").hole("x", 16, 16).mean() == 0.25
    with pytest.raises(UserError, match=r"no \*_test\.png"):
        mask_set(f"qd-imd={tmp_path / 'qd_imd' / 'train'}")


def test_wrong_polarity_is_told(tmp_path):
    for index in range(4):
        save(tmp_path / "m" / f"{index}.png", 255 - square(20, 0.1 + index / 100))
        save(tmp_path / "test" / f"0000{index}_test.png", square(20, 0.1))
    with pytest.raises(UserError, match=r"miss over \d\d %.*:black"):
        mask_set(f"masks={tmp_path / 'm'}:white")
    assert mask_set(f"masks={tmp_path / 'm'}:white:large").hole("x", 20, 20).mean() > 0.8
    assert mask_set(f"masks={tmp_path / 'm'}:black").hole("x", 20, 20).mean() < 0.2
    with pytest.raises(UserError, match="the polarity is likely the other one|miss over"):
        mask_set(f"qd-imd={tmp_path}")


def nvidia_mask(tmp_path, number, pixels):
    """Mask `number` of a folder of NVIDIA's, with these pixels."""
    place = MaskPlace("nvidia", tmp_path, ())
    for index in range(12_000):
        (tmp_path / f"{index:05d}.png").touch()
    save(tmp_path / f"{number:05d}.png", pixels)
    return open_folder(place).masks[number]


def test_nvidia_masks_are_checked_against_their_number(tmp_path):
    with pytest.raises(UserError, match=r"02000\.png: 35\.0 % are missing, but its number stands for 10 to 20 %"):
        nvidia_mask(tmp_path, 2000, square(40, 0.35)).read()
    with pytest.raises(UserError, match=r"85\.0 % are missing.*been inverted"):
        nvidia_mask(tmp_path, 2000, square(40, 0.85)).read()
    near = np.zeros((512, 512), dtype=np.uint8)
    near[49:200, 100:300] = 255
    with pytest.raises(UserError, match=r"02000\.png has holes near its edge"):
        nvidia_mask(tmp_path, 2000, near).read()
    assert nvidia_mask(tmp_path, 3000, near).read().sum() == 151 * 200
    near[49] = 0
    assert nvidia_mask(tmp_path, 2000, near).read().sum() == 150 * 200


def test_folders_that_are_not_what_they_should_be(tmp_path, nvidia):
    with pytest.raises(UserError, match="is not a folder"):
        mask_set(f"masks={tmp_path / 'none'}:white")
    with pytest.raises(UserError, match="holds no picture"):
        mask_set(f"masks={tmp_path}:white")
    with pytest.raises(UserError, match=r"no 00000\.png"):
        mask_set(f"nvidia={tmp_path}")
    save(tmp_path / "part" / "00000.png", square(40, 0.05))
    with pytest.raises(UserError, match=r"has 1 masks.*00001\.png is missing"):
        mask_set(f"nvidia={tmp_path / 'part'}")


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros((16, 16), np.uint8), r"bad\.png leaves no pixel missing"),
        (np.full((16, 16), 255, np.uint8), r"bad\.png leaves no pixel known"),
        (np.arange(256, dtype=np.uint8).reshape(16, 16), r"bad\.png has \d+ of 256 pixels that are neither"),
        (np.zeros((16, 16), np.uint16), r"bad\.png has the pixel format I;16"),
    ],
)
def test_masks_that_cannot_be_used(tmp_path, pixels, words):
    save(tmp_path / "bad.png", pixels)
    with pytest.raises(UserError, match=words):
        mask_set(f"masks={tmp_path}:white").hole("x", 16, 16)


def test_a_hole_that_goes_lost_in_the_resize(tmp_path):
    pixels = np.zeros((64, 64), np.uint8)
    pixels[0, 0] = 255
    save(tmp_path / "dot.png", pixels)
    with pytest.raises(UserError, match=r"dot\.png, resized to 8x8, leaves no pixel missing"):
        mask_set(f"masks={tmp_path}:white").hole("x", 8, 8)


@pytest.mark.parametrize("shape", [(1000, 10), (10, 1000), (41, 20)])
def test_a_mask_of_quite_another_shape_is_not_squeezed(tmp_path, shape):
    pixels = np.zeros(shape, np.uint8)
    pixels[: shape[0] // 2] = 255
    save(tmp_path / "long.png", pixels)
    with pytest.raises(UserError, match=rf"long\.png is {shape[0]}x{shape[1]}; at 16x16 its holes would be squeezed"):
        mask_set(f"masks={tmp_path}:white").hole("x", 16, 16)


def test_the_digest_of_a_pipe_is_an_error_and_no_wait(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UserError, match=r"pipe\.png cannot be read: not a regular file"):
        digest(tmp_path / "pipe.png")
