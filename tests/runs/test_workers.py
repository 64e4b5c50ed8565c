"""Processes of one machine meet by a file: over gloo on a processor, over NCCL on graphics cards."""

import json
import os
import subprocess
import sys
from pathlib import Path

import meet
import pytest
from cards import on_cards


def met(device, processes, folder):
    """What each of the processes found."""
    tests = Path(meet.__file__).parent
    env = os.environ | {"PYTHONPATH": f"{tests}:{tests.parent}", "GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
    folder.mkdir()
    words = [[sys.executable, meet.__file__, str(local), str(processes), device, folder] for local in range(processes)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(each, env=env, **pipes) for each in words]
    said = [one.communicate(timeout=240) for one in started]
    assert [one.returncode for one in started] == [0] * processes, said
    return [json.loads(out.splitlines()[-1]) for out, _ in said]


@pytest.mark.parametrize(
    ("device", "processes"),
    [
        ("cpu", 1),
        ("cpu", 2),
        pytest.param("cuda", 1, marks=on_cards().marks, id="cuda-1"),
        pytest.param("cuda", 2, marks=on_cards(2).marks, id="cuda-2"),
    ],
)
def test_processes_meet_by_a_file_and_compute_as_one(device, processes, tmp_path):
    found = met(device, processes, tmp_path / "several")
    assert [one["rank"] for one in found] == list(range(processes))
    assert {one["backend"] for one in found} == {"nccl" if device == "cuda" else "gloo"}
    assert len({one["device"] for one in found}) == (processes if device == "cuda" else 1)
    assert {one["total"] for one in found} == {processes * (processes + 1) / 2}
    assert all(one["told"] == {"from": 0} for one in found)
    assert all(one["agreed"] == [True, False] for one in found)
    assert all(one["shape"] == [2 * processes, 4, 6, 6] for one in found)
    # The same batch in one process, on the processor.
    network, image = meet.network_and_batch(processes)
    meet.loss(network(image)).backward()
    for one in found:
        assert one["gradient"] == pytest.approx(network[0].weight.grad.double().norm().item(), rel=1e-4)
        assert one["mean"] == pytest.approx(network[1].running_mean.tolist(), rel=1e-4, abs=1e-6)
