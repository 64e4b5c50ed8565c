"""The wheel, away from the clone: what is not in it is missed here."""

import os
import subprocess
import sys
import zipfile

import pytest

from bench.methods.catalog import ROOT


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Runs a verb of the unpacked wheel in an empty folder: returns what it prints."""
    home = tmp_path_factory.mktemp("wheel")
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(home), str(ROOT)]
    subprocess.run(words, check=True, capture_output=True)
    (wheel,) = home.glob("*.whl")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(home / "site")
    (home / "here").mkdir()
    environment = os.environ | {"PYTHONPATH": str(home / "site"), "INPAINT_BENCH_CACHE": str(home / "cache")}

    def call(*words):
        line = [sys.executable, "-m", "bench", *words]
        done = subprocess.run(line, cwd=home / "here", env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call, home


@pytest.mark.slow
def test_papers_baselines_profiles_and_templates_are_in_the_wheel(installed):
    call, home = installed
    listed = call("list")
    for path in [*(ROOT / "papers").glob("*/method.py"), *(ROOT / "baselines").glob("*/method.py")]:
        assert path.parent.name in listed
    assert "Table 1" in call("show", "fang2021")
    assert str(home) in call("plan", "harmonic", "--scale", "smoke", "--cluster", "example")
    assert "Page:" in call("reproduce", "fang2021", "--scale", "smoke", "--data", "faces")
    assert (home / "here" / "runs" / "reports" / "fang2021" / "index.html").exists()
    assert (home / "site" / "bench" / "py.typed").exists()
