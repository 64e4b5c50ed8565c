import hashlib

import pytest
import torch
from torchvision.models import AlexNet_Weights, VGG16_Weights, VGG19_Weights

from bench.metrics import weights


@pytest.fixture
def published(monkeypatch, tmp_path):
    """Two small files, published at addresses of this machine."""
    shop, trunks = tmp_path / "shop", {}
    shop.mkdir()
    for name, net in (("lpips", "alex"), ("lpips_vgg", "vgg")):
        content = f"the weights of {net}".encode()
        (shop / f"{net}.pth").write_bytes(content)
        prefix = hashlib.sha256(content).hexdigest()[:8]
        trunks[name] = weights.Trunk(f"{net}.pth", len(content), prefix, net, net, (), 1, 1)
    monkeypatch.setattr(weights, "TRUNKS", trunks)
    monkeypatch.setattr("bench.cli.doctor.TRUNKS", trunks)
    monkeypatch.setattr(weights, "NETWORKS", {"vgg16": trunks["lpips_vgg"]})
    monkeypatch.setattr(weights.Published, "url", property(lambda self: (shop / self.file).as_uri()))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "hub"))
    return shop


def test_both_trunks_come_and_are_not_fetched_twice(bench, published, tmp_path):
    assert bench("fetch", "lpips", "--weights", tmp_path / "here")[0] == 0
    assert (tmp_path / "here" / "vgg.pth").read_bytes() == b"the weights of vgg"
    (published / "alex.pth").unlink()
    code, out, _ = bench("fetch", "lpips", "--weights", tmp_path / "here")
    assert code == 0
    assert str(tmp_path / "here" / "alex.pth") in out
    said = bench("doctor", "--weights", tmp_path / "here", "--out", tmp_path / "runs")[1]
    assert [line[0] for line in said.splitlines() if "LPIPS" in line] == ["✓", "✓"]


def test_they_go_where_torchvision_looks(bench, published, tmp_path):
    assert bench("fetch", "lpips")[0] == 0
    assert sorted(path.name for path in (tmp_path / "hub" / "checkpoints").iterdir()) == ["alex.pth", "vgg.pth"]


def test_one_network_alone(bench, published, tmp_path):
    code, out, _ = bench("fetch", "vgg16", "--to", tmp_path / "here")
    assert code == 0
    assert f"vgg16: {tmp_path / 'here' / 'vgg.pth'}" in out
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["vgg.pth"]


def test_files_are_those_that_torchvision_publishes():
    for one, known in zip(
        (weights.ALEX, weights.VGG, weights.VGG19),
        (AlexNet_Weights.IMAGENET1K_V1, VGG16_Weights.IMAGENET1K_V1, VGG19_Weights.IMAGENET1K_V1),
        strict=True,
    ):
        assert one.url == known.url
        assert one.sha256_prefix in one.file
        assert round(one.bytes / 2**20, 3) == known.meta["_file_size"]
    assert weights.NETWORKS == {"vgg16": weights.VGG, "vgg19": weights.VGG19}


def test_a_wrong_download_leaves_nothing(bench, published, tmp_path):
    (published / "alex.pth").write_bytes(b"a page that says: too many downloads")
    code, _, error = bench("fetch", "lpips", "--weights", tmp_path / "here")
    assert code == 2
    assert "invalid hash value" in error
    assert list((tmp_path / "here").iterdir()) == []


def test_without_a_network(bench, published, tmp_path):
    (published / "alex.pth").unlink()
    code, _, error = bench("fetch", "lpips", "--weights", tmp_path / "here")
    assert code == 2
    assert len(error.strip().splitlines()) == 1
    assert "alex.pth could not be downloaded" in error
    assert "on a machine with a network" in error


def test_a_wrong_file_is_told_by_name(bench, published, tmp_path):
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "vgg.pth").write_bytes(b"half")
    code, _, error = bench("fetch", "lpips", "--weights", tmp_path / "here")
    assert code == 2
    assert "vgg.pth is not the published vgg.pth: 4 bytes" in error
    said = bench("doctor", "--weights", tmp_path / "here", "--out", tmp_path / "runs")[1]
    assert "vgg.pth is not the published vgg.pth" in said


def test_an_unknown_thing(bench):
    code, _, error = bench("fetch", "lpip")
    assert code == 2
    assert "Did you mean 'lpips'?" in error
