"""Small trees in the layouts that users have on disk."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.data import celeba, celeba_hq, folder, imagenet, load, told
from bench.data.decode import decode
from bench.data.loading import LISTINGS
from bench.data.protocol import Protocol
from bench.util.errors import UserError


def picture(path: Path, size=(40, 40), value=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    level = sum(map(ord, path.name)) % 200 if value is None else value
    Image.new("RGB", size, (level, 255 - level, level // 2)).save(path)


def protocol(name, images=10**9, test_images=10**9):
    return Protocol(
        data=f"{name}=PATH", resolution=32, images=images, split=(50, 9, 1), test_images=test_images, mask_sets=()
    )


def ids(listing):
    sides = listing.sides()
    return {item.id for item in sides.train}, {item.id for item in sides.test}


CELEBA = ["000001", "000002", "162770", "162771", "182637", "182638", "202599"]
CELEBA_IDS = ({"000001", "000002", "162770"}, {"182638", "202599"})
PARTITION = dict(zip(CELEBA, "0001122", strict=True))


def celeba_tree(root, pictures, partition="list_eval_partition.txt"):
    for name in CELEBA:
        picture(root / pictures / f"{name}.jpg", (178, 218))
    if partition.endswith("txt"):
        (root / partition).parent.mkdir(exist_ok=True)
        (root / partition).write_text("".join(f"{name}.jpg {side}\n" for name, side in PARTITION.items()))
    elif partition.endswith("csv"):
        rows = "".join(f"{name}.jpg,{side}\r\n" for name, side in PARTITION.items())
        (root / partition).write_text("image_id,partition\r\n" + rows)


@pytest.mark.parametrize(
    ("pictures", "partition"),
    [
        ("img_align_celeba", "list_eval_partition.txt"),
        ("celeba/img_align_celeba", "celeba/list_eval_partition.txt"),
        ("img_align_celeba/img_align_celeba", "list_eval_partition.csv"),
        ("Img/img_align_celeba", "Eval/list_eval_partition.txt"),
        ("img_align_celeba", ""),
        ("", "list_eval_partition.txt"),
    ],
)
def test_celeba_layouts(tmp_path, pictures, partition):
    celeba_tree(tmp_path, pictures, partition)
    listing = celeba.listing(protocol("celeba"), tmp_path)
    assert ids(listing) == CELEBA_IDS
    assert listing.about["set_aside"] == 2
    assert listing.sides().train[0].draw().shape == (32, 32, 3)


def test_celeba_from_inside_its_picture_folder(tmp_path):
    celeba_tree(tmp_path, "img_align_celeba", "list_eval_partition.csv")
    assert ids(celeba.listing(protocol("celeba"), tmp_path / "img_align_celeba")) == CELEBA_IDS


def test_the_partition_file_has_the_say(tmp_path):
    celeba_tree(tmp_path, "img_align_celeba")
    lines = "000001.jpg 2\n000002.jpg 0\n162770.jpg 1\n"
    (tmp_path / "list_eval_partition.txt").write_text(lines)
    listing = celeba.listing(protocol("celeba"), tmp_path)
    assert ids(listing) == ({"000002"}, {"000001"})
    assert "4 of them not in the partition" in listing.about["notes"][0]


def test_celeba_is_not_enlarged(tmp_path):
    celeba_tree(tmp_path, "img_align_celeba")
    asked = protocol("celeba").model_copy(update={"resolution": 179})
    with pytest.raises(UserError, match="at most 178"):
        celeba.listing(asked, tmp_path)


def test_celebas_middle_as_dcgan_crops_it(tmp_path):
    celeba_tree(tmp_path, "img_align_celeba")
    pixels = np.random.default_rng(0).integers(0, 256, (218, 178, 3), dtype=np.uint8)
    for name in CELEBA:
        Image.fromarray(pixels).save(tmp_path / "img_align_celeba" / f"{name}.jpg", quality=100)
    asked = protocol("celeba-108").model_copy(update={"resolution": 108})
    listing = LISTINGS["celeba-108"](asked, tmp_path)
    assert ids(listing) == CELEBA_IDS
    whole = decode(tmp_path / "img_align_celeba" / f"{listing.sides().train[0].id}.jpg")
    assert np.array_equal(listing.sides().train[0].draw(), whole[55:163, 35:143])
    assert "108x108" in listing.about["crop"]
    with pytest.raises(UserError, match="at most 108, or use celeba=PATH"):
        LISTINGS["celeba-108"](asked.model_copy(update={"resolution": 109}), tmp_path)


def test_official_borders():
    sides = [celeba.side_of(f"{number:06d}", None) for number in range(202_601)]
    assert [sides.count(side) for side in (0, 1, 2, None)] == [162_770, 19_867, 19_962, 2]


def test_damaged_partition_names_the_line(tmp_path):
    celeba_tree(tmp_path, "img_align_celeba")
    (tmp_path / "list_eval_partition.txt").write_text("000001.jpg 0\n<html>\n")
    with pytest.raises(UserError, match=r"list_eval_partition.txt, line 2: '<html>'"):
        celeba.listing(protocol("celeba"), tmp_path)


@pytest.mark.parametrize("pattern", ["CelebA-HQ-img/{}.jpg", "{:05d}.png", "imgHQ{:05d}.png", "a/b/{:05d}.jpg"])
def test_celeba_hq_namings_are_one_data_set(tmp_path, pattern):
    for number in range(30):
        picture(tmp_path / pattern.format(number))
    listing = celeba_hq.listing(protocol("celeba-hq"), tmp_path)
    train, test = ids(listing)
    assert (len(train), len(test)) == (25, 4)
    assert train | test < {f"{number:06d}" for number in range(30)}
    assert "000010" in train
    assert "hash order" in listing.about["split"]


@pytest.mark.parametrize("name", ["CelebA-HQ-to-CelebA-mapping.txt", "image_list.txt"])
def test_celeba_hq_mapping_gives_the_official_partition(tmp_path, name):
    rows = ["idx orig_idx orig_file"]
    for number, original in enumerate(CELEBA):
        picture(tmp_path / "CelebAMask-HQ/CelebA-HQ-img" / f"{number}.jpg")
        rows.append(f"{number}\t\t{int(original) - 1}\t\t{original}.jpg")
    picture(tmp_path / "CelebAMask-HQ/CelebAMask-HQ-mask-anno/0/00000_hair.png")
    (tmp_path / "CelebAMask-HQ" / name).write_text("\n".join(rows) + "\n")
    listing = celeba_hq.listing(protocol("celeba-hq"), tmp_path)
    assert ids(listing) == ({"000000", "000001", "000002"}, {"000005", "000006"})
    assert listing.about["set_aside"] == 2
    assert name in listing.about["split"]


def test_celeba_hq_with_celeba_numbers(tmp_path):
    for name in CELEBA:
        picture(tmp_path / f"{name}.jpg")
    assert ids(celeba_hq.listing(protocol("celeba-hq"), tmp_path)) == CELEBA_IDS


def test_celeba_hq_own_folders(tmp_path):
    for number in range(6):
        picture(tmp_path / ("train/male" if number < 4 else "val/male") / f"{number:06d}.jpg")
    listing = celeba_hq.listing(protocol("celeba-hq"), tmp_path)
    assert ids(listing) == ({f"{number:06d}" for number in range(4)}, {"000004", "000005"})


def test_celeba_hq_arrays(tmp_path):
    for number in range(3):
        np.save(tmp_path / f"imgHQ{number:05d}.npy", np.full((1, 3, 64, 64), number, dtype=np.uint8))
    items = celeba_hq.listing(protocol("celeba-hq"), tmp_path).sides().train
    assert {int(item.id) for item in items} == {int(item.draw()[0, 0, 0]) for item in items}


def test_celeba_hq_twice_is_refused(tmp_path):
    picture(tmp_path / "data128/00001.png")
    picture(tmp_path / "data256/00001.png")
    with pytest.raises(UserError, match="same image by name"):
        celeba_hq.listing(protocol("celeba-hq"), tmp_path)


def test_celeba_hq_outside_its_mapping_is_refused(tmp_path):
    for number in (1, 30_000):
        picture(tmp_path / f"{number}.jpg")
    (tmp_path / "image_list.txt").write_text("idx orig_idx orig_file\n1 0 000001.jpg\n")
    with pytest.raises(UserError, match=r"30000.jpg is not in .*image_list.txt"):
        celeba_hq.listing(protocol("celeba-hq"), tmp_path)


SYNSETS = [f"n0144076{number % 3}/n0144076{number % 3}_{number}" for number in range(24)]


def imagenet_ids(root):
    return ids(imagenet.listing(protocol("imagenet"), root))


def test_imagenet_layouts_give_one_subset(tmp_path):
    for name in SYNSETS:
        picture(tmp_path / "a/train" / f"{name}.JPEG")
        picture(tmp_path / "b/ILSVRC/Data/CLS-LOC/train" / f"{name}.JPEG")
        picture(tmp_path / "c" / f"{name}.JPEG")
        picture(tmp_path / "d/val" / f"{Path(name).name}.JPEG")
    picture(tmp_path / "a/val/ILSVRC2012_val_00000001.JPEG")
    expected = imagenet_ids(tmp_path / "a")
    assert (len(expected[0]), len(expected[1])) == (20, 3)
    assert "ILSVRC2012_val_00000001" not in expected[0] | expected[1]
    assert all(imagenet_ids(tmp_path / layout) == expected for layout in "bcd")


def test_imagenet_flat_root_and_subset(tmp_path):
    for number in range(1, 21):
        picture(tmp_path / f"ILSVRC2012_val_{number:08d}.JPEG")
    sides = imagenet.listing(protocol("imagenet", images=6, test_images=1), tmp_path).sides()
    assert (len(sides.train), len(sides.test)) == (5, 1)


def test_folder_split_by_hash(tmp_path):
    for number in range(12):
        picture(tmp_path / f"deep/er/{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    picture(tmp_path / ".hidden/x.png")
    picture(tmp_path / "._1.png")
    train, test = ids(folder.listing(protocol("folder"), tmp_path))
    assert (len(train), len(test)) == (10, 1)
    assert "deep/er/0.png" in train | test | {"deep/er/0.png"}
    assert all(name.startswith("deep/er/") for name in train | test)


@pytest.mark.parametrize("side", ["test", "val", "valid"])
def test_folder_with_its_own_split(tmp_path, side):
    picture(tmp_path / "train/cats/a.png")
    picture(tmp_path / f"{side}/a.png")
    picture(tmp_path / "rest/a.png")
    listing = folder.listing(protocol("folder"), tmp_path)
    assert ids(listing) == ({"train/cats/a.png"}, {f"{side}/a.png"})
    assert listing.about["set_aside"] == 1


def test_validation_is_set_aside_beside_a_test_folder(tmp_path):
    for side in ("train", "test", "val"):
        picture(tmp_path / side / "a.png")
    assert ids(folder.listing(protocol("folder"), tmp_path)) == ({"train/a.png"}, {"test/a.png"})


def test_folder_with_links_in_a_circle(tmp_path):
    for number in range(3):
        picture(tmp_path / f"real/{number}.png")
    (tmp_path / "real/back").symlink_to(tmp_path / "real")
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/linked").symlink_to(tmp_path / "real")
    train, test = ids(folder.listing(protocol("folder"), tmp_path / "tree"))
    assert len(train | test) == 3


@pytest.mark.parametrize(
    ("module", "looked_for"),
    [
        (celeba, "looked for img_align_celeba/"),
        (celeba_hq, "looked for 0.jpg"),
        (imagenet, "looked for train/, val/"),
        (folder, "no pictures"),
    ],
)
def test_wrong_layouts_say_what_was_found(tmp_path, module, looked_for):
    (tmp_path / "readme.txt").write_text("")
    (tmp_path / "stuff").mkdir()
    with pytest.raises(UserError) as caught:
        module.listing(protocol(module.__name__.rpartition(".")[2].replace("_", "-")), tmp_path)
    assert looked_for in str(caught.value)
    assert "readme.txt, stuff/" in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def hold(root):
    """Load the folder as a user would, and say what is told of it."""
    asked = Protocol(
        data=f"folder={root}", resolution=32, images=10**9, split=(1, 1, 0), test_images=10**9, mask_sets=()
    )
    data = load(asked, root.parent / "cache")
    return data, told(data)


def test_what_is_amiss_with_files_is_counted_and_told(tmp_path):
    root, away = tmp_path / "pictures", tmp_path / "away"
    for number in range(8):
        picture(root / f"{number}.png")
    for number in (20, 21):
        picture(away / f"{number}.png", value=100 + number)
    assert hold(root)[1] == []
    (root / "broken.png").symlink_to(tmp_path / "gone.png")
    (root / "text.png").write_text("no picture")
    (root / "cut.png").write_bytes((root / "0.png").read_bytes()[:-12])
    os.mkfifo(root / "pipe.png")
    (root / "linked.png").symlink_to(away / "20.png")
    (root / "inside.png").symlink_to(root / "3.png")
    (root / "folder").symlink_to(away)
    data, lines = hold(root)
    skipped = {one["name"]: one["reason"] for one in data.manifest["skipped"]}
    assert skipped == {
        "broken.png": "a broken link",
        **dict.fromkeys(("text.png", "cut.png", "pipe.png"), "damaged, or not a picture"),
    }
    first = data.manifest["skipped"][0]["name"]
    assert lines[0] == f"4 of 16 pictures cannot be used and were left out, the first {first}: {skipped[first]}."
    # linked.png and folder/20.png are one file, as are inside.png and 3.png; they may fall on one side or on both.
    assert data.manifest["outside"] == {"count": 3, "first": "folder/20.png"}
    assert "3 pictures lie outside the data folder, behind links, the first folder/20.png." in lines
    twice = data.manifest.get("doubled", {"count": 0})["count"]
    assert twice + len(data.manifest["repeated"]) == 2
    assert len(lines) == 2 + (twice > 0) + (len(data.manifest["repeated"]) > 0)
    (tmp_path / "gone.png").write_bytes((root / "5.png").read_bytes())
    assert hold(root)[1][0].startswith("3 of 16")  # a mended file makes another pack


def test_doubled_pictures_of_one_side(tmp_path):
    for name in ("train/a.png", "train/b.png", "train/c.png", "test/d.png"):
        picture(tmp_path / "pictures" / name, value=9 if name[-5] in "ac" else None)
    data, lines = hold(tmp_path / "pictures")
    found = data.manifest["doubled"]
    assert (found["count"], {found["first"], found["of"]}) == (1, {"train/a.png", "train/c.png"})
    assert lines == [f"1 pictures are there twice, pixel for pixel, the first {found['first']} as {found['of']}."]


def test_a_folder_that_may_not_be_read_is_named(tmp_path, monkeypatch):
    picture(tmp_path / "a.png")
    (tmp_path / "shut").mkdir()
    scandir = os.scandir

    def refuses(path):
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuses)
    with pytest.raises(UserError, match="shut cannot be read: Permission denied"):
        folder.listing(protocol("folder"), tmp_path)
