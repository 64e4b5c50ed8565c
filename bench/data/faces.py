"""`faces`: drawn portraits. Face n is a function of n and VERSION, at any resolution."""

from functools import partial

from bench.data.decode import Picture
from bench.data.listing import Item, Listing, Sides
from bench.data.portrait_paint import draw
from bench.data.portrait_traits import traits
from bench.data.protocol import Protocol
from bench.data.split import by_hash
from bench.util.seeds import Chance

VERSION = 1
"""Raised when a stroke changes: scores on another version are not comparable."""
COUNT = 30_000
"""How many portraits the data set has, as many as CelebA-HQ; `Protocol.images` takes the first of them."""


def face(index: int, side: int) -> Picture:
    """Portrait number `index` as uint8 (side, side, 3)."""
    return draw(traits(Chance("faces", VERSION, index)), side)


def listing(protocol: Protocol) -> Listing:
    count = min(protocol.images, COUNT)
    split = by_hash((f"face-{index:06d}" for index in range(count)), protocol)

    def items(ids: list[str]) -> list[Item]:
        return [Item(name, name, partial(face, int(name[5:]), protocol.resolution)) for name in ids]

    return Listing(
        asked={
            "version": VERSION,
            "images": count,
            "split": protocol.split,
            "test_images": protocol.test_images,
            "train_images": protocol.train_images,
        },
        about={
            "split": f"portraits 0 to {count - 1} in hash order, {':'.join(map(str, protocol.split))}"
            " train:test:validation",
            "crop": "none: drawn at this size",
            "licences": ["drawn by inpaint-bench itself, Apache-2.0"],
            "notes": [f"faces version {VERSION}"],
            "set_aside": split.aside,
        },
        sides=lambda: Sides(items(split.train), items(split.test)),
        drawn=True,
    )
