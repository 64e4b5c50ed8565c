"""What can still be read of a paper.toml with faulty parts, so that all its mistakes are reported at once."""

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from bench.paper.base import Keys
from bench.paper.names import SCALES

STAND_INS: dict[str, dict[str, Any]] = {
    "claims": {"kind": "judgement", "section": "", "statement": "", "why": ""},
    "ledger": {"class": "stated", "section": "", "statement": "", "decision": ""},
    "scales": {"summary": "", "cost": ""},
    "variants": {"summary": "", "settings": {}},
}
"""What takes the place of a part that cannot be read: names nothing, and keeps the part's own name known."""
BIBLIOGRAPHY = {"title": "", "authors": [], "year": 0, "summary": ""}


def readable(values: dict[str, Any], faults: Iterable[tuple[Keys, str]]) -> tuple[dict[str, Any], set[str]]:
    """The file's values with a stand-in for each faulty part, and the names of the tables that were left out.

    `faults` are places and types of pydantic's errors. An unknown key is left out by itself; so is a missing text,
    which becomes empty.
    """
    values, unread = deepcopy(values), set()
    for at, kind in faults:
        if kind == "extra_forbidden" and _drop(values, at):
            continue
        if kind == "missing" and at[0] == "scales" and len(at) == 3 and isinstance(values["scales"][at[1]], dict):
            values["scales"][at[1]][at[2]] = ""
        elif at[0] in STAND_INS and len(at) > 1:
            _replace(values[str(at[0])], at[1], STAND_INS[str(at[0])])
        elif at[0] == "tables" and len(at) > 1:
            unread.add(str(at[1]))
            values["tables"].pop(at[1], None)
        elif at[0] == "paper":
            values["paper"] = BIBLIOGRAPHY
        elif at[0] == "scales":
            values["scales"] = dict.fromkeys(SCALES, STAND_INS["scales"])
        else:
            values.pop(str(at[0]), None)
    return values, unread


def _drop(values: Any, at: Keys) -> bool:
    """Whether there was such a key to leave out."""
    try:
        for part in at[:-1]:
            values = values[part]
        del values[at[-1]]
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _replace(parts: Any, key: str | int, stand_in: dict[str, Any]) -> None:
    own = parts[key].get("id") if isinstance(parts[key], dict) else None
    named = {"id": own if isinstance(own, str) else f"{key}"} if isinstance(key, int) else {}
    parts[key] = stand_in | named
