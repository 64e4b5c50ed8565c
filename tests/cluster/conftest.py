import fcntl
import os
import subprocess
from pathlib import Path
from types import MappingProxyType

import pytest
from faked import PROFILE, STUBS, Fake

from bench.data import load
from bench.data.protocol import ProtocolOverrides, protocols
from bench.methods.catalog import ROOT

SCRIPT = ROOT / "slurm" / "local-cluster"
FOLDER = "/tmp/inpaint-bench-slurm-tests"
UNFIT = 77


class Slurm:
    """A real SLURM on this machine: five nodes that say they have sixteen CPUs and two GPUs each."""

    environment = MappingProxyType(
        {
            "LOCAL_CLUSTER_DIR": FOLDER,
            "LOCAL_CLUSTER_PORT": "27817",
            "LOCAL_CLUSTER_NODES": "5",
            "LOCAL_CLUSTER_CPUS": "16",
            "LOCAL_CLUSTER_MEMORY_MB": "64000",
        }
    )
    conf = f"{FOLDER}/etc/slurm.conf"

    def call(self, *words):
        words = [str(SCRIPT), *words]
        return subprocess.run(words, capture_output=True, text=True, env=os.environ | self.environment)

    def ask(self, *words):
        env = os.environ | {"SLURM_CONF": self.conf}
        return subprocess.run(words, capture_output=True, text=True, env=env, check=True).stdout.strip()


@pytest.fixture(scope="session")
def slurm_machine():
    """The cluster, started once for the session and shut down after it. One session on a machine at a time."""
    with Path(f"{FOLDER}.session").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        slurm = Slurm()
        done = slurm.call("start")
        if done.returncode == UNFIT:
            pytest.skip(f"no SLURM here: {done.stderr.strip().splitlines()[-1]}")
        assert done.returncode == 0, done.stderr
        yield slurm
        slurm.call("clean")


@pytest.fixture(scope="module")
def slurm(slurm_machine, tmp_path_factory):
    """The cluster as this process's own. Jobs have no torchmetrics, as users have not: they start sooner without."""
    hidden = tmp_path_factory.mktemp("hidden")
    (hidden / "torchmetrics.py").write_text("raise ImportError\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", f"{hidden}:{os.environ.get('PYTHONPATH', ROOT)}")
        patch.setenv("SLURM_CONF", slurm_machine.conf)
        patch.setenv("OMP_NUM_THREADS", "1")
        yield slurm_machine


@pytest.fixture
def scheduler(tmp_path, monkeypatch, cache):
    load(protocols("smoke", ProtocolOverrides())[0], cache)
    home = tmp_path / "bin"
    home.mkdir()
    for name, text in STUBS.items():
        (home / name).write_text(f"#!/bin/sh\n{text}\n")
        (home / name).chmod(0o755)
    (tmp_path / "p.toml").write_text(PROFILE)
    monkeypatch.setenv("PATH", f"{home}:{os.environ['PATH']}")
    return Fake(home)


@pytest.fixture
def call(bench, scheduler, tmp_path):
    def call(verb, *words):
        where = ["--cluster", tmp_path / "p.toml", "--scale", "smoke"] if verb in ("submit", "plan") else []
        return bench(verb, *words, *where, "--out", tmp_path / "out")

    return call
