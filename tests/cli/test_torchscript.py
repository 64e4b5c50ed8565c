"""Somebody's TorchScript file as a method: only with --trust, one image at a time, and told where it breaks."""

import hashlib
import math
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from bench.methods.base import BrokenResultError, DataFacts, fill
from bench.methods.torchscript import ScriptSettings, script_entry
from bench.runs.records import find_records
from bench.util.errors import UserError


class Grey(nn.Module):
    """0.25 in the hole, half the picture elsewhere; told by its inputs alone."""

    def forward(self, image: torch.Tensor, mask: torch.Tensor):
        assert image.shape[2] % 8 == 0
        return image * 0.5 * (1 - mask) + 0.25 * mask


class Mixing(nn.Module):
    """What it gives depends on the batch, and on chance."""

    def forward(self, image: torch.Tensor, mask: torch.Tensor):
        return torch.rand_like(image) * 0.5 + image.mean()


class Planes(nn.Module):
    """As MI-GAN's: the picture comes back where it was known, 0.5 in its range is for the hole."""

    def forward(self, x: torch.Tensor):
        return torch.where(x[:, :1] < 0, torch.full_like(x[:, 1:], 0.5), x[:, 1:])


class Broken(nn.Module):
    def forward(self, image: torch.Tensor, mask: torch.Tensor):
        return image / (1 - mask).min()


class Small(nn.Module):
    def forward(self, image: torch.Tensor, mask: torch.Tensor):
        return image[:, :, ::2, ::2]


class Pair(nn.Module):
    def forward(self, image: torch.Tensor, mask: torch.Tensor):
        return image, mask


