"""Bad input: one clear line that names the file, the value and the mend; exit code 2; nothing written over."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from bench.methods.catalog import ROOT


def told(result, *words):
    code, _, error = result
    assert code == 2, error
    assert error.startswith("error: ")
    assert len(error.strip().splitlines()) == 1, error
    assert "Traceback" not in error
    for word in words:
        assert word in error, error


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (48, 40, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def mask(tmp_path):
    def write(array, name="mask.png"):
        Image.fromarray(np.uint8(array)).save(tmp_path / name)
        return tmp_path / name

    return write


def hole(height=48, width=40):
    array = np.zeros((height, width))
    array[10:20, 10:20] = 255
    return array


@pytest.mark.parametrize("verb", ["reproduce", "show", "report", "train", "evaluate"])
def test_an_unknown_method_gets_the_nearest(bench, verb):
    told(bench(verb, "fang2012"), "no method 'fang2012'", "Did you mean 'fang2021'")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_that_knows_fewer_characters_gets_a_question_mark(encoding):
    words = [sys.executable, "-m", "bench", "show", "fang2021"]
    done = subprocess.run(words, capture_output=True, cwd=ROOT, env=os.environ | {"PYTHONIOENCODING": encoding})
    assert done.returncode == 0, done.stderr
    assert "?" in done.stdout.decode(encoding)


def test_a_method_that_lies_here_needs_include(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bench("new-baseline", "mine")
    bench("new-paper", "ours")
    told(bench("evaluate", "mine"), "no method 'mine' yet", "add: --include mine.py")
    told(bench("reproduce", "ours"), "no method 'ours' yet", "add: --include ours")


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (("evaluate", "harmonic", "--seed", "-1"), "seeds = -1: Input should be greater than or equal to 0"),
        (("evaluate", "harmonic", "--seed", "x"), "Invalid value for '--seed'"),
        (("evaluate", "harmonic", "--nosuch"), "No such option: --nosuch"),
        (("evaluate",), "Missing argument 'METHOD'"),
        (("evalute", "harmonic"), "No such command 'evalute'. Did you mean 'evaluate'?"),
    ],
)
def test_a_command_line_that_cannot_be_read(bench, words, what):
    told(bench(*words), what, "--help" if "seeds" not in what else "")


def test_an_unknown_variant_setting_and_scale(bench, tmp_path):
    out = ("--out", tmp_path / "out", "--scale", "smoke")
    told(bench("reproduce", "fang2021", "--variant", "no_l2", *out), "no variant 'no_l2'", "Did you mean")
    told(bench("reproduce", "fang2021", "--set", "widht=8", *out), "no setting 'widht'", "Did you mean 'width'")
    told(bench("reproduce", "fang2021", "--set", "width", *out), "--set KEY=VALUE")
    told(bench("reproduce", "fang2021", "--set", "steps=-3", *out), "steps = -3", "greater than or equal to 1")
    told(bench("train", "fang2021", "--scale", "quik", "--out", tmp_path / "out"), "no scale 'quik'")
    told(bench("reproduce", "harmonic", *out), "'harmonic' is a baseline", "python -m bench evaluate harmonic")
    told(bench("show", "harmonic"), "'harmonic' is a baseline without a paper.toml: it has no card")
    assert not (tmp_path / "out").exists()


def test_a_data_path(bench, tmp_path):
    out = ("--out", tmp_path / "out", "--scale", "smoke")
    told(bench("reproduce", "fang2021", "--data", "faecs", *out), "faecs", "Did you mean 'faces'")
    told(bench("reproduce", "fang2021", "--data", "celeba", *out), "celeba=PATH")
    told(bench("reproduce", "fang2021", "--data", f"celeba={tmp_path / 'no'}", *out), str(tmp_path / "no"))
    (tmp_path / "empty").mkdir()
    told(bench("reproduce", "fang2021", "--data", f"folder={tmp_path / 'empty'}", *out), str(tmp_path / "empty"))


def test_an_output_folder_that_cannot_be_written(bench, tmp_path):
    (tmp_path / "file").write_text("mine")
    told(bench("reproduce", "fang2021", "--scale", "smoke", "--out", tmp_path / "file"), "cannot be written", "--out")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_full_output_folder_is_told_before_training(bench, tmp_path, monkeypatch):
    from bench.runs import experiment

    monkeypatch.setattr(experiment, "TRAINING_BYTES", 10**18)
    told(bench("train", "fang2021", "--scale", "smoke", "--out", tmp_path / "out"), "MiB free, but needs")


def test_a_device_that_is_not_there(bench, tmp_path):
    told(bench("train", "fang2021", "--device", "tpu", "--out", tmp_path), "--device tpu", "cpu")


def test_pictures_and_masks(bench, tmp_path, picture, mask, monkeypatch):
    monkeypatch.chdir(tmp_path)  # away from the runs of whoever runs the tests

    def inpaint(image, hole_path, output=tmp_path / "out.png", method="harmonic", *more):
        return bench("inpaint", image, "--mask", hole_path, "--method", method, "-o", output, *more)

    good = mask(hole())
    told(inpaint(tmp_path / "no.png", good), "no.png")
    (tmp_path / "text.png").write_text("no picture")
    told(inpaint(tmp_path / "text.png", good), "text.png")
    told(inpaint(picture, tmp_path / "no.png"), "no.png")
    told(inpaint(picture, mask(hole(50, 40), "size.png")), "size.png", "50")
    told(inpaint(picture, mask(hole() * 0, "none.png")), "none.png")
    told(inpaint(picture, mask(hole() * 0 + 255, "all.png")), "all.png")
    told(inpaint(picture, mask(np.arange(48 * 40).reshape(48, 40) % 256, "soft.png")), "soft.png")
    told(inpaint(picture, "alpha"), "alpha")
    told(inpaint(picture, good, tmp_path / "out.jpg"), ".png")
    told(inpaint(picture, good, tmp_path / "out.png", "fang2021"), "Train it first")
    assert not (tmp_path / "out.png").exists()
    (tmp_path / "out.png").write_text("mine")
    told(inpaint(picture, good), "out.png", "--force")
    assert (tmp_path / "out.png").read_text() == "mine"


def test_a_paper_with_a_wrong_type_names_file_line_and_key(bench, tmp_path):
    shutil.copytree(ROOT / "papers" / "fang2021", tmp_path / "mine")
    toml = tmp_path / "mine" / "paper.toml"
    lines = toml.read_text().splitlines()
    number = next(i for i, line in enumerate(lines) if line.startswith("year = "))
    lines[number] = 'year = "long ago"'
    toml.write_text("\n".join(lines))
    told(bench("show", "mine", "--include", tmp_path / "mine"), f"paper.toml, line {number + 1}", "paper.year")


def test_a_report_without_records(bench, tmp_path):
    told(bench("report", "fang2021", "--out", tmp_path), "no record of fang2021", "python -m bench reproduce fang2021")


def test_a_resolution_that_a_method_refuses_is_told_before_pictures_are_packed(bench, tmp_path, monkeypatch):
    from bench.runs import worklist

    monkeypatch.setattr(worklist, "load_data", lambda *_: pytest.fail("pictures were packed first"))
    result = bench("evaluate", "picnet", "--scale", "smoke", "--set", "layers=8", "--out", tmp_path)
    told(result, "A resolution of 64 cannot be halved 8 times", "take fewer layers")
