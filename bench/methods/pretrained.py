"""`--weights FILE`: networks from elsewhere, checked by the hash in the name, read without pickle, named in records."""

import pickle
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.methods.base import DataFacts, Method
from bench.methods.catalog import Entry
from bench.methods.layouts import WeightLayout, choose
from bench.methods.settings import DEFAULT, build, overrides
from bench.util.errors import UserError
from bench.util.files import read_json, sha256, sha256_of_file

BUDGET = "trained elsewhere; budget unknown"
HASH_IN_NAME = re.compile(r"-(?!\d+\.)([0-9a-f]{8,64})\.\w+$")
"""As torch hub and mmagic name their files: the start of the SHA-256. Digits alone may be a date."""
WRAPPERS = ("state_dict", "model")
"""The entry of a training checkpoint that holds the networks (mmagic's, naoto0804's)."""
PARALLEL = "module."
"""What DataParallel puts before each key."""


@dataclass(frozen=True)
class Pretrained:
    """Networks from elsewhere, read and matched with a method."""

    entry: Entry
    layout: WeightLayout
    files: tuple[Path, ...]
    hashes: tuple[str, ...]
    """SHA-256 of each file."""
    state: Mapping[str, Tensor]

    @property
    def sha256(self) -> str:
        """The file's SHA-256; with several files, that of theirs."""
        return self.hashes[0] if len(self.hashes) == 1 else sha256(" ".join(sorted(self.hashes)).encode())

    @property
    def method_class(self) -> type[Method]:
        return self.layout.method or self.entry.load()

    @property
    def label(self) -> str:
        """The label added to the method's name in a row."""
        return " + ".join(path.stem for path in self.files)

    def code(self) -> str:
        """SHA-256 over the sources, those of pretrained.py among them."""
        return self.entry.code(pretrained=True)

    def settings(self, scale: str, variant: str, sets: Mapping[str, Any]) -> dict[str, Any]:
        """The method's settings for these networks. Raises UserError for a variant of a method that has none."""
        if self.layout.method is not None and variant != DEFAULT:
            raise UserError(f"--variant {variant}: {self.layout.name} has no variants. Leave it out.")
        usual = {} if self.layout.method else overrides(self.entry.description(), scale, variant)
        values = usual | dict(self.layout.settings) | dict(sets)
        return build(self.method_class.settings_class, values, self.entry.key).model_dump(mode="json")

    def build(self, settings: Mapping[str, Any], facts: DataFacts) -> Method:
        """The method with these networks in eval mode."""
        if self.layout.mean:
            facts = facts._replace(mean=self._mean())
        method = self.method_class(build(self.method_class.settings_class, settings, self.entry.key), facts)
        self.layout.load(method.networks(), self.state, self.label)
        return method

    def _mean(self) -> tuple[float, float, float]:
        key = self.layout.mean
        found = self.state[key].flatten().tolist() if key in self.state else []
        if len(found) != 3 or not all(0 <= value <= 1 for value in found):
            role, _, name = key.partition("/")
            wanted = f"{self.layout.roles[role]} must hold {name}, a mean colour of three numbers in [0,1]"
            raise UserError(f"{self.label} does not fit {self.layout.name}: {wanted}; it holds {found or 'none'}.")
        return found[0], found[1], found[2]

    @property
    def facts(self) -> dict[str, Any]:
        """What a record keeps of it."""
        one = self.layout
        files = [{"file": path.name, "sha256": digest} for path, digest in zip(self.files, self.hashes, strict=True)]
        return {
            "name": one.name,
            "label": self.label,
            "files": files,
            "licence": one.licence,
            "source": one.source,
            "training": BUDGET,
            "trained_on": one.data_of(self.files[0].name),
            "notes": self.notes,
        }

    @property
    def notes(self) -> list[str]:
        """What the reader of a record must know."""
        one, names = self.layout, ", ".join(path.name for path in self.files)
        told = f"{names}: {one.name}, {BUDGET}; trained on: {one.data_of(self.files[0].name)}. Licence: {one.licence}."
        return [told, "Whether it has seen the test images is not known here.", *one.remarks]


