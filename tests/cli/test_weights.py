"""From the command line: networks from elsewhere beside what was trained here."""

import hashlib
import re
import shutil

import numpy as np
import pytest
import torch
from elsewhere import PRETRAINED, publish, toy_state
from PIL import Image
from toy import Toy

from bench.claims.contenders import contenders
from bench.methods.catalog import Entry
from bench.methods.layouts import WeightLayout
from bench.runs.records import find_records


@pytest.fixture
def mine(toys, tmp_path):
    """The toy methods; `toypaper` takes weights."""
    folder = tmp_path / "toys"
    shutil.copytree(toys, folder)
    (folder / "toypaper" / "pretrained.py").write_text(PRETRAINED)
    return folder


@pytest.fixture
def weights(tmp_path):
    return publish(tmp_path, {"state_dict": toy_state()})


def records(out, origin="pretrained"):
    return [record for record in find_records(out) if record.run.origin == origin]


def test_a_row_from_elsewhere(bench, mine, weights, tmp_path):
    out = tmp_path / "out"
    words = ("evaluate", "toypaper", "--scale", "smoke", "--include", mine, "--out", out, "--weights", weights)
    code, printed, error = bench(*words)
    assert code == 0, error
    assert f"toypaper ({weights.stem})" in printed
    assert (
        f"{weights.name}: toy of elsewhere, trained elsewhere; budget unknown; trained on: drawn faces, 16x16. Licence:"
        " MIT, as its project.\n"
    ) in printed
    assert "It is a toy." in printed
    (record,) = records(out)
    assert record.content.training is None
    assert record.content.leakage is None
    (file,) = record.content.pretrained.files
    assert (file.file, file.sha256) == (weights.name, record.run.weights)
    assert not list(record.folder.rglob("*.pt"))
    assert record.run.settings["brightness"] == 0.1
    made = record.folder / "record.json"
    before = made.stat().st_mtime_ns
    code, again, _ = bench(*words)
    assert code == 0
    assert printed.endswith(again)
    assert made.stat().st_mtime_ns == before
    code, _, error = bench(*record.content.command.split()[3:], "--out", tmp_path / "again")
    assert code == 0, error
    assert records(tmp_path / "again")[0].content == record.content


def test_the_pictures_are_those_of_the_files_networks(bench, mine, weights, tmp_path, cache):
    from bench.data import load

    out = tmp_path / "out"
    words = ("evaluate", "toypaper", "--scale", "smoke", "--include", mine, "--out", out, "--weights", weights)
    assert bench(*words)[0] == 0
    (record,) = records(out)
    test = load(record.run.protocol, cache, lambda *_: None).test
    place = test.ids.index(record.mask_set("center").index[0])
    truth = test.tensor([place])[0].double()
    erased = truth.clone()
    erased[:, 4:12, 4:12] = 0  # the centre hole of 16x16
    state = toy_state()
    matrix, bias = state["generator.conv.weight"][:, :, 0, 0].double(), state["generator.conv.bias"].double()
    filled = (torch.einsum("oc,chw->ohw", matrix, erased) + bias[:, None, None]).sigmoid() + 0.1
    truth[:, 4:12, 4:12] = filled[:, 4:12, 4:12].clamp(max=1)
    shown = torch.from_numpy(record.predictions("center")[0].astype(np.float64))
    assert (shown - truth * 255).abs().max() <= 0.5 + 1e-3


def test_it_stands_on_the_board_and_in_no_verdict(bench, mine, weights, tmp_path):
    out, plain = tmp_path / "out", tmp_path / "plain"
    plain.mkdir()
    other = publish(plain, toy_state(seed=1), stem="other")
    more = ("--scale", "smoke", "--include", mine, "--out", out)
    assert bench("reproduce", "toypaper", *more)[0] == 0
    reports = out / "reports" / "toypaper"
    claims, board = (reports / "claims.md").read_text(), (reports / "leaderboard.md").read_text()
    for path in (weights, other):
        code, _, error = bench("evaluate", "toypaper", *more, "--weights", path)
        assert code == 0, error
    assert len({record.run.key for record in records(out)}) == 2
    code, _, error = bench("report", "toypaper", "--include", mine, "--out", out)
    assert code == 0, error
    assert (reports / "claims.md").read_text() == claims
    now = (reports / "leaderboard.md").read_text()
    for path in (weights, other):
        name = f" | toypaper ({path.stem}) (pretrained elsewhere"
        (row,) = [line for line in now.splitlines() if name in line]
        assert row.endswith("| unknown |")
    kept = [line for line in now.splitlines() if "pretrained elsewhere" not in line]
    assert [_unranked(line) for line in kept] == [_unranked(line) for line in board.splitlines()]


def _unranked(line):
    """Without what depends on who else is on the board: ranks, and marks of the best."""
    ranked = re.sub(r"^\| \d+(–\d+)?†? \|", "| rank |", line.replace("**", ""))
    return re.sub(r"^† .*: ranked", "† ranked", ranked)


