"""The method of a run: built with fresh networks, or loaded from the run's folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import Field, ValidationError

from bench.methods.base import DataFacts, Method, no_exit
from bench.methods.catalog import Entry
from bench.methods.pretrained import load_pretrained
from bench.methods.settings import build
from bench.runs.records import Run
from bench.training import checkpoint
from bench.training.fit import fits_networks
from bench.util.errors import UserError
from bench.util.files import read_sealed
from bench.util.seeds import seed_of


def build_method(entry: Entry, settings: Mapping[str, Any], facts: DataFacts, seed: int) -> Method:
    """A method with freshly initialised networks."""
    method_class = entry.load()
    torch.manual_seed(seed_of(seed, "networks"))
    with no_exit(entry.key):
        return method_class(build(method_class.settings_class, settings, entry.key), facts)


def load_trained(entry: Entry, folder: Path, weights: Sequence[Path] = ()) -> Method:
    """The trained method of a run's folder, or with `weights` that of these files from elsewhere."""
    if weights:
        run, facts, _ = _asked(folder)
        return load_pretrained(entry, weights).build(run.settings, facts)
    method, _ = fresh(entry, folder)
    if method.stages():
        load_networks(method, folder)
    return method


def fresh(entry: Entry, folder: Path) -> tuple[Method, int]:
    """The method of a run's folder as before its training, and the run's seed."""
    run, facts, places = _asked(folder)
    return build_method(entry, run.settings | places, facts, run.seed), run.seed


class Asked(Run):
    """run.json of a run of ours."""

    facts: DataFacts
    """What the method was told of its data."""
    places: dict[str, str] = Field(default_factory=dict)
    """Where what the user supplied lies, by setting."""


def _asked(folder: Path) -> tuple[Run, DataFacts, dict[str, str]]:
    path = folder / "run.json"
    found = read_sealed(path)
    try:
        asked = Asked.model_validate(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        mend = "Rerun the command that made the run, which writes it anew."
        raise UserError(f"{path} is not a complete run.json ({where}: {first['msg']}). {mend}") from error
    run = Run.model_validate({name: value for name, value in found.items() if name in Run.model_fields})
    if not folder.resolve().name.endswith(f"-{run.key}"):
        mend = "Give the folder the name that it was made with, or rerun the command that made the run."
        raise UserError(f"{path} is not that of {folder.resolve().name}: its run has the key {run.key}. {mend}")
    return run, asked.facts, asked.places


def load_networks(method: Method, folder: Path) -> None:
    path = next(iter((folder / "checkpoints").glob("trained-*.pt")), None)
    if path is None:
        raise UserError(f"{folder} holds no trained networks. Run `train` with the same options first.")
    state = checkpoint.load(path)
    if state is None:
        raise UserError(f"{path} is damaged. Delete it and rerun the command.")
    if not fits_networks(state, networks := method.networks()):
        raise UserError(f"{path} does not hold the networks of this method. Delete it and rerun the command.")
    for name, network in networks.items():
        network.load_state_dict(state[name])


def parameters(method: Method) -> dict[str, int]:
    """Trainable parameters of each network."""
    return {
        name: sum(p.numel() for p in net.parameters() if p.requires_grad) for name, net in method.networks().items()
    }
