"""Public weights for GLCIC, against networks of the public layouts that are written out here from their description."""

import json

import pytest
import torch
from elsewhere import publish
from torch import nn

from baselines.glcic.pretrained import LAYOUTS
from bench.methods.base import DataFacts, fill
from bench.methods.catalog import find
from bench.methods.pretrained import load_pretrained
from bench.util.errors import UserError

TABLE = [  # kernel, stride, dilation, channels; a kernel of 4 is a transposed convolution
    (5, 1, 1, 64), (3, 2, 1, 128), (3, 1, 1, 128), (3, 2, 1, 256), (3, 1, 1, 256), (3, 1, 1, 256), (3, 1, 2, 256),
    (3, 1, 4, 256), (3, 1, 8, 256), (3, 1, 16, 256), (3, 1, 1, 256), (3, 1, 1, 256), (4, 2, 1, 128), (3, 1, 1, 128),
    (4, 2, 1, 64), (3, 1, 1, 32), (3, 1, 1, 3),
]  # fmt: skip
FACTS = DataFacts(32, 1, (0.9, 0.8, 0.7))
MEAN = [0.52, 0.41, 0.36]


def layers(bias):
    before = 4
    for number, (kernel, stride, dilation, width) in enumerate(TABLE, 1):
        if kernel == 4:
            yield nn.ConvTranspose2d(before, width, 4, stride, 1, bias=bias)
        else:
            yield nn.Conv2d(
                before, width, kernel, stride, dilation * (kernel // 2), dilation, bias=bias or number == 17
            )
        before = width


def lively(network):
    """Running statistics and scales of no use as defaults."""
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, std=0.2)
            nn.init.normal_(layer.running_mean, std=0.2)
            nn.init.uniform_(layer.running_var, 0.5, 1.5)
        elif isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return network.eval()


class Otenim(nn.Module):
    """conv1, bn1 ... deconv13, bn13 ... conv17: the ReLU comes before the normalisation."""

    def __init__(self):
        super().__init__()
        for number, layer in enumerate(layers(bias=True), 1):
            self.add_module(f"{'deconv' if number in (13, 15) else 'conv'}{number}", layer)
            if number < 17:
                self.add_module(f"bn{number}", nn.BatchNorm2d(TABLE[number - 1][3]))

    def forward(self, x):
        for number in range(1, 17):
            conv = getattr(self, f"deconv{number}" if number in (13, 15) else f"conv{number}")
            x = getattr(self, f"bn{number}")(conv(x).clamp(min=0))
        return 1 / (1 + torch.exp(-self.conv17(x)))


class Module(nn.Module):
    """A convolution `conv` and, but for the last, a normalisation `bn`."""

    def __init__(self, conv, width):
        super().__init__()
        self.conv = conv
        if width != 3:
            self.bn = nn.BatchNorm2d(width)

    def forward(self, x):
        return self.bn(self.conv(x)).clamp(min=0) if hasattr(self, "bn") else self.conv(x)


class Mmagic(nn.Module):
    """encoder.enc1 to 6, dilation_neck.dilation_convs.0 to 3, decoder.dec1 to 7."""

    def __init__(self):
        super().__init__()
        modules = [Module(layer, row[3]) for layer, row in zip(layers(bias=False), TABLE, strict=True)]
        self.generator, self.disc = nn.Module(), nn.Linear(2, 1)
        self.generator.encoder, self.generator.decoder, self.generator.dilation_neck = (nn.Module() for _ in range(3))
        for number, one in enumerate(modules[:6], 1):
            self.generator.encoder.add_module(f"enc{number}", one)
        self.generator.dilation_neck.dilation_convs = nn.Sequential(*modules[6:10])
        for number, one in enumerate(modules[10:], 1):
            self.generator.decoder.add_module(f"dec{number}", one)
        self.in_order = modules

    def forward(self, x):
        for one in self.in_order:
            x = one(x)
        return x.clamp(-1, 1)

    def published(self):
        return {key: value for key, value in self.state_dict().items() if not key.startswith("in_order")}


def sample():
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(2, 3, 32, 40, generator=generator)
    hole = torch.zeros(2, 1, 32, 40, dtype=torch.bool)
    hole[0, :, 7:20, 9:30] = True
    hole[1, :, 2:9, 20:33] = True
    return image, hole


def filled(pretrained):
    image, hole = sample()
    method = pretrained.build(pretrained.settings("smoke", "default", {}), FACTS)
    assert not method.networks()["generator"].training
    return fill(method.inpainter(), image, hole, torch.zeros(2, dtype=torch.int64))


@pytest.fixture
def entry():
    return find()["glcic"]


@pytest.fixture
def otenim(tmp_path):
    torch.manual_seed(0)
    network = lively(Otenim())
    torch.save(network.state_dict(), tmp_path / "model_cn")
    (tmp_path / "config.json").write_text(json.dumps({"mpv": MEAN, "alpha": 4e-4, "data_dir": "x", "none": []}))
    return network, [tmp_path / "model_cn", tmp_path / "config.json"]


@torch.no_grad()
def test_otenims_network_is_the_public_one(entry, otenim):
    network, files = otenim
    image, hole = sample()
    mask = hole.float()
    inside = image * (1 - mask) + torch.tensor(MEAN).view(1, 3, 1, 1) * mask
    expected = network(torch.cat([inside, mask], dim=1))
    assert expected.std() > 0.05
    pretrained = load_pretrained(entry, files)
    assert pretrained.layout.name == "GLCIC of otenim"
    assert (filled(pretrained) - expected).abs().max() < 1e-4


def test_otenims_mean_is_needed_and_part_of_the_key(entry, otenim):
    _, (weights, config) = otenim
    with pytest.raises(UserError, match=r"glcic takes --weights model_cn\* and --weights config.json, each once"):
        load_pretrained(entry, [weights])
    before = load_pretrained(entry, [weights, config]).sha256
    config.write_text(json.dumps({"mpv": [0.1, 0.2, 0.3]}))
    assert load_pretrained(entry, [weights, config]).sha256 != before
    for text, said in (
        ("{}", "it holds none"),
        ('{"mpv": [120, 110, 100]}', "it holds .120"),
        ("[1", "not valid JSON"),
    ):
        config.write_text(text)
        with pytest.raises(UserError, match=said):
            filled(load_pretrained(entry, [weights, config]))


@torch.no_grad()
def test_mmagics_network_is_the_public_one(entry, tmp_path):
    torch.manual_seed(0)
    network = lively(Mmagic())
    path = publish(tmp_path, {"state_dict": network.published()}, stem="gl_256x256_8x12_celeba_20200619")
    image, hole = sample()
    mask = hole.float()
    masked = (2 * image - 1)[:, [2, 1, 0]] * (1 - mask)
    expected = (network(torch.cat([masked, mask], dim=1))[:, [2, 1, 0]] + 1) / 2
    assert expected.std() > 0.05
    pretrained = load_pretrained(entry, [path])
    assert pretrained.facts["trained_on"] == "CelebA-HQ, 256x256, square holes"
    assert (filled(pretrained) - expected).abs().max() < 1e-4
    with pytest.raises(UserError, match="--variant no_gan"):
        pretrained.settings("smoke", "no_gan", {})


def test_the_two_layouts_have_nothing_in_common():
    first, second = LAYOUTS
    assert not {key.partition("/")[2] for key in first.keys.values()} & set(second.keys.values())
