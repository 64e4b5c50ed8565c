"""The compiled sums: the same bits whatever surrounds them, and the values of plain torch."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bench.metrics import score
from bench.metrics.kernels import STRIP
from bench.speed.plain.scoring import score as plain

SHAPES = [(11, 11), (31, 64), (32, 40), (33, 30), (36, 51), (37, 90), (65, 53), (70, 12), (97, 120), (140, 77)]


def batch(height, width, count=3, seed=0):
    chance = torch.Generator().manual_seed(seed)
    truth, raw = (torch.randint(0, 256, (count, 3, height, width), generator=chance).byte() for _ in range(2))
    hole = torch.rand(count, 1, height, width, generator=chance) < 0.4
    hole[:, :, 0, 0] = True
    if count > 1:  # one hole that leaves most windows alone, at an edge
        hole[1] = False
        hole[1, :, height // 2 : height // 2 + 4, width - 3 :] = True
    return truth, torch.where(hole, raw, truth), hole, raw


@pytest.mark.parametrize("shape", SHAPES)
def test_plain_torch_says_the_same(shape):
    truth, composite, hole, raw = batch(*shape)
    found = score(truth, composite, hole, raw, truncated=raw)
    expected = plain(truth, composite, hole, raw, truncated=raw)
    assert set(found) == set(expected)
    for name, values in expected.items():
        near = {"abs": 1e-6} if name.startswith("ssim") else {"rel": 1e-6}
        assert found[name].tolist() == pytest.approx(values.tolist(), **near), name


@pytest.mark.parametrize("height", [STRIP - 1, STRIP, STRIP + 1, STRIP + 4, STRIP + 6, 2 * STRIP, 3 * STRIP + 5])
def test_how_a_picture_is_cut_does_not_show(height, monkeypatch):
    truth, composite, hole, raw = batch(height, 60)
    cut = score(truth, composite, hole, raw, truncated=raw)
    monkeypatch.setattr("bench.metrics.kernels.STRIP", height)
    for name, values in score(truth, composite, hole, raw, truncated=raw).items():
        assert values.tolist() == pytest.approx(cut[name].tolist(), rel=1e-12), name


def test_an_image_has_the_same_bits_alone_and_in_a_batch():
    truth, composite, hole, raw = batch(100, 75, count=5)
    together = score(truth, composite, hole, raw, truncated=raw)
    for order in ([3], [1, 0], [4, 3, 2, 1, 0, 4, 2]):
        apart = score(truth[order], composite[order], hole[order], raw[order], truncated=raw[order])
        for name, values in apart.items():
            assert torch.equal(values, together[name][order]), name


def test_layouts_in_memory_do_not_matter():
    pictures = batch(40, 50)
    expected = score(*pictures)
    turned = [one.mT.contiguous().mT for one in pictures]
    assert not turned[0].is_contiguous()
    assert all(torch.equal(values, expected[name]) for name, values in score(*turned).items())


@pytest.mark.parametrize("threads", [2, 3, 7])
def test_the_number_of_threads_does_not_show(threads):
    def bits():
        scores = score(*pictures, truncated=pictures[3])
        return hashlib.sha256(b"".join(values.numpy().tobytes() for values in scores.values())).hexdigest()

    pictures = batch(200, 60, count=4)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        expected = bits()
        torch.set_num_threads(threads)
        assert [bits() for _ in range(3)] == [expected] * 3
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


SCORED_ELSEWHERE = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np
from bench.metrics import pixel_kernels
picture = np.arange(3 * 8 * 8, dtype=np.uint8).reshape(3, 8, 8)
print(pixel_kernels.__file__, pixel_kernels.pixel_sums(picture, picture, 0, 8)[9])
"""


@pytest.mark.slow
@pytest.mark.parametrize("cache", ["beside the source", "of the user", "nowhere"])
def test_compiled_code_is_kept_where_that_is_possible(cache, tmp_path):
    """A file stands where the folder should be: even an administrator cannot write into it."""
    package = tmp_path / "bench" / "metrics"
    package.mkdir(parents=True)
    for name in ("pixel_kernels.py", "compiled.py"):
        shutil.copy(Path(__file__).parents[2] / "bench" / "metrics" / name, package)
    for folder in (package, package.parent):
        (folder / "__init__.py").touch()
    home = tmp_path / "home"
    home.mkdir()
    if cache != "beside the source":
        (package / "__pycache__").touch()
    if cache == "nowhere":
        (home / ".cache").touch()
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA", "XDG"))} | {"HOME": str(home)}
    command = [sys.executable, "-c", SCORED_ELSEWHERE, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    expected = sum(value * value for value in range(192))
    assert done.stdout.split() == [str(package / "pixel_kernels.py"), str(expected)]
    kept = {"beside the source": package, "of the user": home}
    for name, folder in kept.items():
        assert bool(list(folder.rglob("*.nbc"))) == (name == cache), name


def test_numba_is_loaded_only_when_something_is_scored():
    code = "import sys; from bench.metrics import score; import bench.runs.evaluation; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
