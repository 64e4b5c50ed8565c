import io
import json

import numpy as np
import pytest
import torch
from kept import altered, leakage
from PIL import Image, ImageEnhance, ImageOps
from skimage import data as photographs
from toy import ToyStage, noise

from bench.claims import Verdict, judge
from bench.data import Data, Packed
from bench.data.near_duplicates import HAMMING, _ones, hashed, near_duplicates, thumbnails
from bench.masks.center import Center
from bench.masks.folder import Mask, MaskFolder
from bench.masks.random import RandomRectangle
from bench.masks.sets import mask_set
from bench.runs.leakage import MOST_SHARED, audit, cap, holes_in_words, images, in_words, notes
from bench.training.feed import TrainingFeed, training_hole
from bench.util.files import sealed, write_json


def packed(*pictures, name="image"):
    ids = [f"{name}-{i}" for i in range(len(pictures))]
    return Packed(ids, ids, np.stack(pictures))


def data(train, test):
    manifest = {"name": "made up", "resolution": train.pixels.shape[-1], "mean_colour": [0.5, 0.5, 0.5]}
    return Data.of(manifest, train, test)


@pytest.fixture(scope="module")
def crops():
    """24 crops of 64x64 of a photograph, uint8 (N,3,64,64)."""
    picture = photographs.astronaut()
    places = [(y, x) for y in range(0, 384, 96) for x in range(0, 384, 64)]
    return np.stack([picture[y : y + 64, x : x + 64].transpose(2, 0, 1) for y, x in places])


def changed(pixels, change):
    return np.asarray(change(Image.fromarray(pixels.transpose(1, 2, 0)))).transpose(2, 0, 1)


def jpeg(picture):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return Image.open(file).convert("RGB")


CHANGES = {
    "jpeg": jpeg,
    "grey": lambda picture: picture.convert("L").convert("RGB"),
    "mirrored": ImageOps.mirror,
    "mirrored_jpeg": lambda picture: jpeg(ImageOps.mirror(picture)),
    "contrast": lambda picture: ImageEnhance.Contrast(picture).enhance(0.8),
}


