"""A tiny trainable method and tiny data, for tests of the harness itself."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from bench.data import Packed
from bench.masks.center import Center
from bench.methods.base import DataFacts, Inpainter, Method, Settings, Stage


class ToySettings(Settings):
    steps: int = 6
    learning_rate: float = 0.05
    brightness: float = 0.0


class ToyInpainter(Inpainter):
    def __init__(self, network, brightness=0.0):
        self.network, self.brightness = network, brightness

    @torch.no_grad()
    def inpaint(self, image, hole, seed):
        result = self.network(image.masked_fill(hole, 0)).sigmoid() + self.brightness
        self.diagnostics = {"mean": torch.stack([one.mean() for one in result])}
        return result


class ToyStage(Stage):
    batch_size = 3
    holes = Center()

    def __init__(self, name, network, settings):
        self.name, self.steps = name, settings.steps
        self.networks = {"net": network}
        self.optimizers = {"net": torch.optim.Adam(network.parameters(), lr=settings.learning_rate)}
        self.seen = []

    def step(self, feed):
        batch = feed.batch()
        noise = torch.rand(batch.image.shape, generator=feed.rng) + torch.rand(1)
        loss = ((self.networks["net"](batch.image + noise) - batch.image) * batch.hole).square().mean()
        self.optimizers["net"].zero_grad()
        loss.backward()
        self.optimizers["net"].step()
        self.seen.append(feed.step)
        return {"loss": loss.detach()}


class Toy(Method):
    """A 1x1 convolution."""

    settings_class = ToySettings
    after_training = frozenset({"brightness"})

    def __init__(self, settings, data):
        super().__init__(settings, data)
        self.net = nn.Conv2d(3, 3, 1)

    def networks(self):
        return {"net": self.net}

    def stages(self):
        return [ToyStage("first", self.net, self.settings), ToyStage("second", self.net, self.settings)]

    def inpainter(self):
        return ToyInpainter(self.net, self.settings.brightness)

    def preview(self):
        return ToyInpainter(self.net)


def toy(**settings):
    torch.manual_seed(0)
    return Toy(ToySettings(**settings), DataFacts(16, 10))


def write_toys(folder):
    """Toy methods as somebody would write them: the paper `toypaper`, and two baselines that train."""
    method = Path(__file__).read_text() + "\n\nMETHOD = Toy\n"
    (folder / "toypaper").mkdir(parents=True)
    (folder / "toypaper" / "method.py").write_text(method)
    (folder / "toypaper" / "paper.toml").write_text(PAPER)
    for name in ("rival", "other_rival"):
        (folder / f"{name}.py").write_text(method)
    return folder


PAPER = """
[paper]
title = "A toy"
authors = ["A. B."]
year = 2020
summary = "A 1x1 convolution."

[tables.one]
title = "Table 1"
columns.psnr = { title = "PSNR", unit = "dB", better = "higher", metric = "psnr", definition = "not said" }
rows.ours = { label = "Ours", ours = true, protocol = "p", origin = "invented", cells = { psnr = "20.0" } }
rows.rival = { label = "Rival", method = "other_rival", protocol = "p", origin = "invented", cells = { psnr = "19.0" } }

[tables.one.protocols.p]
data = "none"
split = "not said"
images = "not said"
resolution = [16, 16]
mask_set = { kind = "center", hole = "not said" }
hole_share = "not said"
scored = "not said"

[[claims]]
id = "ahead"
kind = "order"
section = "1"
statement = "It is ahead of its rival."
scope = { holes = "not said", opponents = "not said", measure = "not said" }
basis = "stated"
objection = "Another seed."
answer = "More seeds."
better = "variant:default"
worse = "method:rival"
metric = "psnr"
mask_sets = ["center"]

[scales.smoke]
summary = "Six steps."
cost = "a second"
settings = { steps = 4 }
protocol = { data = ["faces"], resolution = 16, images = 12, test_images = 4, mask_sets = ["center"] }
variants = ["brighter"]
baselines = ["rival"]

[scales.quick]
summary = "As smoke."
cost = "a second"

[scales.paper]
summary = "As smoke."
cost = "a second"

[variants.brighter]
summary = "The result is brighter."
settings = { brightness = 0.1 }

[variants.faster]
summary = "A higher learning rate."
settings = { learning_rate = 0.1 }
"""


def noise(count=10, side=16, name="noise"):
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, side, side), dtype=np.uint8)
    ids = [f"{name}-{i}" for i in range(count)]
    return Packed(ids, ids, pixels)
