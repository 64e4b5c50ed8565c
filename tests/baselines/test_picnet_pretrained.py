"""Public weights for PICNet, against networks of the public layout that are written out here from their description."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from baselines.picnet.method import latent_noise
from bench.methods.base import DataFacts, fill
from bench.methods.catalog import find
from bench.methods.pretrained import load_pretrained
from bench.util.errors import UserError

LEAKY = nn.LeakyReLU(0.1)


class Spectral(nn.Module):
    """Its layer's weight is `weight_bar` over the norm that one more step of the power iteration finds."""

    def __init__(self, module):
        super().__init__()
        self.module = module
        weight = module.weight.data
        del module._parameters["weight"]
        matrix = weight.flatten(1)
        for name, size in (("u", matrix.shape[0]), ("v", matrix.shape[1])):
            vector = F.normalize(torch.randn(size), dim=0)
            module.register_parameter(f"weight_{name}", nn.Parameter(vector, requires_grad=False))
        module.register_parameter("weight_bar", nn.Parameter(weight))

    def forward(self, x):
        one = self.module
        matrix = one.weight_bar.flatten(1)
        v = F.normalize(one.weight_u @ matrix, dim=0)
        u = F.normalize(matrix @ v, dim=0)
        weight = one.weight_bar / (u @ matrix @ v)
        if isinstance(one, nn.ConvTranspose2d):
            return F.conv_transpose2d(x, weight, one.bias, 2, 1, 1)
        return F.conv2d(x, weight, one.bias, padding=one.padding)


def conv(inside, outside, kernel=3, padding=None):
    layer = nn.Conv2d(inside, outside, kernel, padding=kernel // 2 if padding is None else padding)
    nn.init.normal_(layer.bias, std=0.1)
    return Spectral(layer)


def up(inside, outside):
    return Spectral(nn.ConvTranspose2d(inside, outside, 3, 2, 1, output_padding=1))


class Res(nn.Module):
    """Its layers are there twice: by name, and in `model` and `shortcut`."""

    def __init__(self, inside, outside, hidden, down=False, leaky=LEAKY):
        super().__init__()
        self.conv1, self.conv2 = conv(inside, hidden), conv(hidden, outside)
        self.bypass = conv(inside, outside, 1)
        self.model = nn.Sequential(leaky, self.conv1, leaky, self.conv2)
        self.shortcut = nn.Sequential(self.bypass)
        self.pool = nn.AvgPool2d(2) if down else nn.Identity()

    def forward(self, x):
        return self.pool(self.model(x)) + self.pool(self.shortcut(x))


class First(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.bypass = conv(3, 32), conv(32, 32), conv(3, 32, 1)
        self.model = nn.Sequential(self.conv1, LEAKY, self.conv2, nn.AvgPool2d(2))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), self.bypass)

    def forward(self, x):
        return self.model(x) + self.shortcut(x)


class E(nn.Module):
    def __init__(self):
        super().__init__()
        self.block0 = First()
        for place, (before, after) in enumerate([(32, 64), (64, 128), (128, 128), (128, 128)]):
            self.add_module(f"encoder{place}", Res(before, after, before, down=True))
        for place in range(6):
            self.add_module(f"infer_prior{place}", Res(128, 128, 128))
        self.posterior, self.prior = Res(128, 256, 128), Res(128, 256, 128)

    def forward(self, x):
        features = [self.block0(x)]
        for place in range(4):
            features.append(getattr(self, f"encoder{place}")(features[-1]))
        x = features[-1]
        for place in range(6):
            x = getattr(self, f"infer_prior{place}")(x)
        mean, raw = self.prior(x).split(128, dim=1)
        return mean, F.softplus(raw), features


class Up(nn.Module):
    def __init__(self, inside, outside):
        super().__init__()
        self.conv1, self.conv2, self.bypass = conv(inside, outside), up(outside, outside), up(inside, outside)
        norms = [nn.InstanceNorm2d(width, affine=True) for width in (inside, outside)]
        for norm in norms:
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.normal_(norm.bias, std=0.2)
        self.model = nn.Sequential(norms[0], LEAKY, self.conv1, norms[1], LEAKY, self.conv2)
        self.shortcut = nn.Sequential(self.bypass)

    def forward(self, x):
        return self.model(x) + self.shortcut(x)


