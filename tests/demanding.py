"""A tiny method that asks much of several processes that train it together. It needs no other file of the tests."""

import time

import torch
from torch import nn

from baselines import wgan
from bench.masks.random import RandomRectangle
from bench.methods.base import Inpainter, Method, Settings, Stage


class DemandingSettings(Settings):
    steps: int = 5
    seconds: float = 0.0
    """Of each step, slept away."""


class TwoHeaded(nn.Module):
    """Batch normalisation, two arguments, a dictionary of results, and a weight that is never used."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.last = nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6), nn.Conv2d(6, 3, 1)
        self.idle = nn.Parameter(torch.ones(3))

    def forward(self, image, hole=None):
        hole = image.new_zeros(len(image), 1, *image.shape[2:]) if hole is None else hole.float()
        features = self.norm(self.first(torch.cat([image, hole], dim=1))).relu()
        return {"result": self.last(features), "features": features}


def discriminator():
    layers = nn.Conv2d(3, 4, 3, stride=2), nn.Tanh(), nn.AdaptiveAvgPool2d(7), nn.Flatten()
    return nn.Sequential(*layers, nn.utils.spectral_norm(nn.Linear(196, 1)))


class DemandingStage(Stage):
    """Losses that are no means over images, a penalty on a gradient, and draws for the whole batch."""

    name, batch_size, holes = "demanding", 4, RandomRectangle()

    def __init__(self, networks, settings):
        self.steps, self.seconds = settings.steps, settings.seconds
        self.networks = dict(networks)
        self.optimizers = {name: torch.optim.SGD(one.parameters(), 0.05) for name, one in networks.items()}

    def step(self, feed):
        time.sleep(self.seconds)
        image, hole = feed.batch()
        found = self.networks["generator"](image, hole=hole)
        fake = torch.where(hole, found["result"], image)
        t = torch.rand(len(image), 1, 1, 1, generator=feed.rng)
        scalars = self.update_discriminator(image, fake.detach(), t)
        with self.frozen("discriminator"):
            score = self.networks["discriminator"](fake).mean()
        in_hole = ((found["result"] - image).abs() * hole).sum() / hole.sum()
        variety = found["features"].mean(dim=(2, 3)).std(dim=0).mean()
        size = sum(weight.square().sum() for weight in self.networks["generator"].parameters())
        loss = in_hole - 0.1 * score - 0.1 * variety + 0.01 * size
        self.update("generator", loss)
        return scalars | {"in_hole": in_hole.detach(), "loss": loss.detach()}

    def update_discriminator(self, image, fake, t):
        view = self.networks["discriminator"]
        penalty = wgan.gradient_penalty(view, wgan.interpolate(image, fake, t))
        odd = view(image[:3]).mean()
        self.update("discriminator", wgan.wasserstein(view(image), view(fake)) + 10 * penalty + odd)
        return {"penalty": penalty.detach(), "norm": self.norm}

    def update(self, name, loss):
        self.optimizers[name].zero_grad(set_to_none=True)
        loss.backward()
        self.norm = nn.utils.clip_grad_norm_(self.networks[name].parameters(), 0.5)
        self.optimizers[name].step()


class Filled(Inpainter):
    def __init__(self, network):
        self.network = network

    @torch.no_grad()
    def inpaint(self, image, hole, seed):
        training = self.network.training
        result = self.network.eval()(image, hole)["result"].sigmoid()
        self.network.train(training)
        return result


class Demanding(Method):
    """A generator and a discriminator under a gradient penalty."""

    settings_class = DemandingSettings

    def __init__(self, settings, data):
        super().__init__(settings, data)
        self.made = {"generator": TwoHeaded(), "discriminator": discriminator()}

    def networks(self):
        return self.made

    def stages(self):
        return [DemandingStage(self.made, self.settings)]

    def inpainter(self):
        return Filled(self.made["generator"])


METHOD = Demanding
