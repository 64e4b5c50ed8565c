import subprocess
import sys

import pytest

from bench.data.names import DATASETS, place
from bench.util.errors import UserError


def test_names_load_nothing_heavy():
    code = "import sys, bench.data.names, bench.data; print({'torch', 'numpy', 'PIL', 'skimage'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "set()"


def test_place(tmp_path):
    assert place("faces") == ("faces", None)
    assert place(f"celeba={tmp_path}") == ("celeba", tmp_path)
    odd = tmp_path / "a=b"
    odd.mkdir()
    assert place(f"folder={odd}") == ("folder", odd)
    assert all("\n" not in line and line for line in DATASETS.values())


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("face", "no data set 'face'. Did you mean 'faces'"),
        ("celeba", "--data celeba=PATH"),
        ("celeba=", "--data celeba=PATH"),
        ("faces=/tmp", "takes no path"),
        ("folder=/no/such/place", "/no/such/place does not exist"),
        (f"folder={__file__}", "is not a folder"),
    ],
)
def test_bad_names_and_paths(data, text):
    with pytest.raises(UserError) as caught:
        place(data)
    assert text in str(caught.value)
    assert "\n" not in str(caught.value)
