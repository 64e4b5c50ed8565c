"""Builds a method at full size without memory for its weights, to see whether its settings and sizes fit."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from bench.methods.base import DataFacts
from bench.methods.catalog import Entry
from bench.runs.building import build_method
from bench.util.errors import UserError

IMAGES = 25_000
"""Training images that a method is given facts about."""


class _Weightless(TorchFunctionMode):
    """Leaves out the power iteration of spectral normalisation, which on `meta` takes time and gives nothing."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is torch.mv and args[0].is_meta:
            return args[0].new_empty(args[0].shape[0])
        if func is torch.nn.functional.normalize and args[0].is_meta:
            return args[0] if kwargs.get("out") is None else kwargs["out"]
        return func(*args, **kwargs)


def builds(entry: Entry, settings: Mapping[str, Any], resolution: int) -> str:
    """Why the method cannot be built for pictures of this side, or does not take them; empty where it can."""
    try:
        try:
            with torch.device("meta"), _Weightless():
                return _unfit(entry, settings, resolution)
        except (NotImplementedError, RuntimeError, TypeError):  # it looks at its weights: build it in earnest
            return _unfit(entry, settings, resolution)
    except UserError as error:
        return str(error)
    except Exception as error:  # whatever a method under work raises is its fault, told as such
        return f"{type(error).__name__}: {error}."


def _unfit(entry: Entry, settings: Mapping[str, Any], resolution: int) -> str:
    method = build_method(entry, settings, DataFacts(resolution, IMAGES), seed=0)
    method.stages()
    sizes = method.inpainter().sizes
    return "" if sizes.fit(resolution, resolution) else f"the method takes {sizes}."