def test_files_of_one_name_are_told_apart(bench, mine, tmp_path):
    out, names = tmp_path / "out", []
    for seed in (0, 1):
        path = tmp_path / "latest.pth"
        torch.save(toy_state(seed), path)
        words = ("evaluate", "toypaper", "--scale", "smoke", "--include", mine, "--out", out, "--weights", path)
        assert bench(*words)[0] == 0
        names.append(f"toypaper (latest {hashlib.sha256(path.read_bytes()).hexdigest()[:8]})")
    assert sorted(one.name for one in contenders(records(out))) == sorted(names)


def test_training_does_not_depend_on_reference_py(bench, mine, tmp_path):
    out = tmp_path / "out"
    words = ("evaluate", "toypaper", "--scale", "smoke", "--include", mine, "--out", out)
    assert bench(*words)[0] == 0
    (mine / "toypaper" / "pretrained.py").unlink()
    assert bench(*words)[0] == 0
    assert len(records(out, "run")) == 1


def test_changed_settings_and_variants(bench, mine, weights, tmp_path):
    out = tmp_path / "out"
    words = ("evaluate", "toypaper", "--scale", "smoke", "--include", mine, "--out", out, "--weights", weights)
    code, _, error = bench(*words, "--set", "brightness=0.2")
    assert code == 0, error
    assert records(out)[0].run.settings["brightness"] == 0.2
    code, _, error = bench(*words, "--variant", "faster")
    assert code == 0, error
    assert len(records(out)) == 2


def test_networks_with_a_method_of_their_own_have_no_variants(bench, mine, weights, tmp_path, monkeypatch):
    out = tmp_path / "out"
    keys = {f"net.{kind}": f"generator.conv.{kind}" for kind in ("weight", "bias")}
    own = WeightLayout("a toy's toy", source="", licence="", keys=keys, unused=("disc.*",), method=Toy)
    monkeypatch.setattr(Entry, "layouts", lambda self: [own])
    words = ("evaluate", "toypaper", "--scale", "smoke", "--include", mine, "--out", out, "--weights", weights)
    code, _, error = bench(*words)  # the scale lists a variant, which is not asked for
    assert code == 0, error
    assert records(out)[0].run.settings == {"steps": 6, "learning_rate": 0.05, "brightness": 0.0}
    code, _, error = bench(*words, "--variant", "faster")
    assert code == 2
    assert "--variant faster: a toy's toy has no variants" in error


def test_bad_weights_are_one_line_and_nothing_is_written(bench, mine, weights, tmp_path):
    out = tmp_path / "out"
    more = ("--scale", "smoke", "--include", mine, "--out", out, "--weights")
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    unlike = publish(tmp_path, toy_state(more=torch.ones(1)), stem="unlike")
    for key, paths, said in (
        ("toypaper", [tmp_path / "no.pth"], "no.pth cannot be read"),
        ("toypaper", [unlike], "1 unexpected (more)"),
        ("rival", [weights], "rival cannot load weights"),
        ("toypaper", [weights, weights], "toypaper takes one file"),
        ("toypaper", [tmp_path / "one", tmp_path / "two"], "one folder is enough"),
    ):
        words = [word for path in paths for word in ("--weights", path)][1:]
        code, _, error = bench("evaluate", key, *more, *words)
        assert code == 2
        assert said in error
        assert len(error.strip().splitlines()) == 1, error
    assert not list(out.rglob("*.json"))
    # A folder is LPIPS's alone.
    code, _, error = bench("evaluate", "toypaper", *more, tmp_path / "one")
    assert code == 2
    assert "networks trained elsewhere are given as a file" in error
    assert not list(out.rglob("*.json"))


def test_one_picture(bench, mine, weights, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 20, 3), dtype=np.uint8)
    hole = np.zeros((16, 20), np.uint8)
    hole[4:8, 5:9] = 255
    Image.fromarray(pixels).save(tmp_path / "in.png")
    Image.fromarray(hole).save(tmp_path / "hole.png")
    words = ("inpaint", tmp_path / "in.png", "--mask", tmp_path / "hole.png", "--include", mine)
    words = (*words, "-o", tmp_path / "out.png", "--method", "toypaper", "--weights", weights)
    code, printed, error = bench(*words)
    assert code == 0, error
    assert "MIT, as its project" in printed
    filled = np.asarray(Image.open(tmp_path / "out.png"))
    assert (filled[hole == 0] == pixels[hole == 0]).all()
    state = toy_state()
    expected = (state["generator.conv.bias"].sigmoid() + 0.1).clamp(max=1).numpy() * 255  # of black pixels
    assert np.abs(filled[hole > 0] - expected).max() <= 0.51
    code, _, error = bench(*words, "--run", tmp_path, "--force")
    assert code == 2
    assert "--run" in error


def test_a_folder_without_weights_is_told_instead_of_training_anew(bench, mine, tmp_path):
    (tmp_path / "nets.pth").mkdir()
    words = ("evaluate", "toypaper", "--scale", "smoke", "--include", mine, "--out", tmp_path / "out", "--weights")
    for name, what in (("nets.pth", "holds neither alexnet-owt-7be5be79.pth nor "), ("none", "does not exist")):
        code, _, error = bench(*words, tmp_path / name)
        assert code == 2
        assert f"--weights {tmp_path / name}: {what}" in error
        assert len(error.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
