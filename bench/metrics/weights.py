"""Weights that torchvision publishes: which files, where they are looked for, whether they are the published ones."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from bench.util.errors import UserError
from bench.util.files import sha256_of_file


@dataclass(frozen=True)
class Published:
    """A file of weights under torchvision's name for it."""

    file: str
    bytes: int
    sha256_prefix: str

    @property
    def url(self) -> str:
        return f"https://download.pytorch.org/models/{self.file}"


@dataclass(frozen=True)
class Trunk(Published):
    """A network whose features LPIPS compares."""

    net: str
    """Its name in the lpips package."""
    model: str
    """Its name in torchvision."""
    taps: tuple[int, ...]
    """The layers of `features` whose outputs are compared."""
    smallest: int
    """Below this side in pixels, the last pooling has nothing left."""
    batch: int
    """Images at once; always this many, because convolution kernels, and with them last bits, are chosen by it."""


ALEX = Trunk("alexnet-owt-7be5be79.pth", 244_408_911, "7be5be79", "alex", "alexnet", (1, 4, 7, 9, 11), 31, 16)
VGG = Trunk("vgg16-397923af.pth", 553_433_881, "397923af", "vgg", "vgg16", (3, 8, 15, 22, 29), 16, 4)
VGG19 = Published("vgg19-dcbb9e9d.pth", 574_673_361, "dcbb9e9d")
TRUNKS = {"lpips": ALEX, "lpips_vgg": VGG}
"""By metric definition."""
NETWORKS: dict[str, Published] = {"vgg16": VGG, "vgg19": VGG19}
"""By torchvision's name: what losses on features need."""


def find(trunk: Trunk, folder: Path | None) -> Path | None:
    """The trunk's file in `folder`, else in torch hub's checkpoints; None where neither has it."""
    places = [place / trunk.file for place in (folder, hub()) if place is not None]
    return next((path for path in places if path.exists()), None)


def missing(trunk: Trunk, place: Path | str = "torch hub's folder checkpoints") -> str:
    """Why there is no number, and how to get one; without a `place` in words that hold on every machine."""
    return f"no weights: put {trunk.file} into {place} ({trunk.bytes:,} bytes), or run `python -m bench fetch lpips`"


def reason(trunk: Trunk, folder: Path | None) -> str:
    """`missing`, with the place where the weights are looked for here."""
    place = folder or hub()
    if place.is_relative_to(Path.home()):
        place = "~" / place.relative_to(Path.home())
    return missing(trunk, place)


def hub() -> Path:
    """Where torchvision puts its downloads."""
    return Path(torch.hub.get_dir()) / "checkpoints"


def check(published: Published, path: Path) -> None:
    """Raise UserError unless the file is the published one, by its hash."""
    try:
        digest = sha256_of_file(path)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}. The file must be called {published.file}."
        ) from error
    if not digest.startswith(published.sha256_prefix):
        raise UserError(
            f"{path} is not the published {published.file}: {path.stat().st_size:,} bytes and SHA-256 {digest[:8]}...,"
            f" expected {published.bytes:,} bytes and {published.sha256_prefix}...."
            " Put the complete file there or remove it."
        )


def load(published: Published, path: Path) -> dict[str, Tensor]:
    """The published state, checked. Raises UserError for any other file."""
    check(published, path)
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    return state
