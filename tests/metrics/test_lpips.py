import hashlib
import warnings

import lpips as reference
import pytest
import torch

from bench.metrics import Lpips
from bench.metrics import lpips as module
from bench.metrics import weights as files
from bench.metrics.feature_cache import FeatureCache, digest_of
from bench.metrics.lpips import Distance
from bench.metrics.weights import ALEX, VGG
from bench.util.errors import UserError


def package(net):
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return reference.LPIPS(net=net, version="0.1", pnet_rand=True, verbose=False).eval()


def state(network):
    """Its random trunk under the names of torchvision's model."""
    return {f"features.{key.partition('.')[2]}": value.clone() for key, value in network.net.state_dict().items()}


@pytest.fixture(scope="module")
def network():
    return package("alex")


@pytest.fixture(scope="module")
def alexnet(network):
    return state(network)


@pytest.fixture
def no_hub(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return tmp_path / "hub" / "checkpoints"


def pictures(count, seed, side=64):
    chance = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, 3, side, side), generator=chance).byte()


def expected(network, x, y):
    with torch.no_grad():
        return network(x.float() / 255, y.float() / 255, normalize=True).flatten().tolist()


def test_agrees_with_the_package_on_a_random_trunk(network, alexnet):
    x, y = pictures(3, 0), pictures(3, 1)
    found = Distance(alexnet)(x, y)
    assert found.dtype == torch.float64
    assert min(expected(network, x, y)) > 1e-3
    assert found.tolist() == pytest.approx(expected(network, x, y), abs=1e-5)
    assert Distance(alexnet)(x, x).tolist() == [0, 0, 0]


@pytest.mark.slow
def test_vgg_agrees_with_the_package_on_a_random_trunk():
    network = package("vgg")
    measure = Distance(state(network), VGG)
    for side in (64, 16):
        x, y = pictures(5, 0, side), pictures(5, 1, side)
        assert measure(x, y).tolist() == pytest.approx(expected(network, x, y), abs=1e-5)
    with pytest.raises(UserError, match="at least 16 pixels"):
        measure(pictures(1, 0, 15), pictures(1, 1, 15))


def test_does_not_depend_on_the_batch_and_draws_nothing(alexnet):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    measure = Distance(alexnet)
    assert torch.equal(torch.get_rng_state(), before)
    x, y = pictures(ALEX.batch + 3, 0, 32), pictures(ALEX.batch + 3, 1, 32)
    together = measure(x, y)
    for index in (0, 4, ALEX.batch + 2):
        alone = Distance(alexnet)(x[index : index + 1], y[index : index + 1])[0]
        assert torch.equal(alone, together[index])
    assert measure(x[:0], y[:0]).shape == (0,)


def test_features_of_truths_are_computed_once(alexnet, monkeypatch):
    measure = Distance(alexnet)
    seen = []
    forward = measure._features
    monkeypatch.setattr(measure, "_features", lambda x: seen.append(len(x)) or forward(x))
    x, y, z = pictures(5, 0), pictures(5, 1), pictures(5, 2)
    first = measure(x, y)
    assert seen == [5, 5]
    assert torch.equal(measure(x[[3, 1]], y[[3, 1]]), first[[3, 1]])
    assert torch.equal(measure(x, z), Distance(alexnet)(x, z))
    assert seen == [5, 5, 2, 5]
    measure(torch.cat([x[:2], z[:1]]), y[:3])
    assert seen[4:] == [3, 1] or sorted(seen[4:]) == [1, 3]


def test_a_full_shelf_keeps_the_same_pictures_and_the_same_values(alexnet):
    truth, results = pictures(12, 0, 32), [pictures(12, seed, 32) for seed in (1, 2)]
    plenty = Distance(alexnet)
    values = [plenty(truth, result) for result in results]
    each = plenty.cache.used_bytes // 12
    scarce = Distance(alexnet, cache=FeatureCache(5 * each))
    assert all(torch.equal(scarce(truth, result), value) for result, value in zip(results, values, strict=True))
    assert len(scarce.cache) == 5
    assert scarce.cache.used_bytes <= 5 * each
    smallest = sorted(digest_of(picture) for picture in truth)[:5]
    assert all(scarce.cache.get(digest) is not None for digest in smallest)
    none = Distance(alexnet, cache=FeatureCache(0))
    assert torch.equal(none(truth, results[0]), values[0])
    assert len(none.cache) == 0


def test_a_digest_is_of_pixels_and_shape():
    flat = torch.zeros(3, 4, 6, dtype=torch.uint8)
    other = flat.clone()
    other[2, 3, 5] = 1
    assert len({digest_of(x) for x in (flat, other, flat.reshape(3, 6, 4))}) == 3
    assert digest_of(flat.mT.contiguous().mT) == digest_of(flat)


def test_small_pictures(alexnet):
    assert torch.isfinite(Distance(alexnet)(pictures(1, 0, 31), pictures(1, 1, 31))).all()
    with pytest.raises(UserError, match="at least 31 pixels; these pictures are 30x30"):
        Distance(alexnet)(pictures(1, 0, 30), pictures(1, 1, 30))
    assert Lpips({"lpips": Distance(alexnet)}).columns(pictures(1, 0, 30), pictures(1, 1, 30)) == {}


def test_no_weights_no_number(tmp_path, no_hub):
    assert Lpips.open(tmp_path) is None
    assert Lpips.open(None) is None
    words = f"no weights: put alexnet-owt-7be5be79.pth into {tmp_path} (244,408,911 bytes)"
    assert Lpips.reason(tmp_path).startswith(words)
    assert "python -m bench fetch lpips" in Lpips.reason(tmp_path)
    assert str(no_hub) in Lpips.reason()


def test_a_reason_names_no_persons_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert "into ~/weights (" in Lpips.reason(tmp_path / "weights")


def test_foreign_weights_are_refused(tmp_path, no_hub):
    (tmp_path / ALEX.file).write_bytes(b"half a file")
    with pytest.raises(UserError, match=r"7be5be79\.pth is not the published alexnet.* 11 bytes"):
        Lpips.open(tmp_path)


def test_right_weights_are_found_in_both_places(tmp_path, no_hub, alexnet, monkeypatch):
    no_hub.mkdir(parents=True)
    torch.save(alexnet, no_hub / ALEX.file)
    digest = hashlib.sha256((no_hub / ALEX.file).read_bytes()).hexdigest()
    published = files.Trunk(**(vars(ALEX) | {"sha256_prefix": digest[:8]}))
    monkeypatch.setattr(module, "TRUNKS", {"lpips": published, "lpips_vgg": VGG})
    x, y = pictures(1, 0), pictures(1, 1)
    expected = Distance(alexnet)(x, y)
    found = Lpips.open(None)
    assert torch.equal(found.columns(x, y)["lpips"], expected)
    assert list(found.columns(x, y)) == ["lpips"]
    assert Lpips.open(tmp_path) is found  # the same file: its shelf goes on
    (no_hub / ALEX.file).rename(tmp_path / ALEX.file)
    assert torch.equal(Lpips.open(tmp_path).columns(x, y)["lpips"], expected)
    assert Lpips.open(None) is None
