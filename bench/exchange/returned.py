"""What came back from another tool: which file belongs to which image, and whether its pixels can be taken."""

import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.data.decode import decode, is_deep
from bench.data.listing import contents, pictures_in
from bench.exchange.layout import Manifest, Picture, mask_set_folder
from bench.util.errors import UserError
from bench.util.files import read_regular, sha256
from bench.util.pictures import open_picture
from bench.util.progress import OnProgress

ENDINGS = re.compile(r"_(mask\d*|inpainted|inpaint|result|output|out|pred|fake)$")
"""What tools append to the name: LaMa writes the mask's name, others a word of their own."""
CHUNK = 256
LOSSY = ("JPEG", "WEBP")


class Returned(NamedTuple):
    """The file of one image, as it was before scoring began."""

    picture: Picture
    path: Path
    sha256: str
    form: str
    """`PNG`, or what is special: `JPEG`, `gray PNG`, `16-bit PNG`."""


@dataclass(frozen=True)
class ReturnedSet:
    """What came back for one mask set."""

    mask_set: str
    files: list[Returned]
    """In the order of the manifest."""
    missing: list[str]
    """Names of pictures without a file."""
    extra: list[str]
    """Files that belong to no picture."""


def collect(manifest: Manifest, mask_set: str, folder: Path, only_mask_set: bool, report: OnProgress) -> ReturnedSet:
    """Find, open and hash the files of one mask set. Raises UserError for a file that cannot be taken."""
    place = _place(folder, mask_set, only_mask_set)
    found, extra = _match(manifest.pictures, place)
    pictures = [picture for picture in manifest.pictures if picture.name in found]
    missing = [picture.name for picture in manifest.pictures if picture.name not in found]
    facts: list[tuple[str, str, tuple[int, int]]] = []
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for chunk in _chunks(pictures):
            facts += pool.map(_examine, [found[picture.name] for picture in chunk])
            report(f"checking {mask_set}", len(facts), len(pictures))
    side = manifest.protocol.resolution
    files = [
        Returned(one, found[one.name], digest, form) for one, (digest, form, _) in zip(pictures, facts, strict=True)
    ]
    _check_sizes(files, [size for _, _, size in facts], side)
    return ReturnedSet(mask_set, files, missing, extra)


def check_complete(batch: ReturnedSet, total: int, partial: bool) -> None:
    """Raise UserError where pictures are missing, unless `partial` allows it and at least one is there."""
    if not batch.missing or (partial and batch.files):
        return
    first = batch.missing[0]
    unknown = f", while {len(batch.extra)} files match none (the first: {batch.extra[0]})" if batch.extra else ""
    mend = "Finish the folder" + (
        ", or score what is there with --partial" if batch.files else " or leave the mask set out"
    )
    raise UserError(
        f"Mask set {batch.mask_set}: {len(batch.missing)} of {total} pictures are missing,"
        f" the first {first}.png{unknown}. {mend}."
    )


def read_returned(file: Returned) -> NDArray[np.uint8]:
    """The pixels, uint8 (H,W,3). Raises UserError for a damaged file."""
    return decode(file.path)


def _place(folder: Path, mask_set: str, only_mask_set: bool) -> Path:
    if not folder.is_dir():
        raise UserError(f"--predictions {folder}: there is no such folder.")
    own = mask_set_folder(folder, mask_set)
    if own.is_dir():
        return own
    if only_mask_set:
        return folder
    raise UserError(
        f"{folder} has no folder {own.name}/ for the mask set {mask_set}; found: {contents(folder)}."
        f" Put its pictures there, or select the mask sets that are there with --masks."
    )


def _match(pictures: Sequence[Picture], place: Path) -> tuple[dict[str, Path], list[str]]:
    """Name → file, and the files that belong to none. Raises UserError where two files claim one picture."""
    known = {picture.name for picture in pictures}
    found: dict[str, Path] = {}
    extra = []
    for path in pictures_in(place):
        name = next((name for name in _names(path) if name in known), None)
        if name is None:
            extra.append(path.relative_to(place).as_posix())
        elif name in found:
            raise UserError(f"{found[name]} and {path} are both the picture {name}. Keep one of them.")
        else:
            found[name] = path
    return found, extra


def _names(path: Path) -> Iterator[str]:
    """The picture names that a file may stand for, the likeliest first."""
    yield path.stem
    yield ENDINGS.sub("", path.stem)
    yield path.name  # the tool took an id's own `.jpg` for the ending


def _examine(path: Path) -> tuple[str, str, tuple[int, int]]:
    """SHA-256, form, and height and width; nothing is decoded yet."""
    try:
        content = read_regular(path)
        with open_picture(content) as image:
            form, size = _form(path, image, content), (image.height, image.width)
    except UserError:
        raise
    except OSError as error:
        reason = error.strerror if error.errno is not None else f"damaged, or not a picture ({error})"
        raise UserError(f"{path} cannot be read: {reason}. Recreate it.") from error
    except Exception as error:  # A damaged file can make a decoder raise nearly anything.
        raise UserError(f"{path} cannot be read: damaged, or not a picture ({error}). Recreate it.") from error
    return sha256(content), form, size


def _form(path: Path, image: Image.Image, content: bytes) -> str:
    """What kind of picture it is. Raises UserError for one whose colours are not certain."""
    kind = str(image.format)
    if (frames := getattr(image, "n_frames", 1)) > 1:
        raise UserError(f"{path} is an animation of {frames} frames. Save the right one as PNG.")
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV", "F"):
        raise UserError(f"{path} has the colour mode {image.mode}, which has no unique RGB. Save it as RGB PNG.")
    if image.has_transparency_data:
        if np.asarray(image.convert("RGBA"))[..., 3].min() < 255:
            raise UserError(f"{path} has transparent pixels, which have no colour. Save it as RGB PNG.")
        kind = f"{kind} with alpha"
    if is_deep(image, content):
        return f"16-bit {kind}"
    return f"gray {kind}" if image.mode in ("1", "L", "LA") or image.mode.startswith("I") else kind


def _check_sizes(files: Sequence[Returned], sizes: Sequence[tuple[int, int]], side: int) -> None:
    wrong = [(file, size) for file, size in zip(files, sizes, strict=True) if size != (side, side)]
    if not wrong:
        return
    file, (height, width) = wrong[0]
    if len(wrong) == len(files) and len(set(sizes)) == 1:
        raise UserError(
            f"All {len(files)} pictures are {height}x{width}, the holes are {side}x{side} (the first: {file.path})."
            f" Run the tool at {side}x{side}, or export at another --resolution; nothing is resized here."
        )
    raise UserError(
        f"{file.path} is {height}x{width}, its hole is {side}x{side}; {len(wrong)} of {len(files)} pictures have"
        " another size. Give each the size it was exported with; nothing is resized here."
    )


def _chunks(pictures: Sequence[Picture]) -> Iterator[Sequence[Picture]]:
    for start in range(0, len(pictures), CHUNK):
        yield pictures[start : start + CHUNK]
