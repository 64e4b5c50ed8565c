"""slurm/local-cluster: a real SLURM, which the other tests of this folder build upon."""

import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.cluster]


def test_start_is_repeatable_and_listens_on_loopback_only(slurm):
    before = slurm.call("status").stdout
    assert slurm.call("start").returncode == 0
    done = slurm.call("status")
    assert done.returncode == 0
    assert [line.split()[:4] for line in done.stdout.splitlines() if " up " in line] == [
        line.split()[:4] for line in before.splitlines() if " up " in line
    ]
    nodes = int(slurm.environment["LOCAL_CLUSTER_NODES"])
    first = int(slurm.environment["LOCAL_CLUSTER_PORT"])
    ports = {f"{first + place:04X}" for place in range(nodes + 1)}
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines() if line.split()[3] == "0A"]
    ours = [address for address in listening if address.partition(":")[2] in ports]
    assert len(ours) == nodes + 1  # and the controller
    assert all(address.startswith("0100007F") for address in ours)


def test_a_job_runs_on_a_node_of_its_own_name(slurm, tmp_path):
    said = slurm.ask("srun", "--nodelist=n2", "--gres=gpu:1", "sh", "-c", "hostname; echo $CUDA_VISIBLE_DEVICES")
    assert said.split() == ["n2", "0"]


def test_an_element_waits_for_its_own_predecessor_or_for_the_whole_array(slurm, tmp_path):
    """What the chains rest on: `aftercorr:A?afterany:A`."""
    script = tmp_path / "job.sh"
    script.write_text(
        "#!/bin/sh\n[ $SLURM_ARRAY_TASK_ID = 0 ] && exit 0\n[ $SLURM_ARRAY_TASK_ID = 1 ] && exit 3\nsleep 4\n"
    )
    output = ["--output", f"{tmp_path}/log", "--mem=50M", "--parsable"]
    first = slurm.ask("sbatch", *output, "--array=0-2", str(script))
    after = tmp_path / "after.sh"
    after.write_text(f"#!/bin/sh\ndate +%s.%N > {tmp_path}/$SLURM_ARRAY_TASK_ID\n")
    slurm.ask("sbatch", *output, "--array=0-2", f"--dependency=aftercorr:{first}?afterany:{first}", str(after))
    end = time.monotonic() + 60
    while not all((tmp_path / str(index)).exists() for index in range(3)):
        assert time.monotonic() < end
        time.sleep(0.1)
    times = [float((tmp_path / str(index)).read_text()) for index in range(3)]
    assert times[0] < times[1]
    assert times[0] < times[2]