@pytest.fixture
def script(tmp_path):
    def write(module, name="mine.pt"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.jit.script(module).save(str(tmp_path / name))
        return tmp_path / name

    return write


def inpainter(path, **settings):
    entry = script_entry(f"torchscript:{path}", trust=True)
    return entry.load()(ScriptSettings(**settings), DataFacts(64, 1)).inpainter()


def sample(height=16, width=16, count=3):
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(count, 3, height, width, generator=generator)
    hole = torch.zeros(count, 1, height, width, dtype=torch.bool)
    hole[:, :, 4:9, 3:7] = True
    return image, hole, torch.arange(count)


def test_nothing_is_read_without_trust(bench, script, tmp_path):
    path = script(Grey())
    words = ("evaluate", f"torchscript:{path}", "--scale", "smoke", "--out", tmp_path / "out")
    code, _, error = bench(*words)
    assert code == 2
    assert error.startswith(f"error: torchscript:{path}: TorchScript executes code.")
    assert "--trust" in error
    path.unlink()
    code, _, error = bench(*words, "--trust")
    assert code == 2
    assert f"there is no file {path}" in error
    path.write_text("no script")
    code, _, error = bench(*words, "--trust")
    assert code == 2
    assert f"{path} is not a TorchScript file" in error
    code, _, error = bench("evaluate", f"torchscript:{script(Planes())}", *words[2:], "--trust")
    assert code == 2
    assert "takes 1 input, not 2" in error
    code, _, error = bench("evaluate", f"torchscript:{script(Planes())}", *words[2:], "--trust", "--set", "takes=migan")
    assert code == 2
    assert "sides of exactly 512 pixels; scale smoke of torchscript:mine.pt has 64" in error
    assert not list(tmp_path.rglob("*.json"))


def test_a_row_from_the_command_line(bench, script, tmp_path):
    path, out = script(Grey()), tmp_path / "out"
    words = ("evaluate", f"torchscript:{path}", "--trust", "--scale", "smoke", "--data", "faces", "--out", out)
    code, printed, error = bench(*words)
    assert code == 0, error
    assert "torchscript:mine.pt" in printed
    assert "mine.pt: no file that is known here" in printed
    assert "budget unknown" in printed
    (record,) = find_records(out)
    assert record.run.origin == "pretrained"
    assert record.content.pretrained.files[0].sha256 == record.run.weights == record.run.code
    filled = record.predictions("center")[:, :, 16:48, 16:48]
    assert (filled == 64).all()  # 0.25 * 255, rounded
    assert record.folder.name.startswith("torchscript-mine.pt-seed0-")
    code, _, error = bench(*record.content.command.split()[3:], "--out", tmp_path / "again")
    assert code == 0, error
    assert find_records(tmp_path / "again")[0].content == record.content
    script(Mixing())
    assert bench(*words)[0] == 0
    assert len({one.run.key for one in find_records(out)}) == 2


def test_a_row_on_a_papers_page(bench, toys, script, tmp_path):
    path, out = script(Grey()), tmp_path / "out"
    more = ("--scale", "smoke", "--include", toys, "--out", out)
    assert bench("reproduce", "toypaper", *more)[0] == 0
    claims = (out / "reports" / "toypaper" / "claims.md").read_text()
    code, _, error = bench("evaluate", f"torchscript:{path}", "--trust", "--paper", "toypaper", *more)
    assert code == 0, error
    assert bench("report", "toypaper", "--include", toys, "--out", out)[0] == 0
    board = (out / "reports" / "toypaper" / "leaderboard.md").read_text()
    mark = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    assert f"| torchscript:mine.pt ({mark}) (pretrained elsewhere) |" in board
    assert (out / "reports" / "toypaper" / "claims.md").read_text() == claims


def test_weights_and_a_script_do_not_go_together(bench, script, tmp_path):
    path = script(Grey())
    words = ("evaluate", f"torchscript:{path}", "--trust", "--weights", path, "--out", tmp_path / "out")
    code, _, error = bench(*words)
    assert code == 2
    assert "cannot load weights from elsewhere" in error
    code, _, error = bench("evaluate", "toy", "--weights", path, "--out", tmp_path / "out")
    assert code == 2


def test_one_picture(bench, script, tmp_path):
    image, hole, _ = sample(13, 18, 1)
    Image.fromarray((image[0].permute(1, 2, 0) * 255).byte().numpy()).save(tmp_path / "in.png")
    Image.fromarray(hole[0, 0].byte().numpy() * 255).save(tmp_path / "hole.png")
    words = ("inpaint", tmp_path / "in.png", "--mask", tmp_path / "hole.png", "-o", tmp_path / "out.png", "--method")
    path = script(Grey())
    assert bench(*words, f"torchscript:{path}")[0] == 2
    code, _, error = bench(*words, f"torchscript:{path}", "--trust")
    assert code == 0, error
    assert (np.asarray(Image.open(tmp_path / "out.png"))[4:9, 3:7] == 64).all()


@pytest.mark.parametrize(("height", "width"), [(16, 16), (13, 18), (3, 5)])
def test_pictures_are_padded_as_numpy_does(script, height, width):
    image, hole, seed = sample(height, width)

    class Seen(nn.Module):
        def forward(self, image, mask):
            self.seen = image, mask
            return image

    seen, double = Seen(), inpainter(script(Grey()), multiple=8)
    double.script = seen
    result = double.inpaint(image, hole, seed)
    assert torch.equal(result, image)
    below, right = math.ceil(height / 8) * 8 - height, math.ceil(width / 8) * 8 - width
    for got, given in zip(seen.seen, (image[2:], hole[2:].float()), strict=True):
        padded = np.pad(given.numpy(), ((0, 0), (0, 0), (0, below), (0, right)), mode="symmetric")
        assert np.array_equal(got.numpy(), padded)


def test_batch_mates_and_chance_do_not_matter(script):
    image, hole, seed = sample()
    mixing = inpainter(script(Mixing()))
    whole = mixing.inpaint(image, hole, seed)
    for place in (2, 0, 1):
        part = slice(place, place + 1)
        assert torch.equal(mixing.inpaint(image[part], hole[part], seed[part]), whole[part])
    assert not torch.equal(mixing.inpaint(image, hole, seed + 1), whole)
    state = torch.get_rng_state()
    mixing.inpaint(image, hole, seed)
    assert torch.equal(torch.get_rng_state(), state)


def test_migan_takes_one_input_and_one_size(script):
    path = script(Planes())
    with pytest.raises(UserError, match="takes 1 input, .*--set takes=migan"):
        inpainter(path)
    migan = inpainter(path, takes="migan")
    image, hole, seed = sample(512, 512, 1)
    result = fill(migan, image, hole, seed)
    assert torch.allclose(result, torch.where(hole, torch.tensor(0.75), image), atol=1e-6)
    with pytest.raises(UserError, match="sides of exactly 512 pixels"):
        fill(migan, *sample())


def test_what_breaks_is_told(script):
    with pytest.raises(BrokenResultError, match="NaN or infinity for image b"):
        fill(inpainter(script(Broken())), *sample(), ["b", "c", "d"])
    for module, said in ((Small(), "returned shape"), (Pair(), "returned tuple")):
        with pytest.raises(UserError, match=said) as caught:
            fill(inpainter(script(module)), *sample())
        assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="fails on a 12x16 picture.*multiple") as caught:
        fill(inpainter(script(Grey()), multiple=4), *sample(12))
    assert "\n" not in str(caught.value)


def test_known_files_have_their_licence(script, monkeypatch):
    from bench.methods import torchscript

    path = script(Grey())
    monkeypatch.setitem(torchscript.PUBLISHED, hashlib.md5(path.read_bytes()).hexdigest(), "known: Apache-2.0")
    assert "known: Apache-2.0" in script_entry(f"torchscript:{path}", True).pretrained_facts()["notes"][0]