def load_pretrained(entry: Entry, files: Sequence[Path]) -> Pretrained:
    """Read the weights for a method. Raises UserError for whatever the user can fix in them."""
    layouts = entry.layouts()
    if not layouts:
        raise UserError(f"--weights {files[0]}: {entry.key} cannot load weights from elsewhere. Leave --weights out.")
    hashes = tuple(sha256_of_file(path) for path in files)
    for path, digest in zip(files, hashes, strict=True):
        _check_name(path, digest)
    states = [read_state(path) for path in files]
    several = [one for one in layouts if one.roles]
    if len(files) > 1 or any(_role(one, files[0]) for one in several):
        return _load_several(entry, several, tuple(files), hashes, states)
    single = [one for one in layouts if not one.roles]
    if not single:
        raise UserError(f"--weights {files[0]}: {entry.key} takes {_wanted(several[0])}; keep the published names.")
    name = files[0].name
    return Pretrained(entry, choose(single, states[0], entry.key, name), tuple(files), hashes, states[0])


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors in a checkpoint by key, without their wrapper and DataParallel's prefix. Nothing in it is run."""
    if path.suffix == ".json":
        return _read_json(path)
    content = _load(path)
    for name in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(name), Mapping):
            content = content[name]
            break
    tensors = dict(_tensors(content)) if isinstance(content, Mapping) else {}
    if not tensors:
        raise UserError(f"{path} holds no named weights. Use the file as published.")
    if all(key.startswith(PARALLEL) for key in tensors):
        tensors = {key.removeprefix(PARALLEL): value for key, value in tensors.items()}
    return tensors


def _read_json(path: Path) -> dict[str, Tensor]:
    """The lists of numbers in a settings file that is published with weights."""
    content = read_json(path)
    lists = content.items() if isinstance(content, Mapping) else ()
    numbers = {key: one for key, one in lists if isinstance(one, list) and all(isinstance(x, int | float) for x in one)}
    return {key: torch.tensor(one, dtype=torch.float64) for key, one in numbers.items()}


def _load(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on old file formats
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        why = f"holds more than weights: loading it would run {found[1]}" if found else "is not a file of plain weights"
        mend = "If you trust it, save its state_dict alone with torch.save"
        raise UserError(f"{path} {why}. {mend}; otherwise use the file as published.") from error
    except Exception as error:  # whatever a file that is no checkpoint makes the reader raise
        if "TorchScript" in str(error):
            raise UserError(f"{path} is TorchScript. Run it as the method torchscript:{path}.") from error
        raise UserError(f"{path} is not a complete PyTorch checkpoint. Use the file as published.") from error


def _tensors(content: Mapping[Any, Any]) -> Iterator[tuple[str, Tensor]]:
    yield from ((str(key), value) for key, value in content.items() if isinstance(value, Tensor))


def _check_name(path: Path, digest: str) -> None:
    found = HASH_IN_NAME.search(path.name)
    if found is not None and not digest.startswith(found[1]):
        raise UserError(
            f"{path} does not match its name: its SHA-256 starts with {digest[:8]}, not {found[1]}. Download it again."
        )


def _load_several(
    entry: Entry,
    layouts: Sequence[WeightLayout],
    files: tuple[Path, ...],
    hashes: tuple[str, ...],
    states: Sequence[Mapping[str, Tensor]],
) -> Pretrained:
    """Files of one model, each recognised by its published name."""
    if not layouts:
        raise UserError(f"--weights {files[1]}: {entry.key} takes one file of weights. Give one.")
    layout = layouts[0]
    roles = [_role(layout, path) for path in files]
    if sorted(filter(None, roles)) != sorted(layout.roles) or None in roles:
        raise UserError(
            f"--weights {' --weights '.join(map(str, files))}: {entry.key} takes {_wanted(layout)}, each once;"
            " keep the published names."
        )
    state = {f"{role}/{key}": value for role, part in zip(roles, states, strict=True) for key, value in part.items()}
    return Pretrained(entry, layout, files, hashes, state)


def _role(layout: WeightLayout, path: Path) -> str | None:
    found = (role for role, pattern in layout.roles.items() if fnmatchcase(path.name, pattern))
    return next(found, None)


def _wanted(layout: WeightLayout) -> str:
    return " and ".join(f"--weights {pattern}" for pattern in layout.roles.values())
