"""What came back: every kind of picture is scored rightly or refused with its name."""

import hashlib
import io
import json
import os
import re
import shutil

import cv2
import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from skimage.metrics import peak_signal_noise_ratio

from bench.exchange import score as module
from bench.exchange.score import Scoring
from bench.runs.parts import DataManifest
from bench.util.errors import UserError
from bench.util.progress import Progress


@pytest.fixture
def score(exported, tmp_path):
    def call(predictions, name="tool", **options):
        console = Console(file=io.StringIO())
        return Scoring(exported, predictions, name, tmp_path / "runs", **options).make(Progress(console), ["harmonic"])

    return call


def refused(score, predictions, *words, **options):
    with pytest.raises(UserError) as caught:
        score(predictions, **options)
    text = str(caught.value)
    assert "\n" not in text
    for word in words:
        assert word in text, text


def first(folder, mask_set="center"):
    return sorted((folder / mask_set).iterdir())[0]


def pixels(path):
    return np.asarray(Image.open(path))


def test_scores_are_those_of_the_pasted_pictures(score, tool, exported):
    out = tool(change=lambda array: 255 - ((255 - array) // 2) * 2)
    record = score(out)
    frame = record.mask_set("irregular")
    assert len(frame) == 39
    for row, (image_id, values) in enumerate(frame.iterrows()):
        if row % 10 == 0:
            name = f"{image_id.replace('/', '%2F')}.png"
            truth, raw = pixels(exported / "truth" / name), pixels(out / "irregular" / name)
            hole = pixels(exported / "irregular" / "masks" / name) == 255
            composite = np.where(hole[..., None], raw, truth)
            assert values["psnr"] == pytest.approx(peak_signal_noise_ratio(truth, composite), abs=1e-9)
            assert values["psnr_raw"] == pytest.approx(peak_signal_noise_ratio(truth, raw), abs=1e-9)
            assert (record.predictions("irregular")[row] == composite.transpose(2, 0, 1)).all()
            differs = np.abs(truth.astype(int) - raw)[~hole]
            assert values["known_error"] == pytest.approx(differs.mean(), abs=1e-6)
            assert values["known_unequal"] == pytest.approx((differs.max(axis=1) > 0).mean(), abs=1e-6)
    known = record.content.external.known
    assert known.changed == 78
    assert known.error_most == 1
    assert "truncated instead of rounded" in record.content.notes[-1]


def test_the_record_says_what_it_is(score, tool, exported):
    record = score(tool())
    assert record.run.origin == "external"
    assert record.run.partial == {}
    assert record.folder.parent.name == "folder-external"
    assert record.content.notes[0].startswith("external: scored from pictures")
    assert record.content.notes[-1] == "Known pixels: the truth's in all 78 pictures."
    again = record.content.predictions_sha256
    assert set(again) == {"center", "irregular"}


@pytest.mark.parametrize("name", ["{}_mask.png", "{}_mask000.png", "{}_inpainted.png", "{}.webp", "lama/{}_mask.png"])
def test_names_that_tools_give(score, tool, tmp_path, name):
    for mask_set in ("center", "irregular"):
        (tmp_path / "out" / mask_set / "lama").mkdir(parents=True)
    options = {"lossless": True} if name.endswith("webp") else {}
    record = score(tool(name, **options))
    assert record.content.external.known.changed == 0
    assert len(record.scores) == 78


def test_one_mask_set_needs_no_folder_of_its_own(score, tool):
    out = tool()
    one = score(out / "center", mask_sets=["center"])
    assert one.run.protocol.mask_sets == ("center",)
    assert (one.mask_set("center")["psnr"] == score(out).mask_set("center")["psnr"]).all()
    refused(score, out / "center", "has no folder center/", "--masks")
    refused(score, out, "not exported with the mask set 'centre'", "Did you mean 'center'", mask_sets=["centre"])


def test_missing_pictures_never_yield_a_full_score(score, tool, tmp_path):
    out = tool()
    path = first(out)
    path.unlink()
    refused(score, out, "Mask set center: 1 of 39 pictures are missing", path.name, "--partial")
    assert not list((tmp_path / "runs").rglob("record.json"))
    record = score(out, partial=True)
    assert record.run.partial == {"center": "38 of 39"}
    assert "38 of 39" in record.content.notes[1]
    full = score(tool(folder="full"))
    assert record.run.key != full.run.key
    shutil.rmtree(out / "center")
    (out / "center").mkdir()
    refused(score, out, "39 of 39 pictures are missing", "leave the mask set out", partial=True)


def test_extra_and_double_files(score, tool):
    out = tool()
    path = first(out)
    shutil.copy(path, out / "center" / "grid.png")
    record = score(out)
    assert record.content.external.extra == ["center/grid.png"]
    assert "grid.png" in record.content.notes[1]
    shutil.copy(path, path.with_name(f"{path.stem}_mask.png"))
    refused(score, out, path.name, f"{path.stem}_mask.png", "Keep one")


def test_renamed_pictures_are_told_with_what_is_there(score, tool):
    refused(score, tool("result of {}.png"), "39 of 39 pictures are missing", "39 files match none", "result of")


def test_unreadable_pictures_are_named(score, tool, tmp_path):
    out = tool()
    path = first(out)
    whole = path.read_bytes()
    path.write_bytes(b"no picture")
    refused(score, out, str(path), "not a picture")
    path.write_bytes(whole[: len(whole) // 2])
    refused(score, out, str(path), "damaged")
    assert not list((tmp_path / "runs").rglob("record.json"))
    refused(score, tmp_path / "nowhere", "nowhere", "no such folder")


def test_sizes(score, tool):
    out = tool()
    path = first(out)
    Image.open(path).resize((64, 64)).save(path)
    refused(score, out, str(path), "is 64x64, its hole is 32x32", "1 of 39")
    refused(
        score, tool(change=lambda array: cv2.resize(array, (64, 64)), folder="big"), "All 39 pictures are 64x64",
        "--resolution",
    )  # fmt: skip


def test_forms_whose_colours_are_certain(score, tool, tmp_path):
    plain = score(tool())
    opaque = score(tool(change=lambda array: np.dstack([array, np.full(array.shape[:2], 255, np.uint8)]), folder="a"))
    assert (opaque.scores["psnr"] == plain.scores["psnr"]).all()
    assert any("alpha" in note for note in opaque.content.notes)
    deep = tool(folder="deep")
    for path in deep.rglob("*.png"):
        levels = cv2.imread(str(path)).astype(np.int64) * 257
        # Cutting the lower byte off, as Pillow does, would make 100 less a level less; rounding does not.
        cv2.imwrite(str(path), np.maximum(levels - 100, 0).astype(np.uint16))
    record = score(deep)
    assert (record.scores["psnr"] == plain.scores["psnr"]).all()
    assert any("16-bit" in note for note in record.content.notes)
    gray = score(tool(change=lambda array: np.asarray(Image.fromarray(array).convert("L")), folder="gray"))
    assert any("gray" in note for note in gray.content.notes)
    assert gray.scores["known_error"].min() > 1


@pytest.mark.parametrize(
    ("form", "words"),
    [("transparent", "transparent pixels"), ("cmyk", "CMYK"), ("animated", "animation of 2 frames")],
)
def test_forms_whose_colours_are_not(score, tool, form, words):
    out = tool()
    path = first(out)
    image = Image.open(path).convert("RGB")
    path.unlink()
    if form == "transparent":
        image.putalpha(128)
        image.save(path)
    elif form == "cmyk":
        path = path.with_suffix(".jpg")
        image.convert("CMYK").save(path)
    else:
        path = path.with_suffix(".gif")
        image.save(path, save_all=True, append_images=[image.rotate(90)])
    refused(score, out, str(path), words)


def test_jpeg_and_resized_pictures_are_told_with_their_effect(score, tool):
    record = score(tool("{}.jpg", quality=80))
    known, note = record.content.external.known, record.content.notes[-1]
    cost = (record.scores["psnr"] - record.scores["psnr_raw"]).mean()
    assert known.psnr - known.psnr_raw == pytest.approx(cost)
    assert cost > 0.05
    assert f"costs {cost:.2f} dB" in note
    assert "look like JPEG" in note
    assert any("78 pictures are JPEG" in one for one in record.content.notes)

    def there_and_back(array):
        return cv2.resize(cv2.resize(array, (64, 64)), (32, 32), interpolation=cv2.INTER_AREA)

    assert "resized and back" in score(tool(change=there_and_back, folder="resized")).content.notes[-1]
    strange = score(tool(change=lambda array: 64 + array // 2, folder="range"))
    assert "other pictures" in strange.content.notes[-1]


@pytest.mark.parametrize(("by", "words"), [(3, "3.0 grey levels brighter"), (-5, "5.0 grey levels darker")])
def test_a_shift_of_brightness_is_told_as_one(score, tool, by, words):
    def shifted(array):
        return np.clip(array.astype(int) + by, 0, 255).astype(np.uint8)

    record = score(tool(change=shifted))
    assert record.scores["known_shift"].mean() == pytest.approx(by, abs=0.1)
    note = record.content.notes[-1]
    assert words in note
    assert "JPEG" not in note


def test_unfilled_pictures_are_refused(score, tool, exported, tmp_path):
    out = tool()
    paths = sorted((out / "irregular").iterdir())[4:7]
    for path in paths:
        shutil.copy(exported / "irregular" / "images" / path.name, path)
    said = "Mask set irregular: 3 of 39 pictures came back unfilled", "the first", "--partial"
    refused(score, out, *said)
    with pytest.raises(UserError) as caught:
        score(out)
    assert any(str(path) in str(caught.value) for path in paths)
    assert not list((tmp_path / "runs").rglob("record.json"))
    for path in paths:
        path.unlink()
    assert score(out, partial=True).run.partial == {"irregular": "36 of 39"}
    black = tool("{}.jpg", folder="jpg", quality=90)
    for path in sorted((black / "center").iterdir()):
        Image.open(exported / "center" / "images" / f"{path.stem}.png").save(path, quality=60)
    refused(score, black, "39 of 39 pictures came back unfilled")


def test_a_dark_fill_of_a_dark_picture_is_a_fill():
    from bench.exchange.mistaken import UNFILLED, _look

    truth = np.full((3, 16, 16), 12, dtype=np.uint8)
    hole = np.zeros((1, 16, 16), dtype=bool)
    hole[:, 4:9, 4:9] = True
    assert _look(None, truth, hole, np.where(hole, np.uint8(0), truth)).mistake == ""
    assert _look(None, truth + 50, hole, np.where(hole, np.uint8(10), truth + 50)).mistake == ""
    assert _look(None, truth + 50, hole, np.where(hole, np.uint8(0), truth + 50)).mistake == UNFILLED


MISTAKES = {
    "with red and blue swapped": lambda array: array[..., ::-1],
    "upside down": lambda array: array[::-1],
    "mirrored": lambda array: array[:, ::-1],
    "transposed": lambda array: array.transpose(1, 0, 2),
    "inverted": lambda array: 255 - array,
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("form", ["{}.png", "{}.jpg"])
def test_mistaken_pictures_are_refused_with_the_mend(score, tool, tmp_path, mistake, form):
    from bench.exchange.mistaken import MEND

    out = tool(form, change=MISTAKES[mistake])
    refused(score, out, f"Mask set center: 39 of 39 pictures came back {mistake}", MEND[mistake])
    assert not list((tmp_path / "runs").rglob("record.json"))


def test_shuffled_pictures_are_refused(score, tool):
    out = tool()
    paths = sorted((out / "center").iterdir())
    contents = [path.read_bytes() for path in paths]
    for path, content in zip(paths[10:14], contents[11:14] + contents[10:11], strict=True):
        path.write_bytes(content)
    refused(
        score, out, "Mask set center: 4 of 39 pictures came back as another image's", "the first", "Name each after"
    )
    with pytest.raises(UserError) as caught:
        score(out)
    came, shown = re.search(r"as another image's, (\S+), the first \S+/(\S+)\. ", str(caught.value)).groups()
    names = [path.name for path in paths]
    assert names.index(came) == {10: 11, 11: 12, 12: 13, 13: 10}[names.index(shown)]


def test_what_a_poor_network_returns_is_no_mistake(score, tool):
    """Raw outputs whose known pixels are far off, too: blurred, paler, in grey."""

    def poor(array):
        return (128 + 0.5 * (cv2.GaussianBlur(array, (0, 0), 5).astype(float) - 128)).astype(np.uint8)

    record = score(tool(change=poor))
    assert record.scores["known_error"].mean() > 16


def test_a_pipe_and_a_picture_of_another_format_are_refused(score, tool):
    out = tool()
    path = first(out)
    path.unlink()
    os.mkfifo(path)
    refused(score, out, str(path), "not a regular file")
    path.unlink()
    path.write_bytes(EPS)
    refused(score, out, str(path), "not a picture")


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 32 32\n%%EndComments\n{ } loop\n%%EOF\n"


def test_a_truth_that_was_changed_is_named(score, tool, exported, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(exported, copy)
    path = sorted((copy / "truth").iterdir())[3]
    Image.fromarray(255 - pixels(path)).save(path)
    with pytest.raises(UserError, match="has changed since it was exported"):
        Scoring(copy, tool(), "tool", tmp_path / "runs").make(Progress(Console(quiet=True)))


@pytest.fixture
def elsewhere(exported, tmp_path):
    """A copy of the export whose manifest `change` alters; it scores the tool's pictures."""

    def call(predictions, change):
        copy, out = tmp_path / "copy", tmp_path / "runs"
        shutil.copytree(exported, copy, dirs_exist_ok=True)
        manifest = json.loads((copy / "manifest.json").read_text())
        change(manifest, copy)
        (copy / "manifest.json").write_text(json.dumps(manifest))
        before = set(tmp_path.parent.rglob("*"))
        with pytest.raises(UserError) as caught:
            Scoring(copy, predictions, "tool", out).make(Progress(Console(quiet=True)))
        made = {path for path in tmp_path.parent.rglob("*") if path not in before}
        assert all(path == out or out in path.parents for path in made)
        assert not list(tmp_path.rglob("record.json"))
        return str(caught.value)

    return call


def rename(name):
    def change(manifest, copy):
        manifest["protocol"]["data"] = manifest["data"]["name"] = name
        manifest["fingerprint"] = DataManifest.model_validate(manifest["data"]).fingerprint

    return change


def set_to(value, *keys):
    def change(manifest, copy):
        for key in keys[:-1]:
            manifest = manifest[key]
        manifest[keys[-1]] = value

    return change


def double(manifest, copy):
    manifest["pictures"][1] = manifest["pictures"][0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (rename("../../x"), "no data set '../../x'"),
        (rename("/tmp/x"), "no data set '/tmp/x'"),
        (set_to("../x", "scale"), "no scale '../x'"),
        (set_to("other", "data", "name"), "not those of its protocol"),
        (set_to("otherwise", "data", "split"), "does not have its fingerprint"),
        (set_to({}, "data"), "damaged at data"),
        (set_to(["../center"], "protocol", "mask_sets"), "no mask set '../center'"),
        (set_to({}, "mask_sets"), "mask sets are not those of its protocol"),
        (set_to("../../truth", "pictures", 0, "name"), "does not have its name"),
        (set_to({}, "pictures", 0, "holes"), "or not its holes"),
        (set_to([], "pictures"), "each once"),
        (double, "each once"),
    ],
)
def test_an_altered_manifest_is_refused_and_no_name_becomes_a_path(elsewhere, tool, change, words):
    text = elsewhere(tool(), change)
    assert words in text
    assert "\n" not in text


def swapped(folder, kind):
    """Another picture or hole in place of one, with its hash in the manifest."""

    def change(manifest, copy):
        path = sorted((copy / folder).iterdir())[3]
        if kind == "L":
            Image.fromarray(np.roll(pixels(path), 1, axis=0)).save(path)
        else:
            Image.fromarray(np.maximum(pixels(path), 1) - 1).save(path)
        one = next(one for one in manifest["pictures"] if one["name"] == path.stem)
        holder, key = (one, "truth") if kind == "RGB" else (one["holes"], folder.partition("/")[0])
        holder[key] = hashlib.sha256(path.read_bytes()).hexdigest()

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (swapped("truth", "RGB"), "truth/ does not hold the test images"),
        (swapped("irregular/masks", "L"), "irregular/masks/ does not hold the holes"),
    ],
)
def test_hashes_adapted_to_other_truths_or_holes_do_not_bear_the_honest_key(elsewhere, tool, change, words):
    assert words in elsewhere(tool(), change)


def test_names(score, tool):
    out = tool()
    refused(score, out, "--name harmonic", "a method here", name="harmonic")
    refused(score, out, "--name '../x'", name="../x")
    refused(score, out, "--name ''", name="")


def test_killed_in_the_middle_the_same_command_gives_the_same_record(score, tool, tmp_path, monkeypatch):
    from bench.runs import evaluation

    out = tool()
    straight = score(out)
    kept = {path.name: path.read_bytes() for path in straight.folder.rglob("*") if path.is_file()}
    shutil.rmtree(tmp_path / "runs")
    monkeypatch.setattr(evaluation, "PART", 16)
    read, asked = module.read_returned, []

    def dies(file):
        asked.append(file.path)
        if len(asked) == 78 + 60:  # all were looked at before
            raise KeyboardInterrupt
        return read(file)

    monkeypatch.setattr(module, "read_returned", dies)
    with pytest.raises(KeyboardInterrupt):
        score(out)
    asked.extend([None] * 100)
    before = len(asked)
    resumed = score(out)
    assert len(asked) - before < 78 - 39  # the first mask set, and a part of the second, were not read again
    for path in resumed.folder.rglob("*"):
        if path.is_file() and path.name != "events.jsonl":
            assert path.read_bytes() == kept[path.name], path
    assert {path.name for path in resumed.folder.rglob("*") if path.is_file()} == set(kept)