class Out(nn.Module):
    def __init__(self, inside):
        super().__init__()
        self.conv1 = conv(inside, 3, padding=0)
        self.model = nn.Sequential(LEAKY, nn.ReflectionPad2d(1), self.conv1, nn.Tanh())

    def forward(self, x):
        return self.model(x)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query_conv = nn.Conv2d(128, 32, 1)
        self.gamma, self.alpha = nn.Parameter(torch.tensor([0.7])), nn.Parameter(torch.tensor([0.6]))
        self.model = Res(256, 128, 128, leaky=nn.LeakyReLU())

    def forward(self, x, before, known):
        query = self.query_conv(x)
        share = torch.softmax(torch.einsum("ncij,nckl->nijkl", query, query).flatten(3), dim=3)
        share = share.unflatten(3, x.shape[2:])
        short = self.gamma * torch.einsum("nckl,nijkl->ncij", x, share) + x
        flow = torch.einsum("nckl,nijkl->ncij", before, share)
        return self.model(torch.cat([short, self.alpha * (1 - known) * flow + known * before], dim=1))


class G(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator = Res(128, 128, 128)
        for place, (before, after) in enumerate([(128, 128), (128, 128), (131, 128), (131, 64), (67, 32)]):
            self.add_module(f"decoder{place}", Up(before, after))
            if place:
                self.add_module(f"out{place}", Out(after))
        self.attn1 = Attention()

    def forward(self, z, features, known):
        x = features[-1] + self.generator(z)
        for place in range(5):
            x = getattr(self, f"decoder{place}")(x)
            if place == 1:
                small = F.interpolate(known, x.shape[2:], mode="bilinear", align_corners=True)
                x = self.attn1(x, features[2], small)
            if place:
                result = getattr(self, f"out{place}")(x)
                x = torch.cat([x, result], dim=1)
        return result


@pytest.fixture(scope="module")
def networks():
    torch.manual_seed(0)
    return E(), G()


@pytest.fixture
def files(networks, tmp_path):
    for network in networks:
        torch.save(network.state_dict(), tmp_path / f"latest_net_{type(network).__name__}.pth")
    return [tmp_path / "latest_net_E.pth", tmp_path / "latest_net_G.pth"]


@torch.no_grad()
def test_the_mapped_networks_are_the_public_ones(networks, files):
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(1, 3, 64, 96, generator=generator)
    hole = torch.zeros(1, 1, 64, 96, dtype=torch.bool)
    hole[..., 17:50, 30:71] = True
    encoder, decoder = networks
    known = (~hole).float()
    mean, sd, features = encoder((2 * image - 1) * known)
    seed = torch.tensor([5])
    z = mean + sd * latent_noise(seed, 0, mean.shape[1:])
    expected = (decoder(z, features, known) + 1) / 2
    assert expected.std() > 0.05
    pretrained = load_pretrained(find()["picnet"], files)
    inpainter = pretrained.build(pretrained.settings("paper", "default", {}), DataFacts(256, 1)).inpainter()
    assert (fill(inpainter, image, hole, seed) - expected).abs().max() < 1e-4


def test_the_settings_of_the_draws_can_be_set(files):
    pretrained = load_pretrained(find()["picnet"], files)
    assert pretrained.settings("smoke", "default", {"samples": 3, "shown": "mean"})["samples"] == 3
    assert pretrained.settings("smoke", "default", {})["width"] == 32
    with pytest.raises(UserError, match="E/block0.conv1.module.weight is 32x3x3x3, not 16x3x3x3"):
        pretrained.build(pretrained.settings("smoke", "default", {"width": 16}), DataFacts(256, 1))


def test_both_files_are_needed(files):
    with pytest.raises(UserError, match=r"picnet takes --weights \*_net_E.pth and --weights \*_net_G.pth, each once"):
        load_pretrained(find()["picnet"], files[:1])
