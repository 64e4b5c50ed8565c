"""Which protocol an export follows: that of a scale, so that rows meet others', or one of the user's own."""

from collections.abc import Sequence

from bench.data.protocol import Protocol, ProtocolOverrides, protocols
from bench.exchange.layout import CUSTOM
from bench.masks.names import check_mask_sets
from bench.masks.sets import mask_set
from bench.methods.catalog import Catalog
from bench.util.errors import UserError

RESOLUTION = 256
ALL = 10**9
ONE_ASIDE = (1, 10**6, 0)
"""Everything is test but one image, because a data set here always has a training side."""


def export_protocol(
    catalog: Catalog,
    data: str,
    scale: str | None,
    paper: str | None,
    mask_sets: Sequence[str],
    resolution: int | None,
    images: int | None,
) -> tuple[str, Protocol]:
    """Scale and protocol. Raises UserError for a scale or paper beside a resolution or a number of images."""
    if resolution is None and images is None:
        scale = scale or "quick"
        part = catalog[paper].paper().scales.get(scale) if paper else None
        protocol = protocols(scale, part.protocol if part else ProtocolOverrides(), data)[0]
    elif scale is not None or paper is not None:
        raise UserError("--resolution and --images define a protocol of your own; leave out --scale and --paper.")
    else:
        scale = CUSTOM
        protocol = Protocol(
            data=data, resolution=resolution or RESOLUTION, images=ALL, split=ONE_ASIDE, test_images=images or ALL,
            mask_sets=("center", "random", "irregular"),
        )  # fmt: skip
    if mask_sets:
        chosen = tuple(dict.fromkeys(mask_sets))
        for spec in check_mask_sets(chosen):
            mask_set(spec)
        protocol = protocol.model_copy(update={"mask_sets": chosen})
    return scale, protocol
