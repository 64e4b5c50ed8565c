"""Libraries that measure the same. They are optional: one that is absent is said to be absent."""

import importlib
from typing import Any


def peer(name: str) -> Any | None:
    """The module, or None where it is not installed (the extra `[speed]` installs all of them)."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
