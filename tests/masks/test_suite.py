import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch

from bench.errors import UserError
from bench.masks.suite import SUITES, Suite, suite

IDS = [f"image{i}" for i in range(20)]

# These may move only with a new `version` of the suite and an entry in the changelog: every record names them.
GOLDEN = {
    ("center", 64, 64): "919aad2ef719816b4d3c404d26832fe794eb32e0de051a665014b903f62fde50",
    ("center", 48, 80): "5a07303e36ee3168be7d0a816da823556b78544ac6a77a5484876d8cd9fca34d",
    ("random", 64, 64): "def216227b56a2667cdc03ed0c296841f09b7a9e86c9e52dc60eaed98fd7f82e",
    ("random", 48, 80): "92ade91a68714260c265f9acfe3290267b4de91b727f2a89de03644c585a0e35",
    ("random", 256, 256): "04928379aa616c976e395d7780fc699a3d9a5e2a3c7a86766ec942b264b20b3a",
    ("irregular", 64, 64): "77e2cc206223b8c428fbf65f5b4261901857de44581e20549774a66c1daea188",
    ("irregular", 48, 80): "46f3bd6cc04f9c7a218bd8f4d6c36c43020738da4ee3a134a8c3ffd9e90ad411",
    ("irregular", 256, 256): "6e13aa91724a4b34af17a07c1e5993c1efc07361aad68172446c69739a34737f",
}


@pytest.mark.parametrize("key", GOLDEN, ids=str)
def test_holes_are_frozen(key):
    name, height, width = key
    assert suite(name).fingerprint(IDS, height, width) == GOLDEN[key]


@pytest.mark.parametrize("name", SUITES)
def test_a_hole_depends_on_its_image_alone(name):
    together = suite(name).holes(IDS, 32, 48)
    assert together.shape == (20, 1, 32, 48)
    assert together.dtype == torch.bool
    for index in (0, 7, 19):
        assert np.array_equal(suite(name).hole(IDS[index], 32, 48), together[index, 0].numpy())
    assert suite(name).fingerprint(IDS[::-1], 32, 48) == suite(name).fingerprint(IDS, 32, 48)
    assert suite(name).holes([], 8, 9).shape == (0, 1, 8, 9)


def test_manifest():
    found = suite("random").manifest(IDS, 64, 64)
    bits = b"".join(np.packbits(suite("random").hole(name, 64, 64)).tobytes() for name in sorted(IDS))
    assert found["sha256"] == hashlib.sha256(bits).hexdigest()
    assert (found["name"], found["version"], found["count"]) == ("random", 1, 20)
    shares = [suite("random").hole(name, 64, 64).mean() for name in IDS]
    assert found["hole_share"] == np.histogram(shares, bins=10, range=(0, 1))[0].tolist()
    assert sum(found["hole_share"]) == 20


def test_name_and_version_are_part_of_the_draw():
    family = SUITES["random"].family
    prints = {Suite(name, version, family).fingerprint(IDS, 32, 32) for name in ("random", "b") for version in (1, 2)}
    assert len(prints) == 4


def test_unknown_suite():
    with pytest.raises(UserError, match=r"no suite 'centre'\. Did you mean 'center'"):
        suite("centre")


def test_suites_import_without_torch():
    code = "import sys, bench.masks.suite, bench.masks.files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
