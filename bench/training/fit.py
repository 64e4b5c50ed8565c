"""Whether a state is one that this very training saves. A file's name has the hash of its bytes, which anybody can
compute; what does not fit is passed over like a damaged file."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.methods.base import Method, Stage

KEYS = frozenset(
    {"stage", "step", "drawn", "networks", "untrained", "optimizers", "scalars", "pending", "names", "held_out"}
)
STAGE_KEYS = frozenset({"networks", "scalars", "held_out"})
CURVE = (str, int, str, float)
"""A row of the scalars."""
HELD_OUT = (str, int, str, str, float, float)


def fits(state: Mapping[str, Any], method: Method) -> bool:
    """Whether a checkpoint is of a training of this method, by its keys, types, shapes and ranges."""
    if state.keys() != KEYS or not fits_networks(state["networks"], method.networks()):
        return False
    with torch.random.fork_rng(devices=[]):  # networks that a stage makes for itself draw from what the training uses
        stages = method.stages()
    stage, step = state["stage"], state["step"]
    if not (_count(stage) and _count(step) and _count(state["drawn"]) and stage <= len(stages)):
        return False
    if step and (stage == len(stages) or step >= stages[stage].steps):
        return False
    return (
        _fits_optimizers(state["optimizers"], stages[stage] if step else None)
        and _hashes(state["untrained"], method)
        and _rows(state["scalars"], CURVE)
        and _rows(state["held_out"], HELD_OUT)
        and isinstance(names := state["names"], list)
        and all(isinstance(name, str) for name in names)
        and _like(state["pending"], torch.empty(0, len(names)), shape=(None, len(names)))
    )


def fits_stage(state: Mapping[str, Any], method: Method) -> bool:
    """Whether what another training kept at the end of a stage fits this method: of some networks, not of all."""
    if state.keys() != STAGE_KEYS or not isinstance(found := state["networks"], dict):
        return False
    changed = {name: network for name, network in method.networks().items() if name in found}
    return fits_networks(found, changed) and _rows(state["scalars"], CURVE) and _rows(state["held_out"], HELD_OUT)


def _hashes(found: object, method: Method) -> bool:
    """Of all networks as they were built; of none where a method shares no stage."""
    wanted = method.networks().keys() if method.from_stage else ()
    return (
        isinstance(found, dict) and found.keys() == set(wanted) and all(isinstance(one, str) for one in found.values())
    )


def fits_networks(states: object, networks: Mapping[str, nn.Module]) -> bool:
    """Whether there is a finite value of the same shape and type for everything that the networks hold."""
    return _same_keys(states, networks) and all(
        _same_keys(states[name], wanted := network.state_dict())  # type: ignore[index]
        and all(_like(states[name][key], value) for key, value in wanted.items())  # type: ignore[index]
        for name, network in networks.items()
    )


def _fits_optimizers(states: object, stage: Stage | None) -> bool:
    optimizers = stage.optimizers if stage else {}
    return _same_keys(states, optimizers) and all(
        _fits_optimizer(states[name], optimizer)  # type: ignore[index]
        for name, optimizer in optimizers.items()
    )


def _fits_optimizer(state: object, optimizer: Optimizer) -> bool:
    fresh = optimizer.state_dict()
    if not _same_keys(state, fresh):
        return False
    groups, moments = state["param_groups"], state["state"]  # type: ignore[index]
    if not isinstance(groups, list) or len(groups) != len(fresh["param_groups"]) or not isinstance(moments, dict):
        return False
    if not all(_same_group(one, other) for one, other in zip(groups, fresh["param_groups"], strict=True)):
        return False
    weights = {
        number: weight
        for group, ours in zip(fresh["param_groups"], optimizer.param_groups, strict=True)
        for number, weight in zip(group["params"], ours["params"], strict=True)
    }
    return all(
        number in weights and isinstance(kept, dict) and all(_moment(one, weights[number]) for one in kept.values())
        for number, kept in moments.items()
    )


def _same_group(found: object, fresh: Mapping[str, Any]) -> bool:
    return (
        _same_keys(found, fresh)
        and found["params"] == fresh["params"]  # type: ignore[index]
        and all(_alike(found[key], value) for key, value in fresh.items())  # type: ignore[index]
    )


def _alike(found: object, value: object) -> bool:
    """A number for a number, else the same type."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found)
    return type(found) is type(value)


def _moment(found: object, weight: Tensor) -> bool:
    """A count of steps, or a value for each weight."""
    if not isinstance(found, Tensor):
        return found is None or _alike(found, 0.0)
    return found.layout == weight.layout and bool(torch.isfinite(found).all()) and (
        found.numel() == 1 or (found.shape, found.dtype) == (weight.shape, weight.dtype)
    )  # fmt: skip


def _like(found: object, value: Any, shape: Sequence[int | None] = ()) -> bool:
    if not isinstance(value, Tensor):
        return type(found) is type(value)
    if not isinstance(found, Tensor) or (found.dtype, found.layout) != (value.dtype, value.layout):
        return False
    wanted = shape or value.shape
    same = len(found.shape) == len(wanted) and all(w in (None, n) for n, w in zip(found.shape, wanted, strict=True))
    return same and bool(torch.isfinite(found).all())


def _rows(found: object, kinds: tuple[type, ...]) -> bool:
    return isinstance(found, list) and all(
        isinstance(row, list) and len(row) == len(kinds) and all(map(isinstance, row, kinds)) for row in found
    )


def _same_keys(found: object, wanted: Mapping[Any, Any]) -> bool:
    return isinstance(found, Mapping) and found.keys() == wanted.keys()


def _count(value: object) -> bool:
    return type(value) is int and value >= 0
