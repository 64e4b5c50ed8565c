"""`new-paper` and `new-baseline`: a commented beginning that passes `check` as it stands."""

import keyword
import shutil
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from bench.methods.catalog import find
from bench.util.errors import UserError
from bench.util.files import write_text

TEMPLATES = "bench.contract.templates"
LEFT_OUT = ("__init__.py", "__pycache__")


def new_paper(key: str, into: Path) -> Path:
    """Write the folder `into`/`key` of a paper; returns it. Raises UserError for a bad key and where it is taken."""
    target = _free(key, into, into / key)
    part = into / f".{key}.part"
    shutil.rmtree(part, ignore_errors=True)
    for file in (files(TEMPLATES) / "paper").iterdir():
        if file.name not in LEFT_OUT:
            write_text(part / file.name, _named(file, key))
    part.rename(target)
    return target


def new_baseline(key: str, into: Path) -> Path:
    """Write the file `into`/`key`.py of a baseline; returns it. Raises UserError as `new_paper`."""
    target = _free(key, into, into / f"{key}.py")
    write_text(target, _named(files(TEMPLATES) / "baseline.py", key))
    return target


def _free(key: str, into: Path, target: Path) -> Path:
    if not key.isidentifier() or keyword.iskeyword(key) or key.startswith("_"):
        raise UserError(
            f"'{key}' cannot be a key: it is imported as a Python name. Use letters, digits and _, a letter first."
        )
    if target.exists():
        raise UserError(f"{target} already exists. Choose another key, or delete it.")
    if (other := find().entries.get(key)) is not None:
        raise UserError(f"There is already a method '{key}': {other.path}. Choose another key.")
    if into.exists() and not into.is_dir():
        raise UserError(f"{into} is not a folder. Choose one with --into.")
    return target


def _named(file: Traversable, key: str) -> str:
    words = "".join(word[:1].upper() + word[1:] for word in key.split("_"))
    return file.read_text(encoding="utf-8").replace("mykey", key).replace("MyKey", words)
