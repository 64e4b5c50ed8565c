"""From names to settings: scale, then variant, then `--set`."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from bench.util.errors import UserError, nearest

if TYPE_CHECKING:
    from bench.methods.base import Settings
    from bench.paper import Paper

DEFAULT = "default"


def parse_sets(pairs: Sequence[str]) -> dict[str, Any]:
    """`["width=8", "padding=zeros"]` as a dictionary; values are JSON where they can be, text otherwise."""
    changes = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key.strip():
            raise UserError(f"--set {pair}: write --set KEY=VALUE.")
        try:
            changes[key.strip()] = json.loads(text)
        except ValueError:
            changes[key.strip()] = text
    return changes


def changes_for(key: str, changes: Mapping[str, Any], own: bool) -> dict[str, Any]:
    """What of `--set` is for the method `key`: all with its name before a dot, and if `own` all without a name."""
    found = {}
    for name, value in changes.items():
        who, dot, setting = name.rpartition(".")
        if (dot and who == key) or (own and not dot):
            found[setting] = value
    return found


def overrides(
    paper: "Paper | None", scale: str, variant: str, hosted: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """What the paper.toml changes for this scale and variant. Without a paper.toml there is neither.

    `hosted` is what another paper gives the method that runs under its protocol: it goes over the scale's settings, and
    a variant over both.
    """
    if paper is None:
        if variant != DEFAULT:
            raise UserError(f"There is no variant '{variant}': a method without a paper.toml has none.")
        return dict(hosted)
    if scale not in paper.scales:
        raise UserError(f"There is no scale '{scale}'.{nearest(scale, list(paper.scales))}")
    changes = {**paper.scales[scale].settings, **hosted}
    if variant != DEFAULT:
        if variant not in paper.variants:
            raise UserError(f"There is no variant '{variant}'.{nearest(variant, [*paper.variants, DEFAULT])}")
        changes |= paper.variants[variant].settings
    return changes


def build(settings_class: "type[Settings]", values: Mapping[str, Any], who: str) -> "Settings":
    """Typed settings. Raises UserError that names the key, the value and the remedy."""
    for key in values:
        if key not in settings_class.model_fields:
            raise UserError(f"{who} has no setting '{key}'.{nearest(key, list(settings_class.model_fields))}")
    try:
        return settings_class(**values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "settings"
        raise UserError(f"{who}: setting {key} = {first['input']!r}: {first['msg']}.") from error


def variant_name(variant: str, sets: Mapping[str, Any]) -> str:
    """The variant, with what `--set` changed: a changed run never passes for the named one."""
    return ",".join([variant, *(f"{key}={json.dumps(value)}" for key, value in sorted(sets.items()))])
