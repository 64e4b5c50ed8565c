"""A tiny trainable method and tiny data, for tests of the harness itself."""

import numpy as np
import torch
from torch import nn

from bench.data import Packed
from bench.inpainter import DataFacts, Inpainter, Method, Settings, Stage
from bench.masks.center import Center


class ToySettings(Settings):
    steps: int = 6
    learning_rate: float = 0.05


class ToyInpainter(Inpainter):
    def __init__(self, network):
        self.network = network

    @torch.no_grad()
    def inpaint(self, image, hole, seed):
        return self.network(image.masked_fill(hole, 0)).sigmoid()


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

    def __init__(self, settings, data):
        super().__init__(settings, data)
        self.net = nn.Conv2d(3, 3, 1)

    def networks(self):
        return {"net": self.net}

    def stages(self):
        return [ToyStage("first", self.net, self.settings), ToyStage("second", self.net, self.settings)]

    def inpainter(self):
        return ToyInpainter(self.net)


def toy(**settings):
    torch.manual_seed(0)
    return Toy(ToySettings(**settings), DataFacts(16, 10))


def noise(count=10, side=16, name="noise"):
    pixels = np.random.default_rng(0).integers(0, 256, (count, 3, side, side), dtype=np.uint8)
    ids = [f"{name}-{i}" for i in range(count)]
    return Packed(ids, ids, pixels)
