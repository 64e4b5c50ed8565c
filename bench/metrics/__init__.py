"""Metrics: one file for each; definitions.py is the table of their exact definitions.

What needs torch or pandas is loaded when it is first asked for, so that the table can be read without them. Intervals
and comparisons are for bench/claims/.
"""

from typing import TYPE_CHECKING, Any

from bench.metrics.definitions import DEFINITIONS, HEADLINE, MetricDefinition

if TYPE_CHECKING:
    from bench.metrics.arrays import compute
    from bench.metrics.lpips import Lpips
    from bench.metrics.scoring import score
    from bench.metrics.summary import summarise

__all__ = ["DEFINITIONS", "HEADLINE", "Lpips", "MetricDefinition", "compute", "score", "summarise"]


_MODULES = {"Lpips": "lpips", "compute": "arrays", "score": "scoring", "summarise": "summary"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"bench.metrics.{_MODULES[name]}"), name)
