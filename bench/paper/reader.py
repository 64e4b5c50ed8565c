"""Reads a paper.toml; an error names the file, the line, the key and the remedy."""

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bench.paper.base import Keys, Mistake
from bench.paper.lines import line_at, lines_of
from bench.paper.names import mistakes
from bench.paper.paper import Paper
from bench.paper.salvage import readable
from bench.util.errors import UserError, nearest
from bench.util.files import read_bytes
from bench.util.text import unseen

SHOWN = 3
"""How many mistakes a verb reports when it refuses a paper.toml; `check` lists all."""


@dataclass(frozen=True)
class Reading:
    """A paper.toml as it was read."""

    path: Path
    text: str
    paper: Paper | None
    """What could be read of it: with mistakes perhaps not all, without any everything."""
    mistakes: tuple[Mistake, ...]
    """In the order of the file."""

    @cached_property
    def lines(self) -> dict[Keys, int]:
        return lines_of(self.text)

    def told(self, mistake: Mistake) -> str:
        """`papers/x/paper.toml, line 12: claims.3.metric: 'pnsr' is no metric. Did you mean 'psnr'?`."""
        line = line_at(self.lines, mistake.at)
        place = f"{self.path}, line {line}: " if line else f"{self.path}: "
        name = f"{'.'.join(map(str, mistake.at))}: " if mistake.at else ""
        return place + name + mistake.text

    def refuse(self, found: Sequence[Mistake]) -> None:
        """Raise UserError where any mistake was found: the first few, and how many there are."""
        if found:
            texts = [self.told(mistake) for mistake in found[:SHOWN]]
            check = f"python -m bench check {self.path.parent}"
            more = f"\n{len(found)} errors in all: {check}" if len(found) > 1 else ""
            raise UserError("\n".join(texts) + more)

    def in_order(self, mistakes: Iterable[Mistake]) -> list[Mistake]:
        """By line."""
        return sorted(mistakes, key=lambda mistake: line_at(self.lines, mistake.at) or 0)


RENAMED = {
    "says": ("statement", "summary"),
    "we_do": ("decision",),
    "suites": ("mask_sets",),
    "suite": ("mask_set",),
    "convention": ("metric",),
}
"""Keys by their names in 0.1.0; they are said to be renamed for one release."""


def read_paper(path: Path) -> Paper:
    """Raises UserError with one line for a file that cannot be read, parsed or understood.

    Of several errors it reports the first in the file and the number of the others.
    """
    reading = look(path)
    if reading.mistakes or reading.paper is None:
        others = len(reading.mistakes) - 1
        more = f" And {others} more error{'s' if others > 1 else ''}." if others else ""
        raise UserError(reading.told(reading.mistakes[0]) + more)
    return reading.paper


def look(path: Path) -> Reading:
    """The file with all its mistakes. Raises UserError only where it cannot be read, or is no TOML."""
    text = _text(path)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(_syntax_text(path, text, str(error))) from error
    except (RecursionError, ValueError) as error:  # nested too deeply, or a number of thousands of digits
        raise UserError(f"{path} cannot be read: {error}. Write it as the other papers' files are.") from error
    if (place := unseen(values)) is not None:
        keys, character = place
        text_of = f"holds the control character {character}, which no reader sees; remove it."
        return Reading(path, text, None, (Mistake(keys, text_of),))
    try:
        paper = Paper.model_validate(values)
    except ValidationError as error:
        lines = lines_of(text)
        found = _faults(lines, values, error)
        rest, unread = readable(values, [(_keys(each, values), each["type"]) for each in error.errors()])
        try:
            partly = Paper.model_validate(rest)
        except ValidationError:
            return Reading(path, text, None, tuple(found))
        # Faults of form come first: what is named wrongly may be their consequence.
        named = Reading(path, text, partly, ()).in_order(mistakes(partly, unread))
        return Reading(path, text, partly, (*found, *named))
    found = Reading(path, text, paper, ()).in_order(mistakes(paper))
    return Reading(path, text, paper, tuple(found))


def _faults(lines: dict[Keys, int], values: dict[str, Any], error: ValidationError) -> list[Mistake]:
    found = []
    for details in error.errors():
        keys = _keys(details, values)
        # A misspelt key is both unknown and missing: the unknown one is told first, which has the line and the name.
        order = (line_at(lines, keys[:-1]) or 0, details["type"] == "missing", line_at(lines, keys) or 0)
        found.append((order, Mistake(keys, _what(details, keys))))
    return [mistake for _, mistake in sorted(found, key=lambda each: each[0])]


def _text(path: Path) -> str:
    try:
        return read_bytes(path).decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8.") from error


def _syntax_text(path: Path, text: str, message: str) -> str:
    what, _, place = message.rpartition(" (at ")
    match = re.match(r"line (\d+), column (\d+)", place)
    line, where = (match[1], f", column {match[2]}") if match else (str(text.rstrip().count("\n") + 1), "")
    return f"{path}, line {line}{where}: not valid TOML: {what or message}."


def _keys(details: ErrorDetails, values: Any) -> Keys:
    """The place as keys of the file: pydantic's, without the names of union members, and with a validator's own."""
    keys: list[str | int] = []
    for part in details["loc"]:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            if details["type"] != "missing" or part != details["loc"][-1]:
                continue
        keys.append(part)
    if details["type"] in ("union_tag_invalid", "union_tag_not_found"):
        keys.append("kind")
    return (*keys, *details.get("ctx", {}).get("at", ()))


def _what(details: ErrorDetails, keys: Keys) -> str:
    kind, context, found = details["type"], details.get("ctx", {}), details["input"]
    if kind == "extra_forbidden":
        known = _known(details["loc"][:-1])
        new = next((name for name in RENAMED.get(str(keys[-1]), ()) if name in known), None)
        if new is not None:
            return f"'{keys[-1]}' was renamed: write {new}."
        return f"unknown key '{keys[-1]}'.{nearest(str(keys[-1]), known)}"
    if kind == "missing":
        return "this value is missing; add it."
    if kind == "union_tag_not_found":
        return "this value is missing; add it (cell, order, bound, trace, trend, arithmetic or judgement)."
    if kind == "union_tag_invalid":
        tags = [tag.strip("' ") for tag in context["expected_tags"].split(",")]
        return f"there is no kind '{context['tag']}'.{nearest(context['tag'], tags)}"
    if kind == "misfit":
        return _sentence(details["msg"])
    if kind == "value_error":
        return _sentence(str(context["error"]))
    wanted = re.sub("^Input should be", "must be", details["msg"])
    return f"{wanted}, not {_shown(found)}." if wanted.startswith("must") else _sentence(wanted)


def _known(loc: Keys) -> list[str]:
    """The keys that the model at `loc` has, by the names that the file uses."""
    kind: Any = Paper
    for part in loc:
        kind = _step(kind, part)
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return []
    return [field.alias or name for name, field in kind.model_fields.items()]


def _step(kind: Any, part: str | int) -> Any:
    """The type one step further in: a field of a model, an element, or the member of a union with the tag `part`."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {field.alias or name: field for name, field in kind.model_fields.items()}
        return fields[str(part)].annotation
    if get_origin(kind) in (list, dict):
        return get_args(kind)[-1]
    members = [member for member in get_args(kind) if "kind" in getattr(member, "model_fields", {})]
    return next((member for member in members if part in get_args(member.model_fields["kind"].annotation)), None)


def _shown(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _sentence(text: str) -> str:
    text = " ".join(text.split())
    return text if text.endswith((".", "?", "!")) else f"{text}."
