"""Text from files: nothing in it may steer a terminal, or turn the direction in which the rest is read."""

import re
from typing import Any

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Control characters but tab and line feed, and marks of direction."""


def unseen(value: Any, at: tuple[str | int, ...] = ()) -> tuple[tuple[str | int, ...], str] | None:
    """The first such character in a JSON-like value, keys included, as `U+001B`, with the way to it; else None."""
    if isinstance(value, str):
        found = UNSEEN.search(value)
        return (at, f"U+{ord(found[0]):04X}") if found else None
    parts: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        parts = [(key, item) for name, content in value.items() for key, item in ((name, name), (name, content))]
    elif isinstance(value, list):
        parts = list(enumerate(value))
    for key, item in parts:
        if (place := unseen(item, (*at, shown(key) if isinstance(key, str) else key))) is not None:
            return place
    return None


def shown(text: str) -> str:
    """The text with such characters written as `\\x1b`."""
    return UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
