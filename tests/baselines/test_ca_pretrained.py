"""Public weights for CA, against a network of the public layout that is written out here from its description."""

import numpy as np
import pytest
import torch
from elsewhere import publish
from torch import nn
from torch.nn import functional as F

from baselines.ca.pretrained import LAYOUTS, MmagicDeepFill
from bench.methods.base import DataFacts, Settings, compose, fill
from bench.methods.layouts import choose
from bench.util.errors import UserError

ENCODERS = {
    "stage1": (32, 64, 64, 128, 128, 128),
    "stage2_conv": (32, 32, 64, 64, 128, 128),
    "stage2_attention": (32, 32, 64, 128, 128, 128),
}


class Block(nn.Module):
    """A convolution called `conv`, padded by reflection, with ELU after it unless it is the last."""

    def __init__(self, inside, outside, kernel=3, stride=1, dilation=1, last=False):
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, kernel, stride, dilation=dilation)
        self.margin, self.last = dilation * (kernel - 1) // 2, last

    def forward(self, x):
        x = self.conv(F.pad(x, [self.margin] * 4, mode="reflect"))
        return x if self.last else torch.where(x > 0, x, torch.expm1(x))


class Encoder(nn.Module):
    def __init__(self, kind):
        super().__init__()
        before = 5
        for place, width in enumerate(ENCODERS[kind], 1):
            block = Block(before, width, kernel=5 if place == 1 else 3, stride=2 if place in (2, 4) else 1)
            setattr(self, f"enc{place}", block)
            before = width

    def forward(self, x):
        for place in range(1, 7):
            x = getattr(self, f"enc{place}")(x)
        return x


class Neck(nn.Module):
    def __init__(self):
        super().__init__()
        self.dilation_convs = nn.Sequential(*(Block(128, 128, dilation=rate) for rate in (2, 4, 8, 16)))


class Decoder(nn.Module):
    def __init__(self, before):
        super().__init__()
        for place, width in enumerate((128, 128, 64, 64, 32, 16, 3), 1):
            setattr(self, f"dec{place}", Block(before, width, last=place == 7))
            before = width

    def forward(self, x):
        for place in range(1, 8):
            x = getattr(self, f"dec{place}")(x)
            if place in (2, 4):
                x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
        return x.clamp(-1, 1)


