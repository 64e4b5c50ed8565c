"""A class as a catalog has its methods, for what takes one without a file of its own."""

import inspect
from dataclasses import dataclass
from pathlib import Path

from bench.methods.base import Method
from bench.methods.catalog import Entry


@dataclass(frozen=True)
class ClassEntry(Entry):
    """A method's class as it stands in memory."""

    method: type[Method]

    def load(self) -> type[Method]:
        return self.method


def class_entry(method: type[Method]) -> ClassEntry:
    """Its key is the class's name. A paper.toml beside its method.py counts."""
    try:
        path = Path(inspect.getfile(method))
    except (OSError, TypeError):  # typed into a notebook
        path = Path(f"<{method.__module__}>")
    return ClassEntry(
        method.__name__, path.parent if path.name == "method.py" else path, method.__module__, "class", method
    )
