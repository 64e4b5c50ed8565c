import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
os.environ.setdefault("MPLBACKEND", "Agg")
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # workers that share cores must not wait for each other's threads


SLURM = ("test_local_cluster", "test_on_slurm", "test_processes_on_slurm")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """On several workers a file's tests stay together, for they share fixtures; and SLURM's, for there is one."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            file, _, test = nodeid.partition("::")
            if Path(file).stem in SLURM:
                return "slurm"
            # The contract's file is the longest; each method's checks share what is trained once.
            return f"{file}:{test.partition('[')[2].partition('-')[0]}" if "contract" in file else file

    config.option.loadscopereorder = False  # SLURM's take longest, and are not to come last
    return Together(config, log)


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """One data cache for the session: each data set is packed once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def bench(monkeypatch, capsys, cache):
    """Call a verb in this process: returns (exit code, stdout, stderr), as a shell would see them."""
    from bench.cli.main import main

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
