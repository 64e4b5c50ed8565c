"""What a data set says of itself before a pixel is read, and what the data sets that read folders share."""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from bench.data.decode import SUFFIXES, Picture, read_square
from bench.data.protocol import Protocol
from bench.data.split import Split
from bench.util.errors import UserError
from bench.util.files import sha256

RULES = 2
"""Raised when a rule changes that decides the pixels of files (bench/data/decode.py)."""


class Item(NamedTuple):
    """One image. `draw` gives uint8 (R,R,3), or raises UnusableError."""

    id: str
    group: str
    draw: Callable[[], Picture]


class Sides(NamedTuple):
    train: Sequence[Item]
    test: Sequence[Item]
    skipped: Sequence[tuple[str, str]] = ()
    """Name and reason of what was left out while listing."""


@dataclass(frozen=True)
class Listing:
    asked: dict[str, Any]
    """All that decides the pixels of the pack. Its hash is the pack's key, so it is had without decoding."""
    about: dict[str, Any]
    """For the manifest: `split`, `crop`, `licences`, `notes`, `set_aside`; `outside` where files lie elsewhere."""
    sides: Callable[[], Sides]
    """The images, listed only when the pack has to be made."""
    drawn: bool = False
    """Whether pictures are drawn here: functions of id, resolution and `about["notes"]`, at the cost of arithmetic."""


def pictures_in(folder: Path, suffixes: frozenset[str] = SUFFIXES) -> list[Path]:
    """All pictures under `folder`, links followed, hidden files left out; each folder is entered once.

    Raises UserError for a folder that may not be read.
    """
    found, seen = [], set()
    for here, folders, files in os.walk(folder, followlinks=True, onerror=_out_of_reach):
        status = Path(here).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        names = (name for name in sorted(files) if not name.startswith("."))
        found += [Path(here, name) for name in names if os.path.splitext(name)[1].lower() in suffixes]  # noqa: PTH122
    return found


def by_id(files: Iterable[Path], name_of: Callable[[Path], str]) -> dict[str, Path]:
    """Id -> file. Raises UserError where two files have one id."""
    named: dict[str, Path] = {}
    for file in files:
        other = named.setdefault(name_of(file), file)
        if other is not file:
            raise UserError(f"{other} and {file} are the same image by name. Use a folder that holds it once.")
    return named


def of_files(
    root: Path, files: dict[str, Path], split: Split, protocol: Protocol, about: dict[str, Any], most: int | None = None
) -> Listing:
    """The listing of single files, each cut to its middle square, of at most `most` pixels a side.

    `files` maps at least the split's ids; those that lie outside `root`, the data folder, are counted.
    """
    side = protocol.resolution

    def items(ids: list[str]) -> list[Item]:
        return [Item(name, name, partial(read_square, files[name], side, most)) for name in ids]

    with ThreadPoolExecutor(16) as pool:
        stamps = [list(pool.map(_stamp, ids, (files[name] for name in ids))) for ids in (split.train, split.test)]
    square = "middle square" if most is None else f"middle square of at most {most}x{most}"
    crop = f"{square}, then to {side}x{side} by Pillow's bilinear filter with antialiasing; never enlarged"
    outside = _Outside(root)
    elsewhere = [name for ids in (split.train, split.test) for name in ids if outside(files[name])]
    if elsewhere:
        about = {**about, "outside": {"count": len(elsewhere), "first": min(elsewhere)}}
    return Listing(
        asked={"files": sha256(repr(stamps).encode()), "rules": RULES},
        about={"crop": crop, "set_aside": split.aside, **about},
        sides=lambda: Sides(items(split.train), items(split.test)),
    )


def contents(folder: Path, count: int = 6) -> str:
    """The first names in a folder, for an error line that says what was found."""
    names = sorted(path.name + "/" * path.is_dir() for path in folder.iterdir())
    return ", ".join(names[:count]) + (f" and {len(names) - count} more" if len(names) > count else "") or "nothing"


def _stamp(name: str, file: Path) -> tuple[str, int, int]:
    """What shows that a file has changed. One that cannot be read has a stamp too: it is counted as unusable."""
    try:
        status = file.stat()
    except OSError as error:
        return name, -1, error.errno or 0
    return name, status.st_size if os.access(file, os.R_OK) else -1, status.st_mtime_ns


class _Outside:
    """Whether a file lies outside the data folder, behind a link of its own or of a folder on the way."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.folders: dict[Path, bool] = {}

    def __call__(self, file: Path) -> bool:
        if file.is_symlink():
            return file.exists() and not file.resolve().is_relative_to(self.root)
        folder = file.parent
        if folder not in self.folders:
            self.folders[folder] = not folder.resolve().is_relative_to(self.root)
        return self.folders[folder]


def _out_of_reach(error: OSError) -> None:
    raise UserError(f"{error.filename} cannot be read: {error.strerror}. Fix or remove it.") from error
