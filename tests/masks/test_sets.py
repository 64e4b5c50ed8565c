import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch

from bench.masks.names import DRAWN
from bench.masks.sets import MASK_SETS, MaskSet, mask_set
from bench.util.errors import UserError

IDS = [f"image{i}" for i in range(20)]

# These may move only with a new `version` of the mask set and an entry in the changelog: every record names them.
GOLDEN = {
    ("center", 64, 64): "919aad2ef719816b4d3c404d26832fe794eb32e0de051a665014b903f62fde50",
    ("center", 48, 80): "5a07303e36ee3168be7d0a816da823556b78544ac6a77a5484876d8cd9fca34d",
    ("random", 64, 64): "def216227b56a2667cdc03ed0c296841f09b7a9e86c9e52dc60eaed98fd7f82e",
    ("random", 48, 80): "92ade91a68714260c265f9acfe3290267b4de91b727f2a89de03644c585a0e35",
    ("random", 256, 256): "04928379aa616c976e395d7780fc699a3d9a5e2a3c7a86766ec942b264b20b3a",
    ("irregular", 64, 64): "77e2cc206223b8c428fbf65f5b4261901857de44581e20549774a66c1daea188",
    ("irregular", 48, 80): "46f3bd6cc04f9c7a218bd8f4d6c36c43020738da4ee3a134a8c3ffd9e90ad411",
    ("irregular", 256, 256): "6e13aa91724a4b34af17a07c1e5993c1efc07361aad68172446c69739a34737f",
    ("random_free", 64, 64): "0f6dcae187b4f6523b674e38730cdbb52fc4d7aabc2964a770abef4ac5bd4090",
    ("random_free", 256, 256): "b9d277c5970e6c6f2b62a596e6df47f7fc35ca6c61488952f7fa9e47360fdfe8",
    ("irregular_1_10", 64, 64): "c97e4c968b8b617c113f1f4d83181e6a0c97757c298dd7de9348688c17740da7",
    ("irregular_1_10", 256, 256): "b360cb3c10027dcd48b52b3492d87dd839849c25ed2ad1fc8a7feaa576b937c0",
    ("irregular_10_20", 64, 64): "2dba46fb94449e55b518c1b6a53a4276ae4aef5bb0d60b03ca13d75d3869b1fe",
    ("irregular_10_20", 256, 256): "1384913db1e36af6b2d79ca75e61270269d75ab15d3f51afb280282e4756863b",
    ("irregular_20_30", 64, 64): "88fc7445cbf3681f3eb4e4a35d76e4b2faeef9f9ddd5465abaa4f1e09ac4ca13",
    ("irregular_20_30", 256, 256): "7f965e50c73ea1cfca6ddd23bfe98b491456e2f286181961d528424639a62e97",
    ("irregular_30_40", 64, 64): "2c96b1e266fa170571ba489942b23b06c26c1697c50db04573f49680b7c6426b",
    ("irregular_30_40", 256, 256): "67d984034a2232af3a8a64eeabd1620a87e0eb3df5e3ae1ab73acc783be62f73",
    ("irregular_40_50", 64, 64): "b678f61296af1b435da6715a119d8c753a95f5b07f196e2bfc1e1471872ede42",
    ("irregular_40_50", 256, 256): "2ead81c1d210e569bd083c42ebe36143d3f863cba40d26b61c826e662ac5d229",
    ("irregular_50_60", 64, 64): "17b2365eae7f5415f4196522823f1644921f994d91e92e8efd72f1b52eaf3f02",
    ("irregular_50_60", 256, 256): "144ca5a58fa22d4052824b18c7657d25abd8d85f00ad5d731d042928d587634c",
    ("irregular_1_10_clear", 64, 64): "f856b90c6a31ca857cc2538dbb4b84607f8d40a13fd5d48057f919450d0526c5",
    ("irregular_1_10_clear", 256, 256): "2bc264ec20d86dad9be0712e125639f0f648b6a4fe92da42ccf31b8eaf54e4d0",
    ("irregular_10_20_clear", 64, 64): "af293230c2248f8bb5366b4016809bc6c2477f8bb54fae09c07e3cb69118a441",
    ("irregular_10_20_clear", 256, 256): "a36b5c1589ab6ed4eca17b2a86aef6f45b6a6626c6a9ca02f09d92b9538a5fa2",
    ("irregular_20_30_clear", 64, 64): "62ceb788cc30047bb690aebebff6b79aceb5aabf85081be69dedacfbdb9502f6",
    ("irregular_20_30_clear", 256, 256): "d9f9e8cf6dc5489ccba208b8fffe1ed65a982de5accf1678cd80e3ed7847f72e",
    ("irregular_30_40_clear", 64, 64): "df0301debc2a851d95ec2c288baf8a469770a09a5dfb46bae5e37be03897e196",
    ("irregular_30_40_clear", 256, 256): "fa396f0f95d14f879a3e83621a2939c35dc0880f46ee84fe4853c1069489a736",
    ("irregular_40_50_clear", 64, 64): "7fe57ec217edacbd1a76a706466390f81b4235043f4ee6671ec8668ef6521e81",
    ("irregular_40_50_clear", 256, 256): "52c43056dd47dd240ed0a9cfec8ff42e8d173ee8aef52aef0ef5e51cc421199e",
    ("irregular_50_60_clear", 64, 64): "baf47de45ff97b5489ace5eb5284964eccb55ff78a7779a624462cb8f91e3e19",
    ("irregular_50_60_clear", 256, 256): "dae6a3093256d543384bd8af26b49f3ce4e72937423470f8c80e9de0167eaba1",
}


