"""`load`: the pack where it is there, else made."""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.data import celeba, celeba_hq, faces, folder, imagenet, photos
from bench.data.check import ANEW, SIDES, checked
from bench.data.decode import Picture
from bench.data.listing import Item, Listing, Sides
from bench.data.names import BUILT_IN, place
from bench.data.pack import Data, Packed, Written, write
from bench.data.protocol import Protocol
from bench.util.errors import UserError
from bench.util.files import check_writable, locked, read_json, sha256, sweep, write_json
from bench.util.text import shown

FORMAT = 1
"""Raised when the layout of a pack, or a rule that decides its pixels, changes."""
SPACE = "INPAINT_BENCH_CACHE"
"""By what the user chooses another folder for the packs."""

Progress = Callable[[int, int, str], None]

LISTINGS: dict[str, Callable[[Protocol, Path], Listing]] = {
    "folder": folder.listing,
    "imagenet": imagenet.listing,
    "celeba": celeba.listing,
    "celeba-108": partial(celeba.listing, crop=celeba.DCGAN_CROP),
    "celeba-hq": celeba_hq.listing,
}


def load(protocol: Protocol, cache: Path, on_progress: Progress | None = None) -> Data:
    """The protocol's data set, from `cache` or decoded into it.

    A pack is `<name>-<R>-<key>/` with train.npy, test.npy, images.json (ids and groups) and manifest.json, which is
    written last: without it the pack is made again; its hashes of the pixels are checked (bench/data/check.py). The key
    hashes all that was asked for, files with size and time. `on_progress` hears (images done, of, what). Of several
    processes that want the same pack one makes it, and the others wait. Raises UserError for what the user can mend.
    """
    listing, home = _home(protocol, cache)
    report = on_progress or (lambda done, total, what: None)
    if (data := read_pack(home)) is not None:
        return data
    what = f"packing {protocol.data_name} at {protocol.resolution}x{protocol.resolution}"
    with locked(home, lambda _: report(0, 1, f"another process is {what}"), option=SPACE):
        if (data := read_pack(home)) is None:
            _make(home, protocol, listing, partial(_told, report, what))
            data = read_pack(home)
    if data is None:
        raise UserError(f"{home} changed while it was being read. Rerun the command.")
    return data


def packed(protocol: Protocol, cache: Path) -> Data | None:
    """The protocol's data set as packed in `cache`, or None where it would have to be packed first."""
    return read_pack(_home(protocol, cache)[1])


def to_pack(protocol: Protocol, cache: Path) -> list[Item]:
    """The images that packing the protocol's data set would draw."""
    sides = _home(protocol, cache)[0].sides()
    return [*sides.train, *sides.test]


def _home(protocol: Protocol, cache: Path) -> tuple[Listing, Path]:
    """What the data set is made of, and where its pack lies or will lie."""
    name, path = place(protocol.data)
    listing = _listing(name, path, protocol)
    asked = json.dumps([FORMAT, name, protocol.resolution, listing.asked], sort_keys=True)
    return listing, cache / f"{name}-{protocol.resolution}-{sha256(asked.encode())[:12]}"


def _listing(name: str, path: Path | None, protocol: Protocol) -> Listing:
    if path is None:
        return {"faces": faces.listing, "photos": photos.listing}[name](protocol)
    return LISTINGS[name](protocol, path)


def read_pack(home: Path) -> Data | None:
    """The pack in `home`, or None where it is not complete. Raises UserError where it is not what was packed."""
    if not all((home / name).exists() for name in ("manifest.json", "images.json")):
        return None
    manifest, images = read_json(home / "manifest.json"), read_json(home / "images.json")
    try:
        pixels = {side: np.load(home / f"{side}.npy", mmap_mode="r", allow_pickle=False) for side in SIDES}
    except Exception:  # whatever a damaged header makes NumPy raise
        return None
    try:
        sides = {side: Packed(images[side]["ids"], images[side]["groups"], pixels[side]) for side in SIDES}
        if any(len(one.pixels) != len(one.ids) for one in sides.values()):
            return None
        return checked(home, Data.of(manifest, **sides))
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{home} is no pack of images. {ANEW}") from error


def _told(report: Progress, what: str, done: int, total: int) -> None:
    report(done, total, what)


