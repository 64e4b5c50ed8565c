"""Two processes train as one does."""

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pair
import pytest
import torch

from bench.methods.base import TrainedSettings
from bench.training import checkpoint
from bench.training.device import open_fabric
from bench.training.processes import Place, check_shared
from bench.util.errors import UserError


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def both(home, *words):
    """Two processes of pair.py at work in `home`; afterwards they are done."""
    tests, port = Path(pair.__file__).parent, str(free_port())
    env = os.environ | {"PYTHONPATH": f"{tests}:{tests.parent}"}
    words = [[sys.executable, pair.__file__, str(rank), port, str(home), *words] for rank in (0, 1)]
    started = [subprocess.Popen(each, env=env, stderr=subprocess.PIPE, text=True) for each in words]
    yield
    for one in started:
        said = one.communicate(timeout=240)[1]
        assert one.returncode == 0, said


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """The trainings of pair.py, by two processes, and the straight one by this process alone."""
    home = tmp_path_factory.mktemp("pair")
    with both(home):
        pair.train(home / "alone", open_fabric("cpu"))
    return home


def trained(folder):
    (path,) = (folder / "checkpoints").iterdir()
    return checkpoint.load(path)


def test_two_processes_are_one_to_rounding(home):
    """Weights, running statistics of batch normalisation, spectral norm's vectors, and every scalar."""
    one, two = trained(home / "alone"), trained(home / "straight")
    first = {name: network.state_dict() for name, network in pair.method().networks().items()}
    for name, values in one.items():
        for key, value in values.items():
            assert torch.allclose(value.double(), two[name][key].double(), rtol=1e-4, atol=2e-6), (name, key)
    assert not torch.allclose(one["generator"]["first.weight"], first["generator"]["first.weight"], atol=1e-3)
    assert one["generator"]["norm.num_batches_tracked"] == two["generator"]["norm.num_batches_tracked"] == pair.STEPS
    lines = [(home / name / "scalars.csv").read_text().splitlines()[1:] for name in ("alone", "straight")]
    assert len(lines[0]) == len(lines[1]) == 4 * pair.STEPS
    for here, there in zip(*lines, strict=True):
        assert here.split(",")[:3] == there.split(",")[:3]
        assert float(here.split(",")[3]) == pytest.approx(float(there.split(",")[3]), rel=1e-4)


def test_stopped_after_every_step_is_straight_training_bit_for_bit(home):
    names = [next((home / name / "checkpoints").glob("trained-*.pt")).name for name in ("straight", "pieces")]
    assert names[0] == names[1]
    assert (home / "straight" / "scalars.csv").read_bytes() == (home / "pieces" / "scalars.csv").read_bytes()


def test_only_the_first_process_writes(home):
    assert sorted(path.name for path in home.iterdir()) == ["alone", "found.pt", "pieces", "straight"]


def test_dropout_draws_for_each_image_anew(home):
    first, second = torch.load(home / "found.pt")
    for left in (first, second):
        assert left.shape == (4, 200)
        assert 0.35 < (left == 0).double().mean() < 0.65
        assert len({tuple(row.tolist()) for row in left}) == 4
    assert not torch.equal(first, second)


@pytest.mark.slow
def test_every_method_is_trained_by_two_as_by_one(tmp_path):
    """In float64, where rounding is far below any mistake. A method with dropout could not stand in this test."""
    with both(tmp_path, "methods"), pair.doubles():
        one = pair.steps_in_double()
    two = torch.load(tmp_path / "found.pt")
    assert one.keys() == two.keys()
    assert len({name[0] for name in one}) >= 8
    for name, value in one.items():
        # Adam makes large steps of gradients that are zero but for rounding, as before batch normalisation.
        assert torch.allclose(value.double(), two[name].double(), rtol=0, atol=1e-7), name


def test_a_batch_must_be_shared_evenly():
    stage = pair.method().stages()[0]
    check_shared(stage, TrainedSettings(), 4)
    with pytest.raises(UserError, match=r"3 processes cannot share a batch of 4 images .* use 2 or 4\.") as error:
        check_shared(stage, TrainedSettings(), 3)
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(UserError, match="compiled = true does not work with 2 processes"):
        check_shared(stage, TrainedSettings(compiled=True), 2)


def test_places_are_counted_node_by_node():
    places = [Place(local, node, 2, 3, "n1", 1) for node in range(3) for local in range(2)]
    assert [place.rank for place in places] == list(range(6))
    assert places[0].size == 6
