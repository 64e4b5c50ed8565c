"""A tiny method that takes its time, and gets into trouble where a file in $PLODDER says so."""

import os
import signal
import time
from pathlib import Path

import torch
from torch import nn

from bench.masks.center import Center
from bench.methods.base import Inpainter, Method, Settings, Stage


class PlodderSettings(Settings):
    steps: int = 40
    seconds: float = 0.0
    """Of each step, slept away."""


class PlodderInpainter(Inpainter):
    def __init__(self, network):
        self.network = network

    @torch.no_grad()
    def inpaint(self, image, hole, seed):
        return self.network(image.masked_fill(hole, 0)).sigmoid()


class PlodderStage(Stage):
    name = "plod"
    batch_size = 2
    holes = Center()

    def __init__(self, network, settings):
        self.steps, self.seconds = settings.steps, settings.seconds
        self.networks = {"net": network}
        self.optimizers = {"net": torch.optim.Adam(network.parameters(), lr=0.01)}

    def step(self, feed):
        time.sleep(self.seconds)
        trouble(feed.step)
        batch = feed.batch()
        noise = torch.rand(batch.image.shape, generator=feed.rng)
        loss = ((self.networks["net"](batch.image + noise) - batch.image) * batch.hole).square().mean()
        self.optimizers["net"].zero_grad()
        loss.backward()
        self.optimizers["net"].step()
        return {"loss": loss.detach()}


def trouble(step):
    """Each file NAME-STEP in $PLODDER does its mischief once at that step, or always if it says `always`.

    NAME-STEP@I does it to element I of a job array only.
    """
    folder, index = os.environ.get("PLODDER"), os.environ.get("SLURM_ARRAY_TASK_ID", "")
    names = (f"*-{step}", f"*-{step}@{index}")
    for path in sorted(path for name in names for path in Path(folder).glob(name)) if folder else []:
        again = path.read_text().strip() == "always"
        if not again:
            path.rename(path.with_name(f"{path.name}.over"))
        {"raise": fail, "memory": fill_memory, "deaf": sleep_deaf}[path.name.partition("-")[0]]()


def fail():
    raise ZeroDivisionError("planted")


def fill_memory():
    held = []
    while True:
        held.append(bytearray(100 * 2**20))
        time.sleep(0.05)


def sleep_deaf():
    """Until the scheduler's last resort: no signal that can be blocked gets through."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGTERM, signal.SIGCONT})
    time.sleep(600)


class Plodder(Method):
    """A 1x1 convolution that takes its time."""

    settings_class = PlodderSettings

    def __init__(self, settings, data):
        super().__init__(settings, data)
        self.net = nn.Conv2d(3, 3, 1)

    def networks(self):
        return {"net": self.net}

    def stages(self):
        return [PlodderStage(self.net, self.settings)]

    def inpainter(self):
        return PlodderInpainter(self.net)


METHOD = Plodder
