"""`photos`: crops of the real photographs inside the scikit-image package. Nothing is downloaded.

The files are read from the installed package by path, since `skimage.data` may reach for the network.
"""

from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.data.decode import Picture, decode, resize
from bench.data.listing import Item, Listing, Sides
from bench.data.protocol import Protocol
from bench.data.split import evenly, in_hash_order
from bench.util.errors import UserError

VERSION = 1
"""Raised when a crop or the split changes."""
FACTORS = (1, 2, 4)
"""Each photograph is shrunk until its short side is R, 2R and 4R, where it is that large."""
FLAT_STD = 6.0
"""A tile is nearly constant below this standard deviation, in grey levels, of its brightest-varying channel."""
BLACK, BLACK_SHARE = 16, 0.002
"""A tile reaches into a black frame when more than this share of its pixels is darker than this."""


class Photo(NamedTuple):
    file: str
    group: str
    licence: str
    black_frame: bool = False

    @property
    def stem(self) -> str:
        return Path(self.file).stem


PUBLIC, CC0 = "public domain", "CC0 1.0"
MIDDLEBURY = "Middlebury 2014 stereo data, Scharstein et al., GCPR 2014; scikit-image names no licence"
TEST = (
    Photo("astronaut.png", "astronaut", f"NASA, portrait of Eileen Collins; {PUBLIC}"),
    Photo("coffee.png", "coffee", f"Rachel Michetti, courtesy of Pikolo Espresso Bar; {CC0}"),
    Photo("motorcycle_left.png", "motorcycle", MIDDLEBURY),
    Photo("motorcycle_right.png", "motorcycle", MIDDLEBURY),
)
TRAIN = (
    Photo("chelsea.png", "chelsea", f"Stefan van der Walt; {CC0}"),
    Photo("hubble_deep_field.jpg", "hubble_deep_field", f"NASA, Hubble eXtreme Deep Field; {PUBLIC}"),
    Photo("ihc.png", "ihc", "Center for Microscopy and Molecular Imaging; no known copyright restrictions"),
    Photo("retina.jpg", "retina", f"Mikael Häggström, WikiJournal of Medicine 1(2), 2014; {CC0}", black_frame=True),
    Photo("rocket.jpg", "rocket", f"SpaceX, launch of DSCOVR; {PUBLIC}"),
)
WHY = (
    "the three held-out scenes are the everyday ones (a person, a still life, a workshop), as papers show them;"
    " the stereo pair is one scene and so one group; microscopy, sky and fundus only train"
)


def listing(protocol: Protocol) -> Listing:
    files = {photo: _folder() / photo.file for photo in TRAIN + TEST}
    for file in files.values():
        if not file.is_file():
            raise UserError(f"{file} is missing, though scikit-image ships it. Reinstall scikit-image.")
    sizes = [[photo.file, file.stat().st_size] for photo, file in files.items()]
    return Listing(
        asked={
            "version": VERSION,
            "test_images": protocol.test_images,
            "train_images": protocol.train_images,
            "files": sizes,
        },
        about={
            "split": f"fixed, by photograph; test: {', '.join(sorted({photo.group for photo in TEST}))}",
            "crop": "short side R, 2R, 4R by Pillow's bilinear filter with antialiasing, never enlarged; tiles side by"
            " side to test, at half their side to train; nearly constant tiles and the retina's black frame left out",
            "licences": [f"{photo.stem}: {photo.licence}" for photo in files],
            "notes": [f"photos version {VERSION}", "the protocol's images and split do not apply", WHY],
            "set_aside": 0,
        },
        sides=partial(_sides, protocol, files),
    )


def tiles(photo: Photo, picture: Picture, side: int, step: int) -> dict[str, Picture]:
    """Id -> tile uint8 (side, side, 3), on a centred grid of `step` pixels at each size of the pyramid."""
    height, width = picture.shape[:2]
    short = min(height, width)
    found = {}
    for factor in FACTORS:
        if factor * side > short:
            break
        scaled = resize(picture, *(max(factor * side, length * factor * side // short) for length in (height, width)))
        for row, top in enumerate(_starts(scaled.shape[0], side, step)):
            for column, left in enumerate(_starts(scaled.shape[1], side, step)):
                tile = scaled[top : top + side, left : left + side]
                found[f"{photo.stem}/{factor}x-r{row}-c{column}"] = tile
    return found


def fault(photo: Photo, tile: Picture) -> str | None:
    """Why a tile is left out, or None."""
    if tile.reshape(-1, 3).std(axis=0).max() < FLAT_STD:
        return "nearly constant"
    if photo.black_frame and (tile.max(axis=2) < BLACK).mean() > BLACK_SHARE:
        return "black frame"
    return None


def _sides(protocol: Protocol, files: dict[Photo, Path]) -> Sides:
    side, skipped = protocol.resolution, list[tuple[str, str]]()
    train, test = ({}, {})  # type: dict[str, Item], dict[str, Item]
    for photos, step, items in ((TRAIN, max(1, side // 2), train), (TEST, side, test)):
        for photo in photos:
            for name, tile in tiles(photo, decode(files[photo]), side, step).items():
                reason = fault(photo, tile)
                if reason is None:
                    items[name] = Item(name, photo.group, partial(np.array, tile))
                else:
                    skipped.append((name, reason))
    groups: dict[str, list[str]] = {}
    for name in in_hash_order("photos", test):
        groups.setdefault(test[name].group, []).append(name)
    if not train or not test:
        raise UserError(
            f"photos has no picture of {side}x{side} pixels to train or to test. Use a resolution of at most 500."
        )
    chosen = [test[name] for name in evenly(groups, protocol.test_images)]
    learnt = in_hash_order("photos", train)[: protocol.train_images]
    return Sides([train[name] for name in learnt], chosen, skipped)


def _starts(length: int, side: int, step: int) -> range:
    """Where tiles begin along one side of the picture; what is left over is shared by both ends."""
    first = (length - side) % step // 2
    return range(first, length - side + 1, step)


def _folder() -> Path:
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise UserError("Data set 'photos' reads the pictures of scikit-image. Install it: pip install scikit-image.")
    return Path(spec.origin).parent / "data"
