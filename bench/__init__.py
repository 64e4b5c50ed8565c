"""inpaint-bench: which statements of an inpainting paper hold when they are measured.

The Python API; docs/python.md shows it. Names are loaded when they are first asked for, so `import bench` is light.
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bench import metrics
    from bench.api.overview import Overview
    from bench.api.reproduction import Reproduction
    from bench.api.results import Evaluation
    from bench.api.verbs import check_method, evaluate, export, overview, reproduce, score
    from bench.contract.run import Failure
    from bench.methods.base import Inpainter, Method
    from bench.methods.catalog import list_methods, load_paper
    from bench.runs.request import Request
    from bench.util.errors import UserError

_MODULES = {
    "check_method": "bench.api.verbs",
    "evaluate": "bench.api.verbs",
    "export": "bench.api.verbs",
    "list_methods": "bench.methods.catalog",
    "load_paper": "bench.methods.catalog",
    "overview": "bench.api.verbs",
    "reproduce": "bench.api.verbs",
    "score": "bench.api.verbs",
    "Evaluation": "bench.api.results",
    "Failure": "bench.contract.run",
    "Inpainter": "bench.methods.base",
    "Method": "bench.methods.base",
    "Overview": "bench.api.overview",
    "Reproduction": "bench.api.reproduction",
    "Request": "bench.runs.request",
    "UserError": "bench.util.errors",
}

__all__ = [
    "Evaluation",
    "Failure",
    "Inpainter",
    "Method",
    "Overview",
    "Reproduction",
    "Request",
    "UserError",
    "check_method",
    "evaluate",
    "export",
    "list_methods",
    "load_paper",
    "metrics",
    "overview",
    "reproduce",
    "score",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "metrics":
        return import_module("bench.metrics")
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
