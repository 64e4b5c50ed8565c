import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("MPLBACKEND", "Agg")


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
