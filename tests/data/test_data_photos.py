import numpy as np
import pytest

from bench.data.decode import decode
from bench.data.photos import TEST, TRAIN, Photo, fault, listing, tiles
from bench.data.protocol import Protocol
from bench.util.errors import UserError


def protocol(resolution=64, test_images=10**9):
    return Protocol(
        data="photos", resolution=resolution, images=9, split=(1, 1, 1), test_images=test_images, mask_sets=()
    )


@pytest.fixture(scope="module")
def sides():
    return listing(protocol()).sides()


def test_train_and_test_are_apart_by_photograph(sides):
    train, test = ({item.group for item in side} for side in (sides.train, sides.test))
    assert test == {"astronaut", "coffee", "motorcycle"}
    assert train == {"chelsea", "hubble_deep_field", "ihc", "retina", "rocket"}
    assert not {item.id for item in sides.train} & {item.id for item in sides.test}
    assert {photo.group for photo in TRAIN}.isdisjoint(photo.group for photo in TEST)


def test_both_eyes_of_the_stereo_pair_are_one_group(sides):
    found = {item.id.split("/")[0]: item.group for item in sides.test}
    assert found["motorcycle_left"] == found["motorcycle_right"] == "motorcycle"


def test_pixels_agree_with_scikit_image():
    from skimage import data

    sides = listing(protocol(resolution=256)).sides()
    assert len(sides.test) == 8
    tile = next(item for item in sides.test if item.id == "astronaut/2x-r1-c0").draw()
    assert np.array_equal(tile, data.astronaut()[256:, :256])


def test_the_network_is_not_asked(monkeypatch):
    import skimage.data._fetchers as fetchers

    monkeypatch.setattr(fetchers, "_fetch", lambda name: pytest.fail("skimage.data was asked"))
    assert listing(protocol(resolution=500)).sides().test


def test_tiles_do_not_overlap_and_cover_the_middle():
    picture = np.arange(100 * 150, dtype=np.int64).reshape(100, 150)
    coloured = np.stack([picture % 251, picture % 241, picture % 239], axis=2).astype(np.uint8)
    found = tiles(Photo("a.png", "a", ""), coloured, 50, 50)
    assert set(found) == {"a/1x-r0-c0", *(f"a/2x-r{row}-c{column}" for row in range(2) for column in range(3))}
    assert np.array_equal(found["a/2x-r1-c2"], coloured[50:, 100:])
    half = tiles(Photo("a.png", "a", ""), coloured, 50, 25)
    assert sum(name.startswith("a/2x") for name in half) == 3 * 5
    centred = tiles(Photo("a.png", "a", ""), coloured[:, :113], 100, 100)
    assert np.array_equal(centred["a/1x-r0-c0"], coloured[:, 6:106])


def test_nothing_is_enlarged():
    assert not tiles(Photo("a.png", "a", ""), np.zeros((60, 90, 3), dtype=np.uint8), 61, 61)
    assert {item.group for item in listing(protocol(resolution=500)).sides().test} == {"astronaut", "motorcycle"}
    with pytest.raises(UserError, match="513x513"):
        listing(protocol(resolution=513)).sides()


def test_dull_and_black_tiles_are_left_out(sides):
    assert {reason for _, reason in sides.skipped} == {"nearly constant", "black frame"}
    kept = [item.draw() for item in sides.train if item.group == "retina"]
    assert kept
    assert all((tile.max(axis=2) < 16).mean() <= 0.002 for tile in kept)
    assert fault(TEST[0], np.full((8, 8, 3), 90, dtype=np.uint8)) == "nearly constant"


def test_fewer_test_images_are_taken_evenly(sides):
    few = listing(protocol(test_images=7)).sides().test
    groups = [item.group for item in few]
    assert sorted(map(groups.count, set(groups))) == [2, 2, 3]
    assert [item.id for item in sides.test[:7]] == [item.id for item in few]


def test_every_photograph_has_a_licence_line():
    licences = listing(protocol()).about["licences"]
    assert len(licences) == len(TRAIN + TEST)
    assert all(photo.licence and any(line.startswith(f"{photo.stem}: ") for line in licences) for photo in TRAIN + TEST)


def test_the_files_are_the_known_ones():
    assert [decode_shape(photo) for photo in TEST] == [(512, 512), (400, 600), (500, 741), (500, 741)]


def decode_shape(photo):
    from bench.data.photos import _folder

    return decode(_folder() / photo.file).shape[:2]
