"""`load`: the pack where it is there, else made."""

import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench.data import celeba, celeba_hq, faces, folder, imagenet, photos
from bench.data.check import ANEW, SIDES, checked
from bench.data.listing import Listing, Sides
from bench.data.names import BUILT_IN, place
from bench.data.pack import Data, Packed, Written, write
from bench.data.protocol import Protocol
from bench.util.errors import UserError
from bench.util.files import check_writable, read_json, sha256, write_json
from bench.util.text import shown

FORMAT = 1
"""Raised when the layout of a pack, or a rule that decides its pixels, changes."""
ABANDONED_SECONDS = 3600.0

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
    hashes all that was asked for, files with size and time. `on_progress` hears (images done, of, what). Raises
    UserError for what the user can mend.
    """
    listing, home = _home(protocol, cache)
    data = read_pack(home)
    if data is None:
        name = protocol.data_name
        _make(home, name, protocol.resolution, listing, on_progress or (lambda done, total, what: None))
        data = read_pack(home)
    if data is None:
        raise UserError(f"{home} changed while it was being read. Rerun the command.")
    return data


def packed(protocol: Protocol, cache: Path) -> Data | None:
    """The protocol's data set as packed in `cache`, or None where it would have to be packed first."""
    return read_pack(_home(protocol, cache)[1])


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


def _make(home: Path, name: str, resolution: int, listing: Listing, on_progress: Progress) -> None:
    sides = listing.sides()
    total = len(sides.train) + len(sides.test)
    check_writable(home, total * 3 * resolution * resolution, "INPAINT_BENCH_CACHE")
    _sweep(home)
    what = f"packing {name} at {resolution}x{resolution}"
    on_progress(0, total, what)
    train = write(home / "train.npy", sides.train, resolution, lambda done: on_progress(done, total, what))
    before = len(sides.train)
    test = write(home / "test.npy", sides.test, resolution, lambda done: on_progress(before + done, total, what))
    parts = {"train": train, "test": test}
    write_json(home / "images.json", {side: {"ids": w.ids, "groups": w.groups} for side, w in parts.items()})
    write_json(home / "manifest.json", _manifest(name, resolution, listing, sides, parts))


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


def _sweep(home: Path) -> None:
    """Remove what killed packers left. A file that still grows belongs to another process, and stays."""
    for leftover in home.glob(".*.tmp"):
        try:
            if time.time() - leftover.stat().st_mtime > ABANDONED_SECONDS:
                leftover.unlink()
        except FileNotFoundError:
            continue
