import hashlib
import subprocess
import sys
from pathlib import Path

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
    ("sizes", 64, 64): "bd48827e8efee3ae93c2b5e3aaf7dec19bee5c5baab40befea915e1c01956104",
    ("sizes", 48, 80): "c85a5831dc766c4c77eb5a65d589d8416edf5a7e4699a08917bc6b8069d6fc13",
    ("sizes", 256, 256): "3e82bef24be58657d3474ca4b2b58a0af56094f07d092072787a6431d1c2be1d",
    ("shapes", 64, 64): "38bbd66d2a3621320ad195bf310e31baabe4df837508cc857a774585d6b3b9e1",
    ("shapes", 48, 80): "9b52080e5870eccd6d6827453c53287b770fcfafc8f536ef4f0530b9d2008f1f",
    ("shapes", 256, 256): "9fc61ce974e6cae2a1a21515908fcc0082ee166d0d000b63a6dc1c7d10eeff2a",
    ("half", 64, 64): "9ebc620115f10b59534d306b2fadced6da87280c1c7f39087bc4dbef5f178ff9",
    ("half", 48, 80): "a0e16e5c50ecc17e62ceb1fb6b03cf8b924e6ce1a72e59685b9ac5dba3d866e3",
    ("half", 256, 256): "ddfc44306b23eda1840c08253450cacecb46b69599d62a1b506f586dacae479a",
    ("pixels_80", 64, 64): "5ea7aa8e468becd53eae35ca55b43f786405af79da0f86e23f535d92f9ac1635",
    ("pixels_80", 48, 80): "3f5aee1934158b3cd92bf6214e4ac585a6a291225b95b2bb05e690d2e300b2a2",
    ("pixels_80", 256, 256): "28572058a01e995e8a49909f87470aab3fefbd0e71386426617364bd6cde4a80",
    ("pattern", 64, 64): "7d9c0dde7321f485af27309bfa3ffa404f413e8e3cc63f4d34ccab8146570ab6",
    ("pattern", 48, 80): "920450503efd2fa00ba4d24b16c3f8f4abfc5e8ecb1e4bbeb048cbaff940191c",
    ("pattern", 256, 256): "0ee36fa4606fadd5bd6c708fb40715822d331a8573f741480be31865b858c6f6",
    ("irregular_1_10", 64, 64): "f40a46251102fda918ed27a6f341c0735bbac9e0cfa55eb4564e16029ae72e03",
    ("irregular_1_10", 256, 256): "855f3f8cbc102c230bf1fca428a2e14f4c9ed1fb1204f89483bdfdd7a7926625",
    ("irregular_10_20", 64, 64): "dc18fc2a3868fbf7a8837ca10910c75d2ecec909e2100e458ca41b44bef3bb28",
    ("irregular_10_20", 256, 256): "c30476e4fb644177d7d0199a31f0cee25b1884ddee6c6f6d9de1f79238d6cb21",
    ("irregular_20_30", 64, 64): "2a0b3d917a1c031a20d486dc316f1b4e067432a98ae35d9a21b9b37c812c0cfa",
    ("irregular_20_30", 256, 256): "275c18a6ed06fecfba5f7854defe20a71343714b0b08909cef6a02917f44be3c",
    ("irregular_30_40", 64, 64): "1e31924b9108f17823400255ad9faed7971e081c4595cde98750d3663fee1231",
    ("irregular_30_40", 256, 256): "e982679fcc2ebbbf0318af92bc65e826666db0c71570e15263703ad9e81a77c1",
    ("irregular_40_50", 64, 64): "bb02f28724027c8f9183e752f391e2e6b9b48cf2a42803354f0e9c95ef572e12",
    ("irregular_40_50", 256, 256): "33116d2c87d1faccf2ca9a460014340062e081bcef5eadbaf2c0821715a32137",
    ("irregular_50_60", 64, 64): "b750d45b80c17be995ebeb7c6e8d2c0bcb4e760fc699601190da5b0cd62b440a",
    ("irregular_50_60", 256, 256): "7643809e2440e016d1ee9be6898c50718c6c97b9b58784b5248d247a07de736e",
    ("irregular_1_10_clear", 64, 64): "9267672761e4b1c10519ada15b81c77a8a7089ca02eb413f9c7c8deef99a01dd",
    ("irregular_1_10_clear", 256, 256): "3ec144df1d05d9df25c504e35b0a309773b2009fa69b15e4c40a881708c57838",
    ("irregular_10_20_clear", 64, 64): "3a9a736920b7264ec0e65f294a2f7672889deb32e07a2280acb93fa32d2e0499",
    ("irregular_10_20_clear", 256, 256): "d94dd0fbcdb50220a223ad8476566f9b4fa3e2f807e8bfb7964a62eae31a3d2f",
    ("irregular_20_30_clear", 64, 64): "22d17dd45cfa8d421db8eb08a494abf7130f3e9b03a2130d746575f1c2c5745f",
    ("irregular_20_30_clear", 256, 256): "f2d15d9635bdcd83ab16b994266adec323029c1993d98ea849728eb8a6cac0fb",
    ("irregular_30_40_clear", 64, 64): "2435fd14d54137489635fded63baeb9dfe4feee92b3b3580a15719fbd3a62611",
    ("irregular_30_40_clear", 256, 256): "ba3d7205dd43b637ba695d1ccab40a45583bccb4b712fd6cd343df4cee2ca36c",
    ("irregular_40_50_clear", 64, 64): "fd984c5b2d3480bced65fe6b614027ca3ea25bbc6dbfcd26c4699ac8050be5ec",
    ("irregular_40_50_clear", 256, 256): "11af8bd2b29802245b0471592106f324ccac3a7190819cfb1fdb2a82a1fc1822",
    ("irregular_50_60_clear", 64, 64): "62684c8f323832bafa761cb3f0f2507f4cc67cb48d641d58d228f947cce9d590",
    ("irregular_50_60_clear", 256, 256): "6112bc78502d83a35bf15af835cce559eed7026f36988047456202aab4b1d88e",
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