def _make(home: Path, protocol: Protocol, listing: Listing, report: Callable[[int, int], None]) -> None:
    name, resolution, sides = protocol.data_name, protocol.resolution, listing.sides()
    total = len(sides.train) + len(sides.test)
    check_writable(home, total * 3 * resolution * resolution, SPACE)
    sweep(home)
    report(0, total)
    kept = _drawn_before(home, name, resolution, listing) if listing.drawn else {}

    def packed(side: str, items: Sequence[Item], before: int) -> Written:
        apart = {item.id for item in items if listing.drawn and item.id not in kept}
        items = [item._replace(draw=kept.get(item.id, item.draw)) for item in items] if kept else items
        return write(home / f"{side}.npy", items, resolution, lambda done: report(before + done, total), apart)

    parts = {"train": packed("train", sides.train, 0), "test": packed("test", sides.test, len(sides.train))}
    write_json(home / "images.json", {side: {"ids": w.ids, "groups": w.groups} for side, w in parts.items()})
    write_json(home / "manifest.json", _manifest(name, resolution, listing, sides, parts))


def _drawn_before(home: Path, name: str, resolution: int, listing: Listing) -> dict[str, Callable[[], Picture]]:
    """The pictures of a drawn data set that other packs beside `home` hold already, by id."""
    kept: dict[str, Callable[[], Picture]] = {}
    for other in sorted(home.parent.glob(f"{name}-{resolution}-*")):
        try:
            data = read_pack(other)
        except UserError:
            continue
        if data is not None and data.manifest.get("notes") == listing.about["notes"]:
            for side in (data.train, data.test):
                kept |= {image: partial(_picture, side, place) for place, image in enumerate(side.ids)}
    return kept


def _picture(side: Packed, place: int) -> Picture:
    picture: Picture = side.pixels[place].transpose(1, 2, 0)
    return picture


def _manifest(name: str, resolution: int, listing: Listing, sides: Sides, parts: dict[str, Written]) -> dict[str, Any]:
    about = dict(listing.about)
    aside = about.pop("set_aside", 0)
    train, test = parts["train"], parts["test"]
    seen = set(train.digests)
    skipped = [*sides.skipped, *train.skipped, *test.skipped]
    doubled = [pair for written in (train, test) for pair in _doubled(written)]
    if doubled:
        about["doubled"] = {"count": len(doubled), "first": doubled[0][0], "of": doubled[0][1]}
    return {
        "name": name,
        "resolution": resolution,
        **about,
        "counts": {side: len(written.ids) for side, written in parts.items()} | {"set_aside": aside},
        "groups": {side: len(set(written.groups)) for side, written in parts.items()},
        "sha256": {side: written.sha256 for side, written in parts.items()},
        "mean_colour": list(train.mean),
        "skipped": [{"name": shown(item), "reason": reason} for item, reason in skipped],
        "repeated": [item for item, digest in zip(test.ids, test.digests, strict=True) if digest in seen],
    }


def _doubled(written: Written) -> list[tuple[str, str]]:
    """The images of one side whose very pixels an earlier one has, with that one."""
    first: dict[str, str] = {}
    pairs = [(name, first.setdefault(digest, name)) for name, digest in zip(written.ids, written.digests, strict=True)]
    return [(name, other) for name, other in pairs if name != other]


def told(data: Data) -> list[str]:
    """What was found amiss with the files of a data set: one line for each kind, with its count and an example."""
    manifest, lines = data.manifest, []
    skipped, repeated = manifest["skipped"], manifest["repeated"]
    if skipped and data.name not in BUILT_IN:  # those leave out by rule
        first, total = skipped[0], len(skipped) + len(data.train) + len(data.test)
        reason = f"the first {first['name']}: {first['reason']}"
        lines.append(f"{len(skipped)} of {total} pictures cannot be used and were left out, {reason}.")
    if found := manifest.get("outside"):
        lines.append(
            f"{found['count']} pictures lie outside the data folder, behind links, the first {found['first']}."
        )
    if found := manifest.get("doubled"):
        lines.append(
            f"{found['count']} pictures are there twice, pixel for pixel, the first {found['first']} as {found['of']}."
        )
    if repeated:
        lines.append(f"{len(repeated)} test pictures are also in train, pixel for pixel, the first {repeated[0]}.")
    return lines