class Stage1(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.dilation_neck, self.decoder = Encoder("stage1"), Neck(), Decoder(128)

    def forward(self, x):
        return self.decoder(self.dilation_neck.dilation_convs(self.encoder(x)))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("fuse_kernel", torch.eye(3).view(1, 1, 3, 3))

    def forward(self, features, hole):
        return torch.stack([self.one(*pair) for pair in zip(features, hole, strict=True)])

    def one(self, features, hole):
        """Place by place. `hole` is that of the features' own size."""
        channels, height, width = features.shape
        small, gap = features[:, ::2, ::2], hole[0, ::2, ::2]
        rows, columns = gap.shape
        framed, framed_gap = F.pad(small, [1] * 4), F.pad(gap, [1] * 4)
        places = [(y, x) for y in range(rows) for x in range(columns)]
        patches = torch.stack([framed[:, y : y + 3, x : x + 3].reshape(-1) for y, x in places])
        free = torch.tensor([not framed_gap[y : y + 3, x : x + 3].any() for y, x in places])
        keys = patches / patches.square().sum(1, keepdim=True).sqrt().clamp(min=1e-4)
        score = (patches @ keys.T).reshape(rows, columns, rows, columns)  # (target, source)
        score = self.fused(score)
        score = self.fused(score.permute(1, 0, 3, 2)).permute(1, 0, 3, 2)
        score = score.reshape(len(places), len(places)).masked_fill(~free, -torch.inf)
        weights = torch.softmax(10 * score, dim=1)
        framed = F.pad(features, [1] * 4)
        raw = torch.stack([framed[:, 2 * y : 2 * y + 4, 2 * x : 2 * x + 4] for y, x in places])
        canvas, count = torch.zeros(channels, height + 2, width + 2), torch.zeros(height + 2, width + 2)
        for (y, x), weight in zip(places, weights, strict=True):
            canvas[:, 2 * y : 2 * y + 4, 2 * x : 2 * x + 4] += torch.einsum("s,scij->cij", weight, raw)
            count[2 * y : 2 * y + 4, 2 * x : 2 * x + 4] += 1
        return (canvas / count)[:, 1:-1, 1:-1]

    def fused(self, score):
        """Each pair of places, with the pairs one step before and after both, in the order of the first two axes."""
        first, second = score.shape[:2], score.shape[2:]
        flat = score.reshape(first.numel(), second.numel())
        framed = F.pad(flat, [1] * 4)
        return (framed[:-2, :-2] + flat + framed[2:, 2:]).reshape(*first, *second)


class AttentionNeck(nn.Module):
    def __init__(self):
        super().__init__()
        self.contextual_attention = Attention()
        self.conv1, self.conv2 = Block(128, 128), Block(128, 128)


class Stage2(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder_attention, self.encoder_conv = Encoder("stage2_attention"), Encoder("stage2_conv")
        self.contextual_attention_neck, self.dilation_neck = AttentionNeck(), Neck()
        self.decoder = Decoder(256)

    def forward(self, x, hole):
        plain = self.dilation_neck.dilation_convs(self.encoder_conv(x))
        neck = self.contextual_attention_neck
        mixed = neck.contextual_attention(self.encoder_attention(x), hole[:, :, ::4, ::4])
        return self.decoder(torch.cat([plain, neck.conv2(neck.conv1(mixed))], dim=1))


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage1, self.stage2 = Stage1(), Stage2()

    def forward(self, image, hole):
        """As OpenCV reads it: blue, green, red, in [-1,1], 0 in the hole (1 = missing)."""
        ones = torch.ones_like(hole)
        first = self.stage1(torch.cat([image, ones, hole], dim=1))
        pasted = first * hole + image * (1 - hole)
        return self.stage2(torch.cat([pasted, ones, hole], dim=1), hole)


class Theirs(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator, self.disc = Generator(), nn.Linear(2, 1)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.kaiming_normal_(parameter, nonlinearity="relu")


@pytest.fixture(scope="module")
def theirs():
    torch.manual_seed(0)
    theirs = Theirs()
    stage2 = theirs.generator.stage2
    with torch.no_grad():  # small features, so that the softmax is flat and every patch has a say
        stage2.encoder_attention.enc6.conv.weight.mul_(0.003)
        stage2.encoder_attention.enc6.conv.bias.mul_(0.003)
        stage2.contextual_attention_neck.conv1.conv.weight.mul_(300)
    return theirs


def sample():
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(2, 3, 80, 72, generator=generator)
    hole = torch.zeros(2, 1, 80, 72, dtype=torch.bool)
    hole[0, :, 21:50, 17:42] = True
    hole[1, :, 5:13, 50:71] = True
    return image, hole


def ours(theirs):
    method = MmagicDeepFill(Settings(), DataFacts(256, 1))
    (layout,) = LAYOUTS
    layout.load(method.networks(), theirs.state_dict(), "theirs")
    return method


@torch.no_grad()
def test_the_mapped_network_is_the_public_one(theirs):
    image, hole = sample()
    inpainter = ours(theirs).inpainter()
    result = fill(inpainter, image, hole, torch.zeros(2, dtype=torch.int64))
    masked = (image * 2 - 1)[:, [2, 1, 0]] * (1 - hole.float())
    expected = (theirs.generator(masked, hole.float())[:, [2, 1, 0]] + 1) / 2
    assert expected.std() > 0.05  # it says something
    assert (result - expected).abs().max() < 2e-4
    assert torch.equal(compose(image, hole, result)[~hole.expand_as(image)], image[~hole.expand_as(image)])


def test_its_size_is_that_of_the_authors_generator(theirs):
    networks = ours(theirs).networks().values()
    assert sum(value.numel() for net in networks for value in net.parameters()) == 3_601_542


@torch.no_grad()
def test_no_free_patch_is_no_error(theirs):
    image, hole = sample()
    hole[0, :, ::16, ::16] = True  # one pixel in every neighbourhood
    result = fill(ours(theirs).inpainter(), image, hole, torch.zeros(2, dtype=torch.int64))
    assert torch.isfinite(result).all()


def test_small_pictures_are_told(theirs):
    image, hole = sample()
    with pytest.raises(UserError, match="at least 72"):
        fill(ours(theirs).inpainter(), image[..., :64, :64], hole[..., :64, :64], torch.zeros(2, dtype=torch.int64))


def test_other_layouts_are_told(theirs):
    state = {key: value for key, value in theirs.state_dict().items() if "stage2.decoder" not in key}
    assert choose(LAYOUTS, state, "ca", "f") is LAYOUTS[0]
    with pytest.raises(UserError, match=r"14 missing \(generator.stage2.decoder.dec1.conv.weight, "):
        LAYOUTS[0].load(MmagicDeepFill(Settings(), DataFacts(256, 1)).networks(), state, "f")


def test_the_published_names_say_what_it_was_trained_on():
    (layout,) = LAYOUTS
    assert layout.data_of("deepfillv1_256x256_4x4_celeba_20200619-dd51a855.pth").startswith("CelebA-HQ")
    assert layout.data_of("deepfillv1_256x256_8x2_places_20200619-c00a0e21.pth").startswith("Places365")
    assert layout.data_of("mine.pth") == "unknown"


def test_a_published_file_is_read(theirs, tmp_path):
    from bench.methods.pretrained import read_state

    path = publish(tmp_path, {"meta": {"iter": 3}, "state_dict": theirs.state_dict(), "optimizer": {"generator": {}}})
    assert read_state(path).keys() == theirs.state_dict().keys()
    assert np.isclose(path.stat().st_size / 1e6, 14.4, rtol=0.05)
