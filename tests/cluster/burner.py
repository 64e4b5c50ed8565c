"""A tiny method that burns a known time of one processor in each step of two stages, and for each image."""

import time
from types import MappingProxyType

import torch
from torch import nn

from bench.masks.center import Center
from bench.methods.base import Inpainter, Method, Settings, Stage


class BurnerSettings(Settings):
    light: float = 0.01
    heavy: float = 0.05
    """Seconds of the processor for each step of the stages."""
    image: float = 0.02
    steps: int = 20


def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


class BurnerInpainter(Inpainter):
    def __init__(self, seconds):
        self.seconds = seconds

    def inpaint(self, image, hole, seed):
        burn(self.seconds * len(image))
        return image.masked_fill(hole, 0.5)


class BurnerStage(Stage):
    batch_size = 2
    holes = Center()

    def __init__(self, name, network, steps, seconds):
        self.name, self.steps, self.seconds = name, steps, seconds
        self.networks = {"net": network}
        self.optimizers = {"net": torch.optim.SGD(network.parameters(), lr=0.01)}

    def step(self, feed):
        burn(self.seconds)
        loss = self.networks["net"](feed.batch().image).square().mean()
        return {"loss": self.minimise("net", loss)}


class Burner(Method):
    """Burns."""

    settings_class = BurnerSettings
    after_training = frozenset({"image"})
    from_stage = MappingProxyType({"heavy": frozenset({"heavy"})})

    def __init__(self, settings, data):
        super().__init__(settings, data)
        self.net = nn.Conv2d(3, 3, 1)

    def networks(self):
        return {"net": self.net}

    def stages(self):
        one = self.settings
        return [BurnerStage("light", self.net, one.steps, one.light), BurnerStage("heavy", self.net, 10, one.heavy)]

    def inpainter(self):
        return BurnerInpainter(self.settings.image)

    def preview(self):
        return BurnerInpainter(0.0)


METHOD = Burner
