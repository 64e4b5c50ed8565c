"""Data sets and protocols: named, split, decoded once and kept as memory maps.

    data = load(protocol, cache)
    data.train.tensor([0, 1, 2])    # float32 (3,3,R,R) in [0,1]

`DATASETS` is there without torch; the rest is imported when it is first used. Holes are for bench/masks/, and what is
scored for bench/metrics/.
"""

from typing import TYPE_CHECKING, Any

from bench.data.names import DATASETS

if TYPE_CHECKING:
    from bench.data.loading import load, packed, told
    from bench.data.pack import Data, Packed

__all__ = ["DATASETS", "Data", "Packed", "load", "packed", "told"]


def __getattr__(name: str) -> Any:
    if name in ("load", "packed", "told"):
        from bench.data import loading

        return getattr(loading, name)
    if name in ("Data", "Packed"):
        from bench.data import pack

        return getattr(pack, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
