"""On which line of a TOML text a key stands. For error texts only: the parsing itself is tomllib's."""

import re
from collections.abc import Sequence

Path = tuple[str | int, ...]
"""The way to a value: keys of tables, indices of arrays."""

_KEY = r"(?:[A-Za-z0-9_-]+|\"(?:\\.|[^\"\\])*\"|'[^']*')"
_DOTTED = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_DOTTED})\s*\]")
_ENTRY = re.compile(rf"\s*({_DOTTED})\s*=")
_STRING = r"\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'"
_HIDING = re.compile(rf'"""(?:\\.|[^\\])*?"""|\'\'\'.*?\'\'\'|{_STRING}|#[^\n]*', re.DOTALL)


def lines_of(text: str) -> dict[Path, int]:
    """The line, from 1, of each header and of each key that begins a line. Expects TOML that parses.

    Inside an inline table or an array a key has no entry of its own; `line_at` gives the line of its parent.
    """
    found: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    depth = 0
    for number, line in enumerate(_plain(text).split("\n"), start=1):
        if depth == 0 and (header := _HEADER.match(line)):
            table = _header_path(_parts(header[2]), header[1] == "[[", counts)
            _note(found, table, number, len(table))
            continue
        if depth == 0 and (entry := _ENTRY.match(line)):
            parts = _parts(entry[1])
            _note(found, (*table, *parts), number, len(parts))
        depth += _opened(line)
    return found


def line_at(lines: dict[Path, int], path: Sequence[str | int]) -> int | None:
    """The line of `path`, or of the nearest part above it that has a line; None for the whole file."""
    for end in range(len(path), 0, -1):
        if (number := lines.get(tuple(path[:end]))) is not None:
            return number
    return None


def _header_path(parts: list[str], array: bool, counts: dict[Path, int]) -> Path:
    path: Path = ()
    for part in parts[:-1]:
        path = _enter((*path, part), counts)
    path = (*path, parts[-1])
    if array:
        counts[path] = counts.get(path, 0) + 1
        path = _enter(path, counts)
    return path


def _enter(path: Path, counts: dict[Path, int]) -> Path:
    # A header below an array of tables belongs to the array's latest element.
    return (*path, counts[path] - 1) if path in counts else path


def _note(found: dict[Path, int], path: Path, number: int, own: int) -> None:
    for end in range(len(path) - own + 1, len(path) + 1):
        found.setdefault(path[:end], number)


def _plain(text: str) -> str:
    """The text without comments and without the insides of multi-line strings, line for line."""

    def shown(match: re.Match[str]) -> str:
        piece = match[0]
        if piece.startswith(('"""', "'''")):
            return '""' + "\n" * piece.count("\n")
        return "" if piece.startswith("#") else piece

    return _HIDING.sub(shown, text.replace("\r\n", "\n"))


def _opened(line: str) -> int:
    bare = re.sub(_STRING, "", line)
    return sum(bare.count(mark) for mark in "[{") - sum(bare.count(mark) for mark in "]}")


def _parts(dotted: str) -> list[str]:
    return [part[1:-1] if part[0] in "\"'" else part for part in re.findall(_KEY, dotted)]
