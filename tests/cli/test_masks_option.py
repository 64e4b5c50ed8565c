"""`--masks`: drawn mask sets and mask folders, through the verbs."""

import json

import numpy as np
import pytest
from PIL import Image

from bench.claims.contenders import by_protocol
from bench.data.protocol import ProtocolOverrides, protocols
from bench.runs.records import find_records


@pytest.fixture
def masks(tmp_path):
    folder = tmp_path / "thick masks"
    folder.mkdir()
    for index in range(5):
        pixels = np.zeros((40, 40), dtype=np.uint8)
        pixels[5 + index : 20, 10 : 20 + index] = 255
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return folder


def evaluate(bench, out, *more):
    code, printed, error = bench("evaluate", "telea", "--scale", "smoke", "--out", out, *more)
    assert code == 0, error
    return printed


def test_a_folder_is_a_mask_set_like_any_other(bench, tmp_path, masks):
    out = tmp_path / "out"
    words = ("--masks", f"masks={masks}:white", "--masks", "irregular_10_20_clear")
    assert "masks-thick_masks" in evaluate(bench, out, *words)
    (record,) = find_records(out)
    assert set(record.run.mask_sets) == set(record.content.mask_sets) == {"masks-thick_masks", "irregular_10_20_clear"}
    for name in record.run.mask_sets:
        assert record.content.mask_sets[name].sha256 == record.run.mask_sets[name]
        assert len(record.mask_set(name)) == len(record.predictions(name)) == record.content.data.counts["test"]
    assert record.content.mask_sets["masks-thick_masks"].files.in_folder == 5
    share = record.mask_set("irregular_10_20_clear")["hole_share"]
    assert share.between(0.1, 0.2).all()
    assert record.content.command.split(" --masks ")[1:] == [
        f"'masks={masks}:white'",
        "irregular_10_20_clear --seed 0",
    ]


def test_a_path_is_only_a_place(bench, tmp_path, masks):
    out = tmp_path / "out"
    evaluate(bench, out, "--masks", f"masks={masks}:white", "--masks", "center")
    (tmp_path / "elsewhere").mkdir()
    moved = masks.rename(tmp_path / "elsewhere" / masks.name)
    from bench.masks.sets import mask_set

    mask_set.cache_clear()
    evaluate(bench, out, "--masks", "center", "--masks", f"masks={moved}:white")
    assert len(find_records(out)) == 1


def test_other_masks_are_another_run(bench, tmp_path, masks):
    out = tmp_path / "out"
    evaluate(bench, out, "--masks", f"masks={masks}:white")
    for path in masks.iterdir():
        Image.fromarray(np.asarray(Image.open(path)).T).save(path)
    from bench.masks.folder import _bits, digest, open_folder
    from bench.masks.sets import mask_set

    for cached in (mask_set, open_folder, _bits, digest):
        cached.cache_clear()
    evaluate(bench, out, "--masks", f"masks={masks}:white")
    assert len(by_protocol(find_records(out))) == 2


def test_without_the_option_the_command_has_none(bench, tmp_path):
    evaluate(bench, tmp_path / "out")
    content = json.loads(next((tmp_path / "out").rglob("record.json")).read_text())
    assert content["command"] == "python -m bench evaluate telea --scale smoke --data faces --seed 0"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("centre", ("no mask set 'centre'", "Did you mean 'center'")),
        ("nvidia=/none", ("/none is not a folder", "Unpack")),
        ("masks=/none", ("give the hole's colour", "masks=/none:white")),
    ],
)
def test_bad_mask_sets_are_told_before_any_work(bench, tmp_path, spec, words):
    code, _, error = bench("reproduce", "fang2021", "--scale", "smoke", "--masks", spec, "--out", tmp_path / "out")
    assert code == 2
    assert len(error.strip().splitlines()) == 1
    for word in words:
        assert word in error
    assert not (tmp_path / "out").exists()


def test_mask_sets_of_one_name_are_refused():
    from bench.util.errors import UserError

    with pytest.raises(UserError, match="both be called 'masks-a'"):
        protocols("quick", ProtocolOverrides(), None, ["masks=/x/a:white", "masks=/y/a:white"])
