"""Latent search: many images at once, against one after another in the manner of public ports.

Ports search one image, or a few as one problem, leave the networks' weights free to take gradients, work the mask and
its weights out again in every iteration, and read both losses each time to print them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d
from torch.optim import Adam

from bench.methods.base import DataFacts, Method, erase
from bench.methods.catalog import find
from bench.methods.settings import DEFAULT, overrides
from bench.runs.building import build_method
from bench.speed.metrics import pictures
from bench.speed.timing import Row, race, row
from bench.util.seeds import seed_of

METHOD = "yeh2017"
IMAGES, SIDE = 64, 64
ITERATIONS = 20
WARM_UP = 50
"""Batches that an untrained generator's normalisation sees, so that its pictures have some contrast."""
PORT = "port, one by one"


def rows(quick: bool) -> list[Row]:
    """64 images at once and one alone. Untrained networks of scale quick; no blending: the search alone is timed."""
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    return [found for device in devices for found in _rows(device, quick)]


def _rows(device: str, quick: bool) -> list[Row]:
    truth, _, hole = pictures(IMAGES, SIDE)
    image, hole, seed = truth.to(device).float() / 255, hole.to(device), torch.arange(IMAGES)
    found = []
    for count in (IMAGES, 1):
        method = _method({"iterations": ITERATIONS, "images_at_once": count}, device)
        inpainter, task = method.inpainter(), (image[:count], hole[:count], seed[:count])
        calls: dict[str, Callable[[], Tensor]] = {
            "ours": partial(inpainter.inpaint, *task),
            PORT: partial(one_by_one, method, *task),
        }
        agreement = float((calls["ours"]() - calls[PORT]()).abs().max())
        times = race(calls, quick)
        size = f"{count} × {SIDE}², {ITERATIONS} iterations{'' if device == 'cpu' else ' on ' + device}"
        note = f"{count * ITERATIONS / times['ours'] * 1000:,.0f} image-iterations a second"
        found.append(row("latent search", size, times["ours"], PORT, times[PORT], agreement, note))
    return found


def _method(changes: dict[str, Any], device: str) -> Method:
    entry = find()[METHOD]
    values = overrides(entry.description(), "quick", DEFAULT) | {"blend": "none", "average": 0.0} | changes
    method = build_method(entry, values, DataFacts(SIDE, images=1), seed=0)
    generator = method.networks()["generator"]
    with torch.no_grad():
        for batch in range(WARM_UP):
            chance = torch.Generator().manual_seed(seed_of("warm up", batch))
            generator(_vectors(chance, 16, method.settings))
    for network in method.networks().values():
        network.to(device).eval()
    return method


def _vectors(chance: torch.Generator, count: int, settings: Any) -> Tensor:
    return 2 * torch.rand(count, settings.z_size, generator=chance) - 1


def one_by_one(method: Method, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
    """The found pictures (N,3,H,W) in [0,1], as a port finds them, from the z that `method` starts from."""
    networks, settings = method.networks(), method.settings
    found = []
    for index, one in enumerate(seed.tolist()):
        chance = torch.Generator().manual_seed(seed_of(one, "z", 0))
        z = _vectors(chance, 1, settings).to(image.device)
        part = slice(index, index + 1)
        found.append(_port(networks["generator"], networks["discriminator"], image[part], hole[part], z, settings))
    return torch.cat(found)


def _port(
    generator: nn.Module, discriminator: nn.Module, image: Tensor, hole: Tensor, z: Tensor, settings: Any
) -> Tensor:
    z.requires_grad_()
    adam = Adam([z], settings.search_learning_rate)
    for _ in range(settings.iterations):
        missing = hole.float()
        share = avg_pool2d(missing, settings.window, 1, settings.window // 2, count_include_pad=False)
        weights = (1 - missing) * share
        picture = generator(z)
        context = (weights * (picture - (2 * erase(image, hole) - 1))).abs().sum()
        prior = settings.prior_weight * torch.log(1 - discriminator(picture).sigmoid()).sum()
        adam.zero_grad()
        (context + prior).backward()
        adam.step()
        z.data.clamp_(-1, 1)
        _ = context.item(), prior.item()  # ports print both
    with torch.no_grad():
        result: Tensor = (generator(z) + 1) / 2
    return result
