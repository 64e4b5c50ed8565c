"""`torchscript:FILE`: somebody's exported inpainter as a method. Reading TorchScript runs what is in it, hence --trust.

What is known of the inputs is read from IOPaint's code (Sanster/IOPaint, iopaint/model/lama.py and mi_gan.py), which
publishes big-lama.pt and migan_traced.pt; no such file has been run here.
"""

import hashlib
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from bench.methods.base import DataFacts, Inpainter, Method, Settings, Sizes
from bench.methods.catalog import Catalog, Entry, find
from bench.methods.pretrained import BUDGET
from bench.util.errors import UserError
from bench.util.files import sha256_of_file

PREFIX = "torchscript:"
MIGAN_SIDE = 512
INPUTS = {"image_hole": 2, "migan": 1}
PUBLISHED = {
    "e3aa4aaa15225a33ec84f9f4bc47e500": "big-lama.pt as IOPaint publishes it (LaMa, Suvorov et al. 2022): Apache-2.0",
    "76eb3b1a71c400ee3290524f7a11b89c": "migan_traced.pt as IOPaint publishes it (MI-GAN, Sargsyan et al. 2023): MIT",
}
"""By MD5, which is what IOPaint's code holds them against: what the file is, and its licence."""


class ScriptSettings(Settings):
    takes: Literal["image_hole", "migan"] = Field(
        "image_hole",
        description="image_hole: two inputs, the picture in [0,1] and the hole (1 = missing), out comes [0,1], as"
        " LaMa's; migan: one input of 4 planes, 0.5 - hole and the picture in [-1,1], out comes [-1,1], 512x512 only",
    )
    multiple: int = Field(8, ge=1, description="pictures are padded by reflection to a multiple of so many pixels")