def test_thumbnails_are_area_means_at_any_size():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (2, 3, 70, 41), dtype=np.uint8)
    grey = 0.299 * pixels[:, 0] + 0.587 * pixels[:, 1] + 0.114 * pixels[:, 2]
    thumbs = thumbnails(pixels)
    assert thumbs.shape == (2, 32, 32)
    for row, column in ((0, 0), (13, 31), (31, 7)):
        part = grey[:, row * 70 // 32 : (row + 1) * 70 // 32, column * 41 // 32 : (column + 1) * 41 // 32]
        assert np.abs(thumbs[:, row, column] - part.mean(axis=(1, 2))).max() <= 0.5 + 1e-9
    assert thumbnails(pixels[..., :9, :12]).shape == (2, 9, 12)


def test_set_bits_are_counted():
    words = np.random.default_rng(0).integers(0, 2**63, (3, 5), dtype=np.uint64)
    assert _ones(words).tolist() == [[bin(word).count("1") for word in row] for row in words.tolist()]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_is_found_and_nothing_else(crops, change):
    copies = np.stack([changed(pixels, CHANGES[change]) for pixels in crops[::2]])
    found = near_duplicates(crops, np.concatenate([copies, crops[:, :, ::-1, ::-1][:4]]))
    assert found == {index: 2 * index for index in range(len(copies))}


def test_hashes_of_a_copy_are_close(crops):
    copies = np.stack([changed(pixels, jpeg) for pixels in crops])
    apart = _ones(hashed(thumbnails(crops)) ^ hashed(thumbnails(copies)))
    assert apart.max() <= HAMMING
    others = _ones(hashed(thumbnails(crops))[:, None] ^ hashed(thumbnails(crops))[None])
    assert np.median(others) > 20


def test_pictures_of_one_colour_are_no_near_duplicates():
    flat = np.full((3, 3, 16, 16), 90, dtype=np.uint8)
    assert near_duplicates(flat, flat) == {}


def test_the_audit_counts_each_test_image_once(crops):
    train = packed(*crops[:12], name="train")
    test = packed(crops[3], changed(crops[5], jpeg), crops[20], name="test")
    found = images(data(train, test))
    assert (found["exact"], found["near"], found["test_images"], found["train_images"]) == (1, 1, 3, 12)
    assert found["examples"] == [
        {"test": "test-0", "train": "train-3", "kind": "exact"},
        {"test": "test-1", "train": "train-5", "kind": "near"},
    ]
    whole = audit(data(train, test), [], 0, ("center",))
    assert "2 of 3 test images" in cap(whole)
    assert notes(whole)[0].startswith("Leakage: 2 of 3")
    assert "test-1 is nearly train-5" in in_words(whole)


def test_few_repeats_are_noted_and_cap_nothing():
    assert MOST_SHARED == 0.01
    assert cap(leakage(exact=1)) is None
    assert notes(leakage(exact=1)) == ["Leakage: 1 of 100 test images are also training images."]
    assert cap(leakage(exact=1, near=1)) is not None
    assert notes(leakage()) == []
    assert cap(None) is None


def test_the_result_is_kept_beside_the_pack(crops, tmp_path):
    np.save(tmp_path / "train.npy", crops[:4])
    train = Packed(list("abcd"), list("abcd"), np.load(tmp_path / "train.npy", mmap_mode="r"))
    one = data(train, packed(crops[0]))
    first = images(one)
    assert first["exact"] == 1
    kept = json.loads((tmp_path / "leakage.json").read_text())
    kept["images"]["exact"] = 7
    write_json(tmp_path / "leakage.json", sealed(kept))
    assert images(one)["exact"] == 7
    write_json(tmp_path / "leakage.json", kept | {"sha256": "0"})
    assert images(one)["exact"] == 1
    (tmp_path / "leakage.json").write_text("{")
    assert images(one) == first


def unseen():
    test = noise(20, 16, name="test")
    return Packed(test.ids, test.groups, 255 - test.pixels)


def stage(holes, steps=10):
    toy = ToyStage("first", torch.nn.Conv2d(3, 3, 1), type("S", (), {"steps": steps, "learning_rate": 0.1}))
    toy.holes = holes
    return toy


def test_training_holes_are_the_ones_that_the_feed_draws():
    train = noise(7, 32)
    one = stage(RandomRectangle())
    feed = TrainingFeed(one, train, 5, torch.device("cpu"))
    drawn = torch.cat([feed.batch().hole for _ in range(4)])[:, 0].numpy()
    assert np.array_equal(drawn, [training_hole(one, 5, place, 32, 32) for place in range(12)])


def test_shared_holes_are_counted():
    one = data(noise(5, 16), unseen())
    found = audit(one, [stage(Center())], 0, ("center", "random"))
    assert found.training_holes == 30
    assert found.holes_shared == {"center": 20, "random": 0}
    assert cap(found) is None
    assert "one of 30 of training: 20 of center, 0 of random" in holes_in_words(found)
    found = audit(one, [stage(RandomRectangle(), steps=300)], 0, ("random",))
    trained = {training_hole(stage(RandomRectangle()), 0, place, 16, 16).tobytes() for place in range(900)}
    expected = sum(mask_set("random").hole(name, 16, 16).tobytes() in trained for name in one.test.ids)
    assert found.holes_shared == {"random": expected}
    assert expected > 0  # 16x16 has few rectangles
    assert audit(one, [], 0, ("center",)).holes_shared == {}


def test_mask_files_that_were_trained_on_cap(tmp_path):
    for folder, count in (("train", 4), ("test", 2)):
        (tmp_path / folder).mkdir()
        for index in range(count):
            pixels = np.zeros((16, 16), dtype=np.uint8)
            pixels[2 : 6 + index] = 255
            Image.fromarray(pixels).save(tmp_path / folder / f"{folder}{index}.png")
    one = data(noise(5, 16), unseen())
    spec = f"masks={tmp_path / 'test'}:white"
    trained = MaskFolder(tuple(Mask(path, True) for path in sorted((tmp_path / "train").iterdir())))
    found = audit(one, [stage(trained)], 0, (spec,))
    assert found.mask_files_shared == {"masks-test": 20}
    assert "20 of the 20 holes of masks-test" in cap(found)
    clean = audit(one, [stage(MaskFolder(trained.masks[2:]))], 0, (spec,))
    assert clean.mask_files_shared == {"masks-test": 0}
    assert cap(clean) is None


@pytest.mark.parametrize("name", ["faces", "photos"])
def test_the_embedded_data_are_clean(cache, name):
    from bench.data import load
    from bench.data.protocol import ProtocolOverrides, protocols

    (protocol,) = protocols("quick", ProtocolOverrides(images=600), name)
    found = images(load(protocol, cache))
    assert found["test_images"] > 80
    assert (found["exact"], found["near"]) == (0, 0)


def test_a_leak_makes_claims_not_comparable(tmp_path, cache):
    from invented import FLOORS, invent, paper, protocol

    asked = protocol()
    records = [invent(tmp_path, cache, name, asked, blur) for name, blur in (("mine", 0.5), ("flat", 3), ("smooth", 2))]
    before = {finding.claim.id: finding.verdict for finding in judge(paper(), "mine", records, FLOORS)}
    records = [altered(record, leakage=leakage(test_images=8, exact=1)) for record in records]
    after = {finding.claim.id: finding for finding in judge(paper(), "mine", records, FLOORS)}
    assert before["beats"] != Verdict.NOT_COMPARABLE
    for claim in ("beats", "ablation", "cell"):
        assert after[claim].verdict == Verdict.NOT_COMPARABLE
        assert "1 of 8 test images are also training images" in after[claim].why
    assert after["scale"].verdict == before["scale"]
