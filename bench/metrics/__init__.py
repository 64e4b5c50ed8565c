"""Metrics: one file a metric; metric definitions.py is the table of their exact definitions.

`score` and `Lpips` load torch when they are first asked for, so that the table can be read without it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.metrics.lpips import Lpips
    from bench.metrics.scoring import score

__all__ = ["Lpips", "score"]


def __getattr__(name: str) -> Any:
    if name == "Lpips":
        from bench.metrics.lpips import Lpips

        return Lpips
    if name == "score":
        from bench.metrics.scoring import score

        return score
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
