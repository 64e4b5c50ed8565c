import hashlib
import warnings

import lpips as reference
import pytest
import torch

from bench.errors import UserError
from bench.metrics import Lpips
from bench.metrics import lpips as module


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return reference.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False).eval()


@pytest.fixture(scope="module")
def alexnet(network):
    """A random trunk under the names of torchvision's AlexNet."""
    return {f"features.{key.partition('.')[2]}": value.clone() for key, value in network.net.state_dict().items()}


@pytest.fixture
def no_hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


def pictures(count, seed, side=64):
    chance = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, side, side), generator=chance).byte()


def test_agrees_with_the_package_on_a_random_trunk(network, alexnet):
    x, y = pictures(3, 0), pictures(3, 1)
    expected = network(x.float() / 255, y.float() / 255, normalize=True).flatten()
    found = Lpips(alexnet)(x, y)
    assert found.dtype == torch.float64
    assert expected.min() > 1e-3
    assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-5)
    assert Lpips(alexnet)(x, x).tolist() == [0, 0, 0]


def test_does_not_depend_on_the_batch_and_draws_nothing(alexnet):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    measure = Lpips(alexnet)
    assert torch.equal(torch.get_rng_state(), before)
    x, y = pictures(module.BATCH + 3, 0, 32), pictures(module.BATCH + 3, 1, 32)
    together = measure(x, y)
    for index in (0, 4, module.BATCH + 2):
        assert torch.equal(measure(x[index : index + 1], y[index : index + 1])[0], together[index])
    assert measure(x[:0], y[:0]).shape == (0,)


def test_small_pictures(alexnet):
    assert torch.isfinite(Lpips(alexnet)(pictures(1, 0, 31), pictures(1, 1, 31))).all()
    with pytest.raises(UserError, match="at least 31 pixels; these pictures are 30x30"):
        Lpips(alexnet)(pictures(1, 0, 30), pictures(1, 1, 30))


def test_no_weights_no_number(tmp_path, no_hub):
    assert Lpips.open(tmp_path) is None
    assert Lpips.open(None) is None
    words = f"no weights: put alexnet-owt-7be5be79.pth into {tmp_path} (244,408,911 bytes)"
    assert Lpips.reason(tmp_path) == words
    assert str(no_hub) in Lpips.reason()


def test_a_reason_names_no_persons_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "into ~/weights (" in Lpips.reason(tmp_path / "weights")


def test_foreign_weights_are_refused(tmp_path, no_hub):
    (tmp_path / module.FILE).write_bytes(b"half a file")
    with pytest.raises(UserError, match=r"7be5be79\.pth is not the published file: 11 bytes"):
        Lpips.open(tmp_path)


def test_right_weights_are_found_in_both_places(tmp_path, no_hub, alexnet, monkeypatch):
    no_hub.mkdir(parents=True)
    torch.save(alexnet, no_hub / module.FILE)
    digest = hashlib.sha256((no_hub / module.FILE).read_bytes()).hexdigest()
    monkeypatch.setattr(module, "SHA256_PREFIX", digest[:8])
    x, y = pictures(1, 0), pictures(1, 1)
    expected = Lpips(alexnet)(x, y)
    assert torch.equal(Lpips.open(None)(x, y), expected)
    assert torch.equal(Lpips.open(tmp_path)(x, y), expected)
    (no_hub / module.FILE).rename(tmp_path / module.FILE)
    assert torch.equal(Lpips.open(tmp_path)(x, y), expected)
    assert Lpips.open(None) is None
