"""LPIPS: AlexNet, version 0.1 (Zhang et al. 2018). A number comes out only if the trunk's weights are there."""

import hashlib
import warnings
from pathlib import Path

import lpips as reference
import torch
from torch import Tensor

from bench.errors import UserError

FILE = "alexnet-owt-7be5be79.pth"
BYTES = 244_408_911
SHA256_PREFIX = "7be5be79"

SMALLEST = 31
"""Below this side, AlexNet's last pooling has nothing left."""
BATCH = 16

# Where the trunk of the lpips package keeps the convolutions of torchvision's AlexNet.
_LAYERS = {0: "slice1.0", 3: "slice2.3", 6: "slice3.6", 8: "slice4.8", 10: "slice5.10"}


class Lpips:
    """The distance, with trunk and linear layers in place."""

    def __init__(self, alexnet: dict[str, Tensor], device: torch.device | str = "cpu") -> None:
        """`alexnet` is the state of torchvision's AlexNet; its `features.*` are used."""
        trunk = {
            f"{layer}.{part}": alexnet[f"features.{index}.{part}"]
            for index, layer in _LAYERS.items()
            for part in ("weight", "bias")
        }
        # The package fills the trunk at random first, which must not move anybody else's random numbers.
        with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._network = reference.LPIPS(net="alex", version="0.1", pnet_rand=True, verbose=False)
        self._network.net.load_state_dict(trunk)
        self._network.eval().requires_grad_(False).to(device)
        self._device = torch.device(device)

    @classmethod
    def open(cls, folder: Path | None = None, device: torch.device | str = "cpu") -> "Lpips | None":
        """LPIPS with the weights of `folder`, else of torch hub's checkpoints; None where neither has the file.

        Raises UserError for a file that is not the published one.
        """
        for place in (folder, _hub()):
            if place is not None and (place / FILE).exists():
                return cls(_load(place / FILE), device)
        return None

    @staticmethod
    def reason(folder: Path | None = None) -> str:
        """Why there is no number, and how to get one."""
        place = folder or _hub()
        if place.is_relative_to(Path.home()):
            place = "~" / place.relative_to(Path.home())
        return f"no weights: put {FILE} into {place} ({BYTES:,} bytes)"

    def __call__(self, truth: Tensor, result: Tensor) -> Tensor:
        """The distances, float64 (N,) on the CPU, of uint8 (N,3,H,W). Raises UserError for sides under 31 pixels."""
        height, width = truth.shape[-2:]
        if min(height, width) < SMALLEST:
            raise UserError(
                f"LPIPS needs sides of at least {SMALLEST} pixels; these pictures are {height}x{width}."
                f" Use larger ones, or take {FILE} away."
            )
        starts = range(0, len(truth), BATCH)
        values = [self._batch(truth[start : start + BATCH], result[start : start + BATCH]) for start in starts]
        return torch.cat(values) if values else torch.zeros(0, dtype=torch.float64)

    def _batch(self, truth: Tensor, result: Tensor) -> Tensor:
        # Always the same batch size, because convolution kernels, and with them last bits, are chosen by it.
        count = len(truth)
        pair = [torch.cat([x, x[:1].expand(BATCH - count, -1, -1, -1)]) for x in (truth, result)]
        x, y = (part.to(self._device).float() / 127.5 - 1 for part in pair)
        with torch.no_grad():
            values: Tensor = self._network(x, y)
        return values.flatten()[:count].double().cpu()


def _hub() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _load(path: Path) -> dict[str, Tensor]:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Mend it or take it away.") from error
    if not digest.startswith(SHA256_PREFIX):
        raise UserError(
            f"{path} is not the published file: {path.stat().st_size:,} bytes and SHA-256 {digest[:8]}..., expected"
            f" {BYTES:,} bytes and {SHA256_PREFIX}.... Put the whole file there or take it away."
        )
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state
