"""Whether a reported number and a measured one were made alike, by what both declare."""

import re
from typing import NamedTuple

from bench.masks.names import DRAWN
from bench.metrics.definitions import MetricDefinition
from bench.paper import ReportedProtocol
from bench.protocol import Protocol

_OPEN = re.compile(r"\bnot (said|given|stated|listed|known)\b")
"""A text with these words leaves open what it is about, so nothing can match it."""

_FILES = re.compile(r"\b(nvidia|liu)\b")
"""Holes that come as files, for which none that we draw stand in."""


class Difference(NamedTuple):
    """One declared field in which a measurement and a reported number differ."""

    field: str
    here: str
    paper: str

    @property
    def open(self) -> bool:
        """True where the paper does not say."""
        return _OPEN.search(self.paper) is not None


def differences(
    printed: ReportedProtocol,
    stated: str,
    protocol: Protocol,
    scale: str,
    images: int,
    mask_set: str,
    definition: MetricDefinition,
) -> list[Difference]:
    """What keeps a reported cell and a measurement of `images` images apart; empty where every declared field matches.

    `definition` is what the paper says of the metric: that it means `definition` is for paper.toml to declare.
    """
    holes = printed.holes.lower().replace("centre", "center")
    size = f"{protocol.resolution} px"
    checks = [
        (scale == "paper", "scale", scale, "paper"),
        (_has_word(printed.data.lower(), protocol.data_name), "data", protocol.data_name, printed.data),
        (images in _integers(printed.images), "images", str(images), printed.images),
        (protocol.resolution in _integers(printed.resolution), "size", size, printed.resolution),
        (
            _has_word(holes, mask_set) and not (mask_set in DRAWN and _FILES.search(holes)),
            "holes",
            mask_set,
            printed.holes,
        ),
        (printed.scored == definition.scored, "scored pixels", definition.scored, printed.scored),
        (bool(stated), f"definition of {definition.title}", definition.id, stated),
    ]
    found = [(same, Difference(field, here, paper)) for same, field, here, paper in checks]
    return [difference for same, difference in found if difference.open or not same]


def in_words(found: list[Difference]) -> str:
    """One sentence that names the differences."""
    other = [f"{one.field} ({one.here}; paper: {one.paper})" for one in found if not one.open and one.field != "scale"]
    other = [f"scale ({one.here})" for one in found if one.field == "scale"] + other
    left_open = [one.field for one in found if one.open]
    parts = [f"different are {', '.join(other)}"] if other else []
    parts += [f"the paper leaves open: {', '.join(left_open)}"] if left_open else []
    return f"Not measured alike: {'; '.join(parts)}."


def _has_word(text: str, name: str) -> bool:
    """Whether `text` has `name` as a word of its own: `celeba` is not `celeba-hq`."""
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def _integers(text: str) -> list[int]:
    """The whole numbers in a text; `20 000` and `20,000` are one number each."""
    return [int(re.sub(r"\D", "", word)) for word in re.findall(r"\d{1,3}(?:[ ,\u202f\u00a0]\d{3})+|\d+", text)]