def test_versions():
    """Holes of a raised version are other holes, so their scores must not stand beside the older ones."""
    assert {name for name, one in MASK_SETS.items() if one.version == 2} == {
        name for name in DRAWN if "irregular_" in name
    }


def test_name_and_version_are_part_of_the_draw():
    family = MASK_SETS["random"].family
    prints = {MaskSet(name, version, family).fingerprint(IDS, 32, 32) for name in ("random", "b") for version in (1, 2)}
    assert len(prints) == 4


def test_the_docs_name_every_mask_set():
    page = (Path(__file__).parents[2] / "docs" / "data-and-masks.md").read_text(encoding="utf-8")
    shown = {name for name in DRAWN if f"| `{name}` |" in page}
    assert shown == {name for name in DRAWN if "irregular_" not in name}  # the bins share one row


def test_shares_of_the_mask_sets_that_papers_speak_of():
    shares = {
        name: [mask_set(name).hole(str(i), 64, 64).mean() for i in range(60)]
        for name in ("sizes", "half", "pixels_80", "pattern")
    }
    assert set(shares["half"]) == {0.5}
    assert shares["pixels_80"] == pytest.approx([0.8] * 60, abs=1 / 4096)
    for name, least, most in (("sizes", 1 / 64, 1 / 4), ("pattern", 0.2, 0.3)):
        assert least <= min(shares[name]) < least + 0.2 * (most - least)
        assert most - 0.2 * (most - least) < max(shares[name]) <= most


def test_unknown_mask_set():
    with pytest.raises(UserError, match=r"no mask set 'centre'\. Did you mean 'center'"):
        mask_set("centre")


def test_mask_sets_import_without_torch():
    code = "import sys, bench.masks.sets, bench.masks.files; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
