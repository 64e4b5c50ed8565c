from dataclasses import replace

import pytest
import torch
from torch import nn
from torchvision.models.vgg import cfgs, make_layers

from baselines import vgg
from bench.util.errors import UserError
from papers.fang2021 import losses


def test_distances():
    a, b = torch.tensor([1.0, -1.0]), torch.tensor([0.5, 1.0])
    assert losses.distance(a, b, "l1").tolist() == [0.5, 2.0]
    assert losses.distance(a, b, "l2").tolist() == [0.25, 4.0]


def vgg_file(folder, monkeypatch):
    monkeypatch.setattr(vgg, "VGG19", replace(vgg.VGG19, sha256_prefix=""))
    torch.manual_seed(0)
    layers = make_layers(cfgs["E"])[: losses.VGG_LAYERS]
    path = folder / "vgg.pth"
    torch.save({f"features.{key}": value for key, value in layers.state_dict().items()}, path)
    return path, layers


def test_perceptual_is_the_distance_of_features(tmp_path, monkeypatch):
    path, layers = vgg_file(tmp_path, monkeypatch)
    distance = losses.Perceptual(str(path))
    a, b = torch.rand(1, 3, 32, 32) * 2 - 1, torch.rand(1, 3, 32, 32) * 2 - 1
    mean, sd = (torch.tensor(x).view(3, 1, 1) for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        expected = (layers((a / 2 + 0.5 - mean) / sd) - layers((b / 2 + 0.5 - mean) / sd)).abs().mean()
    assert float(distance(a, b)) == pytest.approx(float(expected), rel=1e-4)
    assert distance(a, a) == 0
    assert isinstance(distance.features[-1], nn.ReLU)
    assert distance.features[-2].out_channels == 512


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_perceptual_tells_of_a_wrong_file(tmp_path, content):
    path = tmp_path / "vgg.pth"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"vgg\.pth is not the published vgg19-"):
        losses.Perceptual(str(path))
    with pytest.raises(UserError, match=r"absent\.pth cannot be read"):
        losses.Perceptual(str(tmp_path / "absent.pth"))
