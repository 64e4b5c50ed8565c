"""The method of a run: built with fresh networks, or loaded from the run's folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from bench.methods.base import DataFacts, Method, no_exit
from bench.methods.catalog import Entry
from bench.methods.pretrained import load_pretrained
from bench.methods.settings import build
from bench.runs.records import Run
from bench.training import checkpoint
from bench.util.errors import UserError
from bench.util.files import read_json
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


def _asked(folder: Path) -> tuple[Run, DataFacts, dict[str, str]]:
    asked = read_json(folder / "run.json")
    facts, places = asked.pop("facts"), asked.pop("places", {})
    facts["mean"] = tuple(facts["mean"])
    return Run.model_validate(asked), DataFacts(**facts), places


def load_networks(method: Method, folder: Path) -> None:
    path = next(iter((folder / "checkpoints").glob("trained-*.pt")), None)
    if path is None:
        raise UserError(f"{folder} holds no trained networks. Run `train` with the same options first.")
    state = checkpoint.load(path)
    if state is None:
        raise UserError(f"{path} is damaged. Delete it and rerun the command.")
    for name, network in method.networks().items():
        network.load_state_dict(state[name])


def parameters(method: Method) -> dict[str, int]:
    """Trainable parameters of each network."""
    return {
        name: sum(p.numel() for p in net.parameters() if p.requires_grad) for name, net in method.networks().items()
    }
