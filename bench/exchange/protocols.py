"""Which protocol an export follows: that of a scale, so that rows meet others', or one of the user's own."""

from collections.abc import Sequence

from bench.masks.names import check_suites
from bench.masks.sets import suite
from bench.methods.catalog import Catalog
from bench.protocol import Protocol, ProtocolOverrides, protocols
from bench.util.errors import UserError

CUSTOM = "custom"
"""The scale of an export whose resolution or number of images the user chose."""
RESOLUTION = 256
ALL = 10**9
ONE_ASIDE = (1, 10**6, 0)
"""Everything is test but one image, because a data set here always has a training side."""


def export_protocol(
    catalog: Catalog,
    data: str,
    scale: str | None,
    paper: str | None,
    suites: Sequence[str],
    resolution: int | None,
    images: int | None,
) -> tuple[str, Protocol]:
    """Scale and protocol. Raises UserError for a scale or paper beside a resolution or a number of images."""
    if resolution is None and images is None:
        scale = scale or "quick"
        part = catalog[paper].paper().scales.get(scale) if paper else None
        protocol = protocols(scale, part.protocol if part else ProtocolOverrides(), data)[0]
    elif scale is not None or paper is not None:
        raise UserError("--resolution and --images are for an export of your own; leave --scale and --paper out.")
    else:
        scale = CUSTOM
        protocol = Protocol(
            data=data, resolution=resolution or RESOLUTION, images=ALL, split=ONE_ASIDE, test_images=images or ALL,
            suites=("center", "random", "irregular"),
        )  # fmt: skip
    if suites:
        chosen = tuple(dict.fromkeys(suites))
        for spec in check_suites(chosen):
            suite(spec)
        protocol = protocol.model_copy(update={"suites": chosen})
    return scale, protocol
