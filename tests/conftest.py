import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("MPLBACKEND", "Agg")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers that share cores must not wait for each other's threads


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """On several workers (pytest-xdist) a file's tests stay together, for they share fixtures, and so do SLURM's."""
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            name = "cluster" if item.get_closest_marker("cluster") else item.location[0]
            item.add_marker(pytest.mark.xdist_group(name))


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """One data cache for the session: each data set is packed once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def bench(monkeypatch, capsys, cache):
    """Call a verb in this process: returns (exit code, stdout, stderr), as a shell would see them."""
    from bench.cli import main

    def call(*words):
        monkeypatch.setenv("INPAINT_BENCH_CACHE", str(cache))
        monkeypatch.setattr(sys, "argv", ["bench", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
