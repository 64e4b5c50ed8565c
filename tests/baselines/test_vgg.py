from dataclasses import replace

import pytest
import torch
from torch import nn
from torchvision.models.vgg import cfgs, make_layers

from baselines import vgg
from bench.util.errors import UserError


@pytest.fixture
def weights(tmp_path):
    """A state with VGG-19's names, of random numbers; and its layers."""
    torch.manual_seed(0)
    layers = make_layers(cfgs["E"])[:5]
    path = tmp_path / "vgg.pth"
    torch.save({f"features.{key}": value for key, value in layers.state_dict().items()}, path)
    return path, layers


def test_another_file_is_refused_by_its_hash(weights):
    with pytest.raises(
        UserError, match=r"vgg\.pth is not the published vgg19-.* expected 574,673,361 bytes and dcbb9e9d"
    ):
        vgg.vgg19(str(weights[0]), 5)


def test_an_absent_file_is_told(tmp_path):
    with pytest.raises(UserError, match=r"absent\.pth cannot be read"):
        vgg.vgg19(str(tmp_path / "absent.pth"), 5)


def test_the_layers_of_a_file(weights, monkeypatch):
    path, expected = weights
    monkeypatch.setattr(vgg, "VGG19", replace(vgg.VGG19, sha256_prefix=""))
    found = vgg.vgg19(str(path), 5)
    image = torch.rand(2, 3, 16, 16) * 2 - 1
    mean, sd = (torch.tensor(x).view(3, 1, 1) for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    with torch.no_grad():
        assert torch.allclose(found(vgg.normalised(image)), expected((image / 2 + 0.5 - mean) / sd), atol=1e-6)
    assert not any(weight.requires_grad for weight in found.parameters())


def test_layer_36_is_conv5_4_after_its_activation():
    layers = make_layers(cfgs["E"])[:36]
    pools = [place for place, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
    after_fourth_pool = [layer for layer in layers[pools[-1] + 1 :] if isinstance(layer, nn.Conv2d)]
    assert (len(pools), len(after_fourth_pool)) == (4, 4)
    assert isinstance(layers[-1], nn.ReLU)
    assert isinstance(make_layers(cfgs["E"])[36], nn.MaxPool2d)
