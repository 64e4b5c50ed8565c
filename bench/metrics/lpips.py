"""LPIPS, version 0.1 (Zhang et al. 2018). A number comes out only if a trunk's published weights are there."""

import importlib.util
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from bench.metrics import weights
from bench.metrics.feature_cache import FeatureCache, Features, digest_of
from bench.metrics.weights import ALEX, TRUNKS, Trunk
from bench.util.errors import UserError

State = Mapping[str, Tensor]

# What the lpips package takes from, and divides, pictures in [-1,1] by.
_SHIFT, _SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
_EPSILON = 1e-10


class Distance:
    """One trunk's distance."""

    def __init__(
        self, state: State, trunk: Trunk = ALEX, device: torch.device | str = "cpu", cache: FeatureCache | None = None
    ) -> None:
        """`state` is that of torchvision's model; its `features.*` are used. `cache` keeps features of truths."""
        with torch.device("meta"):  # nothing is drawn, and the classifier's weights are never there
            import torchvision  # a second to load, and only needed here

            layers = torchvision.models.get_model(trunk.model, weights=None).features
        own = {name.removeprefix("features."): value for name, value in state.items() if name.startswith("features.")}
        layers.load_state_dict(own, assign=True)
        self.trunk, self.cache = trunk, FeatureCache() if cache is None else cache
        self._device = torch.device(device)
        self._layers = layers.eval().requires_grad_(False).to(self._device, memory_format=torch.channels_last)
        self._linear = [weight.to(self._device) for weight in _linear(trunk.net)]
        self._shift, self._scale = (
            torch.tensor(values, device=self._device).view(1, 3, 1, 1) for values in (_SHIFT, _SCALE)
        )

    @torch.no_grad()
    def __call__(self, truth: Tensor, result: Tensor) -> Tensor:
        """The distances, float64 (N,) on the CPU, of uint8 (N,3,H,W). Raises UserError for too small pictures."""
        height, width = truth.shape[-2:]
        if min(height, width) < self.trunk.smallest:
            raise UserError(
                f"LPIPS ({self.trunk.net}) needs sides of at least {self.trunk.smallest} pixels; these pictures are"
                f" {height}x{width}. Use a larger resolution."
            )
        size = self.trunk.batch
        parts = zip(torch.split(truth, size), torch.split(result, size), strict=True)
        values = [self._batch(*part) for part in parts] if len(truth) else []
        return torch.cat(values) if values else torch.zeros(0, dtype=torch.float64)

    def _batch(self, truth: Tensor, result: Tensor) -> Tensor:
        # Image by image: how a sum is split up, and with it the last bits, depends on how many images there are.
        pairs = zip(self._of_truth(truth), zip(*self._features(result), strict=True), strict=True)
        return torch.stack([self._distance(ours, theirs) for ours, theirs in pairs]).cpu()

    def _distance(self, ours: Sequence[Tensor], theirs: Sequence[Tensor]) -> Tensor:
        gaps = [(x - y).square_().mean((1, 2)).double() for x, y in zip(ours, theirs, strict=True)]
        return torch.stack([gap @ weight for gap, weight in zip(gaps, self._linear, strict=True)]).sum()

    def _of_truth(self, truth: Tensor) -> list[Features]:
        """The features image by image, computed for those that the shelf does not hold."""
        digests = [digest_of(picture) for picture in truth]
        found = {digest: self.cache.get(digest) for digest in digests}
        missing = [index for index, digest in enumerate(digests) if found[digest] is None]
        if missing:
            fresh = self._features(truth[missing])
            for place, index in enumerate(missing):
                own = [layer[place].clone() for layer in fresh]
                found[digests[index]] = own
                self.cache.put(digests[index], own)
        return [features for digest in digests if (features := found[digest]) is not None]

    def _features(self, pictures: Tensor) -> Features:
        """The tapped layers' outputs, each place's channels of length 1; (N,C,h,w) for each tap."""
        count = len(pictures)
        filled = torch.cat([pictures, pictures[:1].expand(self.trunk.batch - count, -1, -1, -1)])
        x = filled.to(self._device, memory_format=torch.channels_last).float() / 127.5 - 1
        x = (x - self._shift) / self._scale
        found = []
        for index, layer in enumerate(self._layers[: self.trunk.taps[-1] + 1]):
            x = layer(x)
            if index in self.trunk.taps:
                found.append((x / (x.square().sum(1, keepdim=True).sqrt_() + _EPSILON))[:count])
        return found


class Lpips:
    """The distances whose weights are there: of AlexNet always, of VGG too where it is found."""

    def __init__(self, distances: Mapping[str, Distance]) -> None:
        """`distances` by metric definition."""
        self.distances = dict(distances)

    @classmethod
    def open(cls, folder: Path | None = None, device: torch.device | str = "cpu") -> "Lpips | None":
        """LPIPS with the weights of `folder`, else of torch hub's checkpoints; None where AlexNet's are in neither.

        The same object comes back for the same files, so that features of truths are kept from method to method.
        Raises UserError for a file that is not the published one.
        """
        places = {name: weights.find(trunk, folder) for name, trunk in TRUNKS.items()}
        if places["lpips"] is None:
            return None
        marks = tuple((name, path, path.stat().st_mtime_ns) for name, path in places.items() if path is not None)
        return _opened(marks, str(device))

    @staticmethod
    def reason(folder: Path | None = None) -> str:
        """Why there is no number, and how to get one here."""
        return weights.reason(ALEX, folder)

    @staticmethod
    def missing() -> str:
        """Why there is no number, and how to get one, in words that hold on every machine: what a record keeps."""
        return weights.missing(ALEX)

    def columns(self, truth: Tensor, result: Tensor) -> dict[str, Tensor]:
        """The distances by metric definition, float64 (N,); without those that pictures of this size have not."""
        side = min(truth.shape[-2:])
        return {name: one(truth, result) for name, one in self.distances.items() if side >= one.trunk.smallest}


@lru_cache(maxsize=1)
def _opened(marks: tuple[tuple[str, Path, int], ...], device: str) -> Lpips:
    return Lpips({name: Distance(weights.load(TRUNKS[name], path), TRUNKS[name], device) for name, path, _ in marks})


def _linear(net: str) -> list[Tensor]:
    """The linear layers' weights, float64 (C,) for each tap: part of the lpips package."""
    package = importlib.util.find_spec("lpips")
    if package is None or package.origin is None:
        raise UserError("LPIPS needs the lpips package for its linear layers: pip install lpips")
    path = Path(package.origin).parent / "weights" / "v0.1" / f"{net}.pth"
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return [state[f"lin{index}.model.1.weight"].flatten().double() for index in range(5)]
