"""Planted opponents, included through a folder: no lead over one whose training went wrong is ever supported."""

import pytest

from bench import reproduce

METHOD = '''
import torch
from torch import nn

from bench.masks.random import RandomRectangle
from bench.methods.base import Inpainter, Method, Settings, Stage, compose


class Fill(Inpainter):
    """The mean colour of the known pixels, plus what was learnt for each place."""

    def __init__(self, network):
        self.network = network

    @torch.no_grad()
    def inpaint(self, image, hole, seed):
        return self.network(image, hole)


class Offsets(nn.Module):
    def __init__(self, side):
        super().__init__()
        self.offset = nn.Parameter(torch.zeros(3, side, side))

    def forward(self, image, hole):
        known = (~hole).sum(dim=(2, 3), keepdim=True)
        mean = image.masked_fill(hole, 0).sum(dim=(2, 3), keepdim=True) / known
        offset = nn.functional.interpolate(self.offset[None], image.shape[-2:])
        return compose(image, hole, mean + offset)


class Learn(Stage):
    batch_size, holes = 8, RandomRectangle()

    def __init__(self, name, network, rate, steps, sign=1):
        self.name, self.steps, self.sign = name, steps, sign
        self.networks = {"net": network}
        self.optimizers = {"net": torch.optim.Adam(network.parameters(), rate)}

    def step(self, feed):
        image, hole = feed.batch()
        loss = (self.networks["net"](image, hole) - image).square().mean()
        return {"loss": self.minimise("net", self.sign * loss)}


class Toy(Method):
    """Planted."""

    settings_class = Settings

    def __init__(self, settings, data):
        super().__init__(settings, data)
        self.net = Offsets(SIDE)

    def networks(self):
        return {"net": self.net}

    def stages(self):
        return [Learn("first", self.net, 0.01 * HOT, 60), Learn("second", self.net, 0.01 * HOT, STEPS, SIGN)]

    def inpainter(self):
        return Fill(self.net)


METHOD = Toy
'''
OPPONENTS = {
    "healthy": {"HOT": 1, "STEPS": 60, "SIGN": 1, "SIDE": 4},  # coarser
    "destroyed": {"HOT": 1, "STEPS": 60, "SIGN": -1},
    "overheated": {"HOT": 100, "STEPS": 60, "SIGN": 1},
}
OWN = {"HOT": 1, "STEPS": 60, "SIGN": 1}
CLAIM = """
[[claims]]
id = "{name}"
kind = "order"
section = "1"
statement = "It is ahead of {name}."
scope = {{ holes = "not said", opponents = "its rival", measure = "not said" }}
basis = "stated"
objection = "Another seed."
answer = "More seeds."
better = "variant:default"
worse = "method:{name}"
metric = "psnr_hole"
mask_sets = ["random"]
"""
PAPER = """
ledger = []
claims = []

[paper]
title = "Planted"
authors = ["A. B."]
year = 2020
summary = "Offsets."

[tables]

[scales.smoke]
summary = "Steps."
cost = "a second"

[scales.quick]
summary = "Steps."
cost = "seconds"
baselines = ["healthy", "destroyed", "overheated"]
protocol = { data = ["faces"], resolution = 16, images = 600, test_images = 60, mask_sets = ["random"] }

[scales.paper]
summary = "Steps."
cost = "a second"
"""


def write(folder):
    (folder / "planted").mkdir(parents=True)
    for name, values in {"planted/method": OWN, **OPPONENTS}.items():
        constants = "".join(f"{key} = {value}\n" for key, value in ({"SIDE": 16} | values).items())
        (folder / f"{name}.py").write_text(f'"""Planted."""\n{METHOD}\n{constants}')
    claims = "".join(CLAIM.format(name=name) for name in OPPONENTS)
    (folder / "planted" / "paper.toml").write_text(PAPER.replace("claims = []\n", "") + claims)
    return folder


@pytest.mark.slow
def test_only_the_lead_over_the_healthy_one_is_supported(tmp_path, cache):
    include = write(tmp_path / "include")
    made = reproduce("planted", scale="quick", seeds=(0, 1, 2), include=include, out=tmp_path / "out", cache=cache)
    found = made.verdicts.set_index("claim")
    health = made.health.groupby("method")[["well", "why"]].first()
    assert health["well"].to_dict() == {"planted": True, "healthy": True, "destroyed": False, "overheated": False}
    assert "its last stage second ends" in health.loc["destroyed", "why"]
    assert "does not beat the mean colour" in health.loc["overheated", "why"]
    assert found["verdict"].to_dict() == {
        "healthy": "supported",
        "destroyed": "inconclusive",
        "overheated": "inconclusive",
    }
    for name in ("destroyed", "overheated"):
        assert f"but {name} is not well: " in found.loc[name, "why"]
