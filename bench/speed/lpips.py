"""LPIPS against the lpips package, both with the same random trunk: the time does not depend on the weights."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from bench.metrics.lpips import Distance
from bench.metrics.weights import ALEX, VGG, Trunk
from bench.speed.metrics import pictures
from bench.speed.peers import peer
from bench.speed.timing import Row, race, row

SIDE = 256
PACKAGE = "lpips"


def rows(quick: bool) -> list[Row]:
    """At 256²: one method scored, and a second one on the same truths. `quick`: AlexNet only."""
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    trunks = [ALEX] if quick else [ALEX, VGG]
    return [found for device in devices for trunk in trunks for found in _rows(trunk, device, quick)]


def _rows(trunk: Trunk, device: str, quick: bool) -> list[Row]:
    truth, result, _ = pictures(trunk.batch, SIDE)
    package = _package(trunk, device)
    state = {f"features.{name.partition('.')[2]}": value.cpu() for name, value in package.net.state_dict().items()}
    first, second = (Distance(state, trunk, device) for _ in range(2))

    def forgetful() -> Tensor:
        first.cache.clear()
        return first(truth, result)

    def theirs() -> Tensor:
        x, y = (batch.to(device).float() / 127.5 - 1 for batch in (truth, result))
        with torch.no_grad():
            values: Tensor = package(x, y)
        return values.flatten().cpu()

    calls: dict[str, Callable[[], Tensor]] = {
        "first": forgetful,
        "second": lambda: second(truth, result),
        "package": theirs,
    }
    agreement = float((theirs() - second(truth, result)).abs().max())
    times = race(calls, quick)
    size = f"{trunk.batch} × {SIDE}²{'' if device == 'cpu' else ' on ' + torch.cuda.get_device_name()}"
    return [
        row(f"LPIPS {trunk.net}, {words}", size, times[name], PACKAGE, times["package"], agreement)
        for name, words in (("first", "first method"), ("second", "each further method"))
    ]


def _package(trunk: Trunk, device: str) -> Any:
    module = peer(PACKAGE)
    assert module is not None  # a dependency of this package
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.manual_seed(0)
        return module.LPIPS(net=trunk.net, version="0.1", pnet_rand=True, verbose=False).eval().to(device)
