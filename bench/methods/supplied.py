"""Settings that name what the user brings: files of weights, folders of pictures. A path is only a place.

So keys and records hold a SHA-256 where a run has a path; a run's folder remembers the paths beside it.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from bench.methods.base import FromUser, Settings
from bench.methods.catalog import Entry
from bench.methods.settings import build, overrides
from bench.util.errors import UserError
from bench.util.files import sha256, sha256_of_file


class Values(NamedTuple):
    """A method's settings, JSON-able."""

    settings: dict[str, Any]
    """All of them; of what was supplied the SHA-256."""
    places: dict[str, str]
    """Where that lies: absolute paths by setting."""

    @property
    def placed(self) -> dict[str, Any]:
        """What the method is built from."""
        return self.settings | self.places


def supplied(settings_class: type[Settings]) -> frozenset[str]:
    """The names of the settings that are `Supplied`."""
    fields = settings_class.model_fields.items()
    return frozenset(name for name, field in fields if any(isinstance(one, FromUser) for one in field.metadata))


def values_of(settings: Settings, who: str) -> Values:
    """Raises UserError where something that was supplied is not there."""
    found = settings.model_dump(mode="json")
    places = {name: str(Path(found[name]).expanduser().absolute()) for name in supplied(type(settings)) if found[name]}
    return Values(found | {name: _digest(f"{who}: {name}", path) for name, path in places.items()}, places)


def hosted_by(host: Entry | None, scale: str, key: str) -> dict[str, Any]:
    """What the paper `host` gives another method, at a scale, that runs under its protocol."""
    about = host.description() if host is not None and host.key != key else None
    part = about.scales.get(scale) if about else None
    return part.rivals.get(key, {}) if part else {}


def chosen(
    entry: Entry, scale: str, variant: str, changes: Mapping[str, Any], hosted: Mapping[str, Any] = MappingProxyType({})
) -> Values:
    """A method's settings at a scale, in a variant, with what `--set` changes. Raises UserError for a wrong name."""
    values = {**overrides(entry.description(), scale, variant, hosted), **changes}
    return values_of(build(entry.load().settings_class, values, entry.key), entry.key)


def _digest(what: str, path: str) -> str:
    try:
        stat = Path(path).stat()
        return _known_digest(path, stat.st_size, stat.st_mtime_ns)
    except OSError as error:
        raise UserError(f"{what} = {path!r} cannot be read: {error.strerror}. Give the path of a file.") from error


@lru_cache(maxsize=64)
def _known_digest(path: str, size: int, changed: int) -> str:
    """Of a folder that of the names and sizes of all files in it: its pictures may be a million."""
    place = Path(path)
    if not place.is_dir():
        return sha256_of_file(place)
    files = sorted(one for one in place.rglob("*") if one.is_file())
    return sha256("\n".join(f"{one.relative_to(place)} {one.stat().st_size}" for one in files).encode())
