"""Whether a reported number and a measured one were made alike, field by field: no sentence is read."""

from typing import NamedTuple

from bench.data.names import OFFICIAL_TEST
from bench.masks.center import Center
from bench.masks.random import RandomRectangle
from bench.masks.sets import MASK_SETS
from bench.metrics.definitions import MetricDefinition
from bench.paper import Column, ReportedProtocol
from bench.paper.protocols import (
    NOT_SAID,
    About,
    CenterHole,
    Masks,
    NamedMasks,
    NotSaid,
    RandomRectangles,
    Size,
    count,
    share_text,
    size_text,
)
from bench.runs.records import Record

ROUGHLY = 0.1
"""A number of images that a paper gives as approximate is met within this share of it."""
SAME_SHARE = 0.01
"""Two shares of missing pixels are the same within this much of the picture."""


class Difference(NamedTuple):
    """One declared field in which a measurement and a reported number differ, or which the paper leaves open."""

    field: str
    here: str
    paper: str

    @property
    def open(self) -> bool:
        """True where the paper does not say."""
        return self.paper == NOT_SAID


def differences(
    said: ReportedProtocol, column: Column, record: Record, images: int, mask_set: str, definition: MetricDefinition
) -> list[Difference]:
    """What keeps a reported cell and a measurement of `images` images apart; empty where every field matches.

    `definition` is the one measured; it matches where the paper's own words fix the same.
    """
    protocol, manifest = record.run.protocol, record.content.mask_sets[mask_set]
    size, share, paper = (manifest.height, manifest.width), manifest.mean_share, said.facts
    holes = same_holes(said.mask_set, mask_set, size)
    official = protocol.data_name in OFFICIAL_TEST
    checks: list[tuple[str, str, str, bool | None]] = [
        ("scale", record.run.scale, "paper", record.run.scale == "paper"),
        ("data", protocol.data_name, paper["data"], said.data == protocol.data_name),
        ("split", "official test" if official else "held out", paper["split"], _same_split(said.split, official)),
        ("images", count(images), paper["images"], _same_count(said.images, images)),
        ("size", size_text(size), paper["size"], said.resolution == size),
        ("holes", _holes_text(mask_set, size), paper["holes"], holes),
        ("scored pixels", definition.scored, paper["scored pixels"], said.scored == definition.scored),
        (f"definition of {definition.title}", definition.id, column.definition, column.definition == definition.id),
    ]
    if holes is not True or said.hole_share != NOT_SAID:  # the same holes have the same share
        here = "not kept" if share is None else share_text(round(share, 3))
        checks.insert(6, ("hole share", here, paper["hole share"], _same_share(said.hole_share, share)))
    named = [(Difference(field, here, NOT_SAID if same is None else text), same) for field, here, text, same in checks]
    return [difference for difference, same in named if difference.open or not same]


def in_words(found: list[Difference]) -> str:
    """One sentence that names the differences."""
    other = [f"{one.field} ({one.here}; paper: {one.paper})" for one in found if not one.open and one.field != "scale"]
    other = [f"scale ({one.here})" for one in found if one.field == "scale"] + other
    left_open = [one.field for one in found if one.open]
    parts = [f"they differ in {', '.join(other)}"] if other else []
    parts += [f"the paper leaves open: {', '.join(left_open)}"] if left_open else []
    return f"Not measured the same way: {'; '.join(parts)}."


def same_holes(said: Masks | NotSaid, mask_set: str, size: Size) -> bool | None:
    """Whether the holes that a paper describes are those of `mask_set` in pictures of this size; None where the paper
    does not say enough."""
    if said == NOT_SAID:
        return None
    family = MASK_SETS[mask_set].family if mask_set in MASK_SETS else None
    if isinstance(said, CenterHole):
        alike = isinstance(family, Center)
        open_, same = said.hole == NOT_SAID, isinstance(family, Center) and said.hole == family.size(*size)
    elif isinstance(said, RandomRectangles):
        alike = isinstance(family, RandomRectangle)
        open_, same = said.sides == NOT_SAID, isinstance(family, RandomRectangle) and said.sides == family.sides(*size)
    else:
        return isinstance(said, NamedMasks) and said.name == mask_set
    return None if alike and open_ else same


def _holes_text(mask_set: str, size: Size) -> str:
    family = MASK_SETS[mask_set].family if mask_set in MASK_SETS else None
    if isinstance(family, Center):
        return f"{mask_set}, {size_text(family.size(*size))}"
    if isinstance(family, RandomRectangle):
        least, most = family.sides(*size)
        return f"{mask_set}, sides of {least} to {most}"
    return mask_set


def _same_split(said: str, official: bool) -> bool:
    """An official test part is also held out, but not every held-out set is the official one."""
    return said == "held out" or (said == "official test" and official)


def _same_count(said: int | About | NotSaid, images: int) -> bool:
    if isinstance(said, About):
        return abs(images - said.about) <= ROUGHLY * said.about
    return said == images


def _same_share(said: float | tuple[float, float] | NotSaid, share: float | None) -> bool:
    if share is None or isinstance(said, str):
        return False
    least, most = said if isinstance(said, tuple) else (said - SAME_SHARE, said + SAME_SHARE)
    return least <= share <= most