class ScriptInpainter(Inpainter):
    """One image at a time, since nobody knows what a script does with a batch."""

    def __init__(self, script: nn.Module, settings: ScriptSettings) -> None:
        self.script, self.settings = script, settings
        if settings.takes == "migan":
            self.sizes = Sizes(MIGAN_SIDE, MIGAN_SIDE, MIGAN_SIDE)

    def inpaint(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        results = [self._one(image[i : i + 1], hole[i : i + 1], int(seed[i])) for i in range(len(image))]
        return torch.cat(results)

    @torch.no_grad()
    def _one(self, image: Tensor, hole: Tensor, seed: int) -> Tensor:
        height, width = image.shape[-2:]
        missing = hole.to(image.dtype)
        with torch.random.fork_rng(devices=[image.device] if image.device.type == "cuda" else []):
            torch.manual_seed(seed)
            try:
                # Without the optimising executor, whose first calls may differ from later ones in the last bits.
                with _without_optimiser():
                    result = self._call(image, missing)
            except (RuntimeError, torch.jit.Error) as error:
                last = str(error).strip().splitlines()[-1].rstrip(".")
                mend = "It may need another --set multiple=N."
                raise UserError(f"the script fails on a {height}x{width} picture: {last}. {mend}") from error
        if not isinstance(result, Tensor) or result.shape != image.shape:
            got = f"shape {tuple(result.shape)}" if isinstance(result, Tensor) else type(result).__name__
            raise UserError(f"the script returned {got}, not a picture of shape {tuple(image.shape)}.")
        return result.to(image.dtype)

    def _call(self, image: Tensor, missing: Tensor) -> Any:
        if self.settings.takes == "migan":
            return self.script(torch.cat([0.5 - missing, (2 * image - 1) * (1 - missing)], dim=1)) / 2 + 0.5
        height, width = image.shape[-2:]
        below, right = -height % self.settings.multiple, -width % self.settings.multiple
        result = self.script(_pad(image, below, right), _pad(missing, below, right))
        return result[..., :height, :width] if isinstance(result, Tensor) else result


def _without_optimiser() -> AbstractContextManager[None]:
    context: AbstractContextManager[None] = torch.jit.optimized_execution(False)  # type: ignore[attr-defined]
    return context


def _pad(x: Tensor, below: int, right: int) -> Tensor:
    """The last rows and columns again in mirror order, as LaMa's own prediction pads (numpy's `symmetric`)."""
    while below or right:  # a small picture is mirrored more than once
        rows, columns = min(below, x.shape[-2]), min(right, x.shape[-1])
        x = torch.cat([x, x[..., x.shape[-2] - rows :, :].flip(-2)], dim=-2)
        x = torch.cat([x, x[..., x.shape[-1] - columns :].flip(-1)], dim=-1)
        below, right = below - rows, right - columns
    return x


class TorchScript(Method):
    """An exported inpainter of somebody else's."""

    settings_class = ScriptSettings
    settings: ScriptSettings
    file: ClassVar[Path]
    digest: ClassVar[str]

    def __init__(self, settings: ScriptSettings, data: DataFacts) -> None:
        super().__init__(settings, data)
        self.script = _load(self.file, self.digest)
        inputs = len(self.script.forward.schema.arguments) - 1  # without `self`
        if inputs != INPUTS[settings.takes]:
            wanted = f"{INPUTS[settings.takes]} as with takes = {settings.takes}"
            known = "Known: image_hole with two inputs (the default), --set takes=migan with one."
            raise UserError(f"{self.file} takes {inputs} input{'' if inputs == 1 else 's'}, not {wanted}. {known}")

    def networks(self) -> dict[str, nn.Module]:
        return {"script": self.script}

    def inpainter(self) -> Inpainter:
        return ScriptInpainter(self.script, self.settings)


@dataclass(frozen=True)
class ScriptEntry(Entry):
    """A TorchScript file as a catalog has its methods."""

    @property
    def call(self) -> str:
        return f"{PREFIX}{self.path}"

    @cached_property
    def weights(self) -> str:
        return sha256_of_file(self.path)

    @property
    def summary(self) -> str:
        return TorchScript.__doc__ or ""

    def load(self) -> type[Method]:
        return type("TorchScript", (TorchScript,), {"file": self.path, "digest": self.weights})

    def code(self, pretrained: bool = False) -> str:
        return self.weights

    def pretrained_facts(self) -> dict[str, Any]:
        known = PUBLISHED.get(_md5(self.path), "no file that is known here; its licence is for you to look up")
        note = f"{self.path.name}: {known}. TorchScript, {BUDGET}."
        return {
            "name": self.path.name,
            "files": [{"file": self.path.name, "sha256": self.weights}],
            "licence": known,
            "training": BUDGET,
            "notes": [note, "Whether it has seen the test images is not known here."],
        }


def find_called(call: str, include: Sequence[Path] = (), trust: bool = False) -> tuple[Catalog, Entry]:
    """The catalog, and in it the method that is asked for by its key or as torchscript:FILE."""
    catalog = find(include)
    if not call.startswith(PREFIX):
        return catalog, catalog[call]
    entry = script_entry(call, trust)
    return Catalog([*catalog.entries.values(), entry]), entry


def script_entry(call: str, trust: bool) -> ScriptEntry:
    """The method `torchscript:FILE`. Raises UserError without `trust`, and for a file that is not there."""
    path = Path(call.removeprefix(PREFIX))
    if not path.is_file():
        raise UserError(f"{call}: there is no file {path}.")
    if not trust:
        raise UserError(f"{call}: TorchScript executes code. If you trust the source of {path}, pass --trust.")
    return ScriptEntry(f"{PREFIX}{path.name}", path, "bench.methods.torchscript", "torchscript")


@lru_cache(maxsize=1)
def _load(path: Path, digest: str) -> Any:
    """A ScriptModule, which is an nn.Module too. `digest` tells apart what was written to one path."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it is deprecated, and the form in which these files are
            return torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]
    except Exception as error:  # whatever a file that is no TorchScript makes the reader raise
        raise UserError(
            f"{path} is not a TorchScript file. Give weights to their method with --weights {path}."
        ) from error


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
