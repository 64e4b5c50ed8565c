import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from bench.data import load
from bench.data.protocol import ProtocolOverrides, protocols
from bench.exchange import export as module
from bench.exchange.export import export
from bench.exchange.layout import read_manifest
from bench.exchange.protocols import export_protocol
from bench.masks.sets import mask_set
from bench.methods.catalog import find
from bench.util.errors import UserError
from bench.util.files import sha256


def pixels(path):
    return np.asarray(Image.open(path))


def tree(root):
    return {path.relative_to(root): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_truth_damage_and_hole_are_those_of_the_protocol(exported, protocol, cache):
    manifest = read_manifest(exported)
    test = load(protocol, cache).test
    assert [one.id for one in manifest.pictures] == test.ids
    assert len(test) == 39
    for index, picture in enumerate(manifest.pictures):
        truth = np.asarray(test.pixels[index]).transpose(1, 2, 0)
        assert (pixels(exported / "truth" / f"{picture.name}.png") == truth).all()
        assert sha256((exported / "truth" / f"{picture.name}.png").read_bytes()) == picture.truth
        for name in protocol.mask_sets:
            hole = mask_set(name).hole(picture.id, *truth.shape[:2])
            mask = pixels(exported / name / "masks" / f"{picture.name}.png")
            damaged = pixels(exported / name / "images" / f"{picture.name}.png")
            assert mask.ndim == 2
            assert (mask == np.where(hole, 255, 0)).all()
            assert (damaged[~hole] == truth[~hole]).all()
            assert not damaged[hole].any()


def test_lama_pairs_its_files_and_iopaint_its_stems(exported):
    for name in ("center", "irregular"):
        # As LaMa's predict reads a folder: every *mask*.png, and the picture before its last `_mask`.
        masks = sorted(map(str, (exported / name / "lama").rglob("*mask*.png")))
        images = [mask.rsplit("_mask", 1)[0] + ".png" for mask in masks]
        assert len(set(images)) == 39
        for image, mask in zip(images, masks, strict=True):
            stem = Path(image).name
            assert (pixels(image) == pixels(exported / name / "images" / stem)).all()
            assert (pixels(mask) == pixels(exported / name / "masks" / stem)).all()
        # As IOPaint's run does: the same stem in two folders.
        first, second = ({path.stem for path in (exported / name / part).glob("*.*")} for part in ("images", "masks"))
        assert first == second


def test_killed_in_the_middle_the_same_command_goes_on(exported, protocol, cache, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PART", 8)
    write, written = module.Export._write, []

    def dies(self, index):
        if index == 20:
            raise KeyboardInterrupt
        return write(self, index)

    def counts(self, index):
        written.append(index)
        return write(self, index)

    root = tmp_path / "ex"
    monkeypatch.setattr(module.Export, "_write", dies)
    with pytest.raises(KeyboardInterrupt):
        export(protocol, "custom", root, cache, Console(quiet=True))
    assert not (root / "manifest.json").exists()
    (root / "truth" / ".x.png.abc.tmp").write_text("left behind")
    monkeypatch.setattr(module.Export, "_write", counts)
    export(protocol, "custom", root, cache, Console(quiet=True))
    assert min(written) == 16
    assert tree(root) == tree(exported)
    written.clear()
    export(protocol, "custom", root, cache, Console(quiet=True))
    assert written == []


def test_a_folder_with_other_things_is_left_alone(exported, protocol, cache, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty"):
        export(protocol, "custom", tmp_path, cache, Console(quiet=True))
    other = protocol.model_copy(update={"mask_sets": ("center",)})
    before = (exported / "manifest.json").read_bytes()
    with pytest.raises(UserError, match="a different export"):
        export(other, "custom", exported, cache, Console(quiet=True))
    assert (exported / "manifest.json").read_bytes() == before
    begun = tmp_path / "begun"
    shutil.copytree(exported, begun)
    (begun / "manifest.json").unlink()
    (begun / ".parts").mkdir()
    (begun / ".parts" / "asked.json").write_text(json.dumps({"format": 0}))
    with pytest.raises(UserError, match="beginning of another export"):
        export(protocol, "custom", begun, cache, Console(quiet=True))


def test_the_protocol_is_the_one_that_others_are_scored_under():
    catalog = find()
    assert export_protocol(catalog, "faces", None, None, [], None, None) == (
        "quick", protocols("quick", ProtocolOverrides(), "faces")[0],
    )  # fmt: skip
    paper = catalog["fang2021"].paper().scales["smoke"].protocol
    assert export_protocol(catalog, "faces", "smoke", "fang2021", [], None, None) == (
        "smoke", protocols("smoke", paper, "faces")[0],
    )  # fmt: skip
    scale, own = export_protocol(catalog, "faces", None, None, ["center", "center"], 128, 7)
    assert (scale, own.resolution, own.test_images, own.mask_sets) == ("custom", 128, 7, ("center",))
    with pytest.raises(UserError, match="leave out --scale and --paper"):
        export_protocol(catalog, "faces", "quick", None, [], 128, None)
    with pytest.raises(UserError, match="Did you mean 'center'"):
        export_protocol(catalog, "faces", None, None, ["centre"], None, None)


def test_what_is_left_out_is_told_in_the_terminal_and_the_manifest(pictures, protocol, tmp_path):
    shutil.copytree(pictures, tmp_path / "pictures")
    (tmp_path / "pictures" / "broken.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "pictures" / "cut.png").write_bytes((pictures / "d0" / "0.png").read_bytes()[:-12])
    asked = protocol.model_copy(update={"data": f"folder={tmp_path / 'pictures'}", "mask_sets": ("center",)})
    console = Console(file=io.StringIO(), width=60)
    manifest = export(asked, "custom", tmp_path / "ex", tmp_path / "cache", console)
    (note,) = manifest.notes
    assert note.startswith("2 of 42 pictures cannot be used and were left out, the first ")
    assert note in console.file.getvalue()
    assert {one.name: one.reason for one in manifest.data.skipped} == {
        "broken.png": "a broken link", "cut.png": "damaged, or not a picture",
    }  # fmt: skip