@pytest.mark.parametrize("key", GOLDEN, ids=str)
def test_holes_are_frozen(key):
    name, height, width = key
    assert mask_set(name).fingerprint(IDS, height, width) == GOLDEN[key]


def test_every_mask_set_is_frozen_and_named():
    assert {name for name, _, _ in GOLDEN} == set(MASK_SETS) == set(DRAWN)


@pytest.mark.parametrize("name", MASK_SETS)
def test_a_hole_depends_on_its_image_alone(name):
    together = mask_set(name).holes(IDS, 32, 48)
    assert together.shape == (20, 1, 32, 48)
    assert together.dtype == torch.bool
    for index in (0, 7, 19):
        assert np.array_equal(mask_set(name).hole(IDS[index], 32, 48), together[index, 0].numpy())
    assert mask_set(name).fingerprint(IDS[::-1], 32, 48) == mask_set(name).fingerprint(IDS, 32, 48)
    assert mask_set(name).holes([], 8, 9).shape == (0, 1, 8, 9)


def test_manifest():
    found = mask_set("random").manifest(IDS, 64, 64)
    bits = b"".join(np.packbits(mask_set("random").hole(name, 64, 64)).tobytes() for name in sorted(IDS))
    assert found["sha256"] == hashlib.sha256(bits).hexdigest()
    assert (found["name"], found["version"], found["count"]) == ("random", 1, 20)
    shares = [mask_set("random").hole(name, 64, 64).mean() for name in IDS]
    assert found["hole_share"] == np.histogram(shares, bins=10, range=(0, 1))[0].tolist()
    assert sum(found["hole_share"]) == 20


def test_name_and_version_are_part_of_the_draw():
    family = MASK_SETS["random"].family
    prints = {MaskSet(name, version, family).fingerprint(IDS, 32, 32) for name in ("random", "b") for version in (1, 2)}
    assert len(prints) == 4


def test_unknown_mask_set():
    with pytest.raises(UserError, match=r"no mask set 'centre'\. Did you mean 'center'"):
        mask_set("centre")


def test_mask_sets_import_without_torch():
    code = "import sys, bench.masks.sets, bench.masks.files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
