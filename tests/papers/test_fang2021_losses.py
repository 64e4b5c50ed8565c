import pytest
import torch
from torch import nn
from torchvision.models.vgg import cfgs, make_layers

from baselines import vgg
from bench.errors import UserError
from papers.fang2021 import losses


def box_hole(count: int = 2, side: int = 8) -> torch.Tensor:
    hole = torch.zeros(count, 1, side, side, dtype=torch.bool)
    hole[..., 2:6, 1:5] = True
    return hole


def test_distances():
    a, b = torch.tensor([1.0, -1.0]), torch.tensor([0.5, 1.0])
    assert losses.distance(a, b, "l1").tolist() == [0.5, 2.0]
    assert losses.distance(a, b, "l2").tolist() == [0.25, 4.0]


def test_means():
    hole = box_hole()
    distances = torch.where(hole, 7.0, 2.0).expand(-1, 3, -1, -1)
    assert losses.known_mean(distances, hole) == pytest.approx(2.0)
    assert losses.known_mean(distances, torch.ones_like(hole)) == 0
    # Images with holes of different sizes count alike.
    hole[1, :, 1:] = True
    uneven = torch.tensor([1.0, 3.0]).view(2, 1, 1, 1).expand(2, 3, 8, 8)
    assert losses.known_mean(uneven, hole) == pytest.approx(2.0)
    assert losses.box_mean(uneven, None) == pytest.approx(2.0)
    assert losses.box_mean(uneven, torch.full((8, 8), 0.5)) == pytest.approx(1.0)


def test_discount_is_the_formula_of_the_code():
    side, gamma = 7, 0.9
    weights = losses.discount(side, gamma)
    for i in range(side):
        for j in range(side):
            expected = max(gamma ** min(i, side - i), gamma ** min(j, side - j))
            assert float(weights[i, j]) == pytest.approx(expected, rel=1e-6)
    assert bool((losses.discount(5, 1.0) == 1).all())


def vgg_file(folder, monkeypatch):
    monkeypatch.setattr(vgg, "SHA256_PREFIX", "")
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
    with pytest.raises(UserError, match=r"vgg\.pth is not VGG-19"):
        losses.Perceptual(str(path))
    with pytest.raises(UserError, match=r"absent\.pth cannot be read"):
        losses.Perceptual(str(tmp_path / "absent.pth"))
