"""Public weights for PConv, against networks of the public layouts that are written out here from their description."""

import pytest
import torch
from elsewhere import publish
from torch import nn
from torch.nn import functional as F

from bench.methods.base import DataFacts, fill
from bench.methods.catalog import find
from bench.methods.pretrained import load_pretrained
from bench.util.errors import UserError

ENCODER = [(3, 64, 7), (64, 128, 5), (128, 256, 5), (256, 512, 3), *3 * [(512, 512, 3)]]
DECODER = [(67, 3), (192, 64), (384, 128), (768, 256), *3 * [(1024, 512)]]


class NaotoConv(nn.Module):
    """The sum over known values, divided by their number."""

    def __init__(self, inside, outside, kernel, stride, bias):
        super().__init__()
        self.input_conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=bias)
        self.mask_conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False)
        nn.init.ones_(self.mask_conv.weight)
        # Divided by the number of known values, results would be tiny with a usual start.
        nn.init.normal_(self.input_conv.weight, std=(2 * inside) ** 0.5 * kernel)

    def forward(self, x, known):
        bias = self.input_conv.bias
        count = self.mask_conv(known)
        result = F.conv2d(x * known, self.input_conv.weight, None, self.input_conv.stride, self.input_conv.padding)
        result = result / count.clamp(min=1) + (0 if bias is None else bias.view(1, -1, 1, 1))
        return result * (count > 0), (count > 0).float()


class MmagicConv(nn.Conv2d):
    """A convolution of known values, over the share of known places under the kernel."""

    def __init__(self, inside, outside, kernel, stride, bias):
        super().__init__(inside, outside, kernel, stride, kernel // 2, bias=bias)
        self.register_buffer("weight_mask_updater", torch.ones_like(self.weight))
        nn.init.kaiming_normal_(self.weight, nonlinearity="relu")

    def forward(self, x, known):
        count = F.conv2d(known, self.weight_mask_updater, None, self.stride, self.padding)
        seen = (count > 0).float()
        share = self.weight[0].numel() / count.clamp(min=1) * seen
        result = F.conv2d(x * known, self.weight, None, self.stride, self.padding) * share
        return result if self.bias is None else result + self.bias.view(1, -1, 1, 1) * seen, seen


class Layer(nn.Module):
    def __init__(self, conv, outside, norm, slope):
        super().__init__()
        self.conv, self.slope = conv, slope
        if norm:
            self.bn = nn.BatchNorm2d(outside)
            nn.init.uniform_(self.bn.weight, 0.5, 1.5)
            nn.init.normal_(self.bn.bias, std=0.2)
            nn.init.normal_(self.bn.running_mean, std=0.1)
            nn.init.uniform_(self.bn.running_var, 0.5, 1.5)

    def forward(self, x, known):
        x, known = self.conv(x, known)
        x = self.bn(x) if hasattr(self, "bn") else x
        return torch.where(x > 0, x, self.slope * x), known


class UNet(nn.Module):
    """`name` is enc{} and dec{} with a number from 1."""

    def __init__(self, conv, name, bias_at_first):
        super().__init__()
        self.name = name
        self.encoder, self.decoder = nn.Module(), nn.Module()
        for number, (inside, outside, kernel) in enumerate(ENCODER, 1):
            one = conv(inside, outside, kernel, 2, bias_at_first and number == 1)
            self.encoder.add_module(name.format("enc", number), Layer(one, outside, number > 1, 0))
        for number, (inside, outside) in enumerate(DECODER, 1):
            one = conv(inside, outside, 3, 1, number == 1)
            self.decoder.add_module(
                name.format("dec", number), Layer(one, outside, number > 1, 0.2 if number > 1 else 1)
            )

    def forward(self, x, known):
        """Both (N,3,H,W); 1 = known."""
        passed = []
        for number in range(1, 8):
            passed.append((x, known))
            x, known = getattr(self.encoder, self.name.format("enc", number))(x, known)
        for number in range(7, 0, -1):
            double = [one.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3) for one in (x, known)]
            both = [torch.cat(pair, dim=1) for pair in zip(double, passed.pop(), strict=True)]
            x, known = getattr(self.decoder, self.name.format("dec", number))(*both)
        return x


@pytest.fixture(scope="module")
def sample():
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(1, 3, 128, 128, generator=generator)
    hole = torch.zeros(1, 1, 128, 128, dtype=torch.bool)
    hole[..., 30:90, 41:100] = True
    hole[..., 0:20, 110:] = True
    return image, hole


def filled(pretrained, image, hole):
    method = pretrained.build({}, DataFacts(256, 1))
    biases = 64 if pretrained.layout.name.endswith("mmagic") else 0
    assert sum(value.numel() for value in method.networks()["generator"].parameters()) == 25_779_796 + biases
    inpainter = method.inpainter()
    with pytest.raises(UserError, match="at least 128 pixels, each a multiple of 128"):
        fill(inpainter, image[..., :64, :64], hole[..., :64, :64], torch.zeros(1))
    # The pass itself, on one image: `inpaint` would make a whole batch of it.
    return (inpainter.forward(2 * image - 1, hole) + 1) / 2


@torch.no_grad()
def test_naotos_network_is_the_public_one(tmp_path, sample):
    image, hole = sample
    torch.manual_seed(0)
    network = UNet(NaotoConv, "{}_{}", bias_at_first=False).eval()
    state = {key.partition(".")[2]: value for key, value in network.state_dict().items()}
    torch.save({"n_iter": 1_000_000, "model": state, "optimizer": {"state": {}}}, tmp_path / "1000000.pth")
    mean, sd = (torch.tensor(x).view(1, 3, 1, 1) for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    expected = network((image - mean) / sd, (~hole).float().expand(-1, 3, -1, -1)) * sd + mean
    assert expected.std() > 0.05
    pretrained = load_pretrained(find()["pconv"], [tmp_path / "1000000.pth"])
    assert (pretrained.layout.name, pretrained.facts["trained_on"]) == (
        "PConv of naoto0804", "Places2, 256x256, irregular holes",
    )  # fmt: skip
    result = filled(pretrained, image, hole)
    assert (result - expected).abs().max() < 1e-4 * expected.abs().max()


@torch.no_grad()
def test_mmagics_network_is_the_public_one(tmp_path, sample):
    image, hole = sample
    torch.manual_seed(0)
    network = UNet(MmagicConv, "{}{}", bias_at_first=True).eval()
    state = {f"generator.{key}": value for key, value in network.state_dict().items()}
    path = publish(tmp_path, {"state_dict": state, "meta": {}}, stem="pconv_256x256_stage2_4x2_places_20200619")
    known = (~hole).float()
    expected = (network((2 * image - 1)[:, [2, 1, 0]] * known, known.expand(-1, 3, -1, -1))[:, [2, 1, 0]] + 1) / 2
    assert expected.std() > 0.05
    pretrained = load_pretrained(find()["pconv"], [path])
    assert pretrained.layout.name == "PConv of mmagic"
    result = filled(pretrained, image, hole)
    assert (result - expected).abs().max() < 1e-4 * expected.abs().max()
