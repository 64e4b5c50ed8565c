"""Mask folders of others: NVIDIA's test masks, QD-IMD, any folder whose polarity is declared."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.masks.files import read_mask
from bench.masks.names import BIN_NAMES, BINS, CLEAR, LARGE, MaskPlace
from bench.util.errors import UserError
from bench.util.files import sha256, sha256_of_file
from bench.util.seeds import Chance

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff", ".webp"})
NVIDIA_FILES = 12_000
NVIDIA_SIDE, NVIDIA_BORDER = 512, 50
LOOKED_AT = 16
"""So many masks tell the polarity of a folder."""
STRETCH = 2
"""A mask whose sides relate otherwise than the picture's by more than this is no mask for it."""
LARGE_PERCENT = 80
"""Where half of the masks miss more than this, the polarity is likely the other one."""


@dataclass(frozen=True)
class Mask:
    """One mask file, and what is known of it before it is read."""

    path: Path
    white_is_hole: bool
    percent: tuple[int, int] | None = None
    """The least and the largest share that may be missing."""
    clear: bool = False
    """No hole within 50 of 512 pixels of the edge."""

    def read(self) -> NDArray[np.bool_]:
        """The hole at the file's own size, bool (H,W). Raises UserError where it is not what is known of it."""
        hole = read_mask(self.path, self.white_is_hole)
        if self.percent is not None:
            self._check_share(hole)
        if self.clear and hole.shape == (NVIDIA_SIDE, NVIDIA_SIDE):
            inner = hole[NVIDIA_BORDER:-NVIDIA_BORDER, NVIDIA_BORDER:-NVIDIA_BORDER]
            if np.count_nonzero(inner) != np.count_nonzero(hole):
                raise UserError(f"{self.path} has holes near its edge, where its number allows none. {_RENUMBERED}")
        return hole

    def _check_share(self, hole: NDArray[np.bool_]) -> None:
        assert self.percent is not None
        least, most = self.percent
        share = float(100 * hole.mean())
        # A tenth of a per cent is room for rounding: the masks were sorted by shares in floating point.
        if least - 0.1 <= share <= most + 0.1:
            return
        says = f"{self.path}: {share:.1f} % are missing, but its number stands for {least} to {most} %."
        if least - 0.1 <= 100 - share <= most + 0.1:
            raise UserError(
                f"{says} With the other polarity it would fit: these masks have been inverted; invert them back."
            )
        raise UserError(f"{says} {_RENUMBERED}")


_RENUMBERED = "The files are not NVIDIA's, or have been renumbered; give the folder as unpacked."


@dataclass(frozen=True)
class MaskFolder:
    """Masks in files; a family of holes that draws one of them."""

    masks: tuple[Mask, ...]

    def choose(self, chance: Chance) -> Mask:
        return self.masks[chance.below(len(self.masks))]

    def draw(self, chance: Chance, height: int, width: int) -> NDArray[np.bool_]:
        """One mask at this size, bool (H,W), True = missing. Raises UserError for a file that cannot be used."""
        return hole_of(self.choose(chance), height, width)


def hole_of(mask: Mask, height: int, width: int) -> NDArray[np.bool_]:
    """The mask brought to this size by nearest neighbour, bool (H,W). Raises UserError for one that cannot be used."""
    bits = np.frombuffer(_bits(mask, height, width), dtype=np.uint8)
    return np.unpackbits(bits, count=height * width).reshape(height, width).view(np.bool_)


@lru_cache(maxsize=4096)  # 8 KB each at 256x256; every method is scored under the same holes
def _bits(mask: Mask, height: int, width: int) -> bytes:
    hole = mask.read()
    if hole.shape != (height, width):
        stretch = hole.shape[0] * width / (hole.shape[1] * height)
        if not 1 / STRETCH <= stretch <= STRETCH:
            raise UserError(
                f"{mask.path} is {hole.shape[0]}x{hole.shape[1]}; at {height}x{width} its holes would be squeezed more"
                f" than {STRETCH} times. Crop it to the pictures' shape."
            )
        hole = np.asarray(Image.fromarray(hole).resize((width, height), Image.Resampling.NEAREST))
    if not hole.any() or hole.all():
        left = "known" if hole.all() else "missing"
        raise UserError(f"{mask.path}, resized to {height}x{width}, leaves no pixel {left}. Remove the file.")
    return np.packbits(hole).tobytes()


@lru_cache(maxsize=8192)
def digest(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises UserError for what is no regular file."""
    return sha256_of_file(path)


def used(masks: Iterable[Mask]) -> dict[str, Any]:
    """How many different files these are, and one SHA-256 over their names and bytes."""
    files = sorted({mask.path for mask in masks})
    parts = [f"{path.name}\0{digest(path)}\n".encode() for path in files]
    return {"used": len(files), "sha256": sha256(*parts)}


@lru_cache(maxsize=32)
def open_folder(place: MaskPlace) -> MaskFolder:
    """The masks of a folder, listed and looked at. Raises UserError where they are not what `place` says."""
    if not place.path.is_dir():
        raise UserError(f"{place.path} is not a folder (from --masks {place.kind}={place.path}). Unpack it first.")
    return {"nvidia": _nvidia, "qd-imd": _qd_imd, "masks": _declared}[place.kind](place)


def _nvidia(place: MaskPlace) -> MaskFolder:
    """test_mask.zip: file i is of bin i // 2000, and keeps its border clear where i // 1000 is even."""
    homes = [place.path, place.path / "testing_mask_dataset", place.path / "mask" / "testing_mask_dataset"]
    home = next((home for home in homes if (home / "00000.png").exists()), None)
    if home is None:
        raise UserError(f"{place.path} has no 00000.png. Give the folder testing_mask_dataset of NVIDIA's test masks.")
    there = {path.name for path in home.glob("*.png")}
    missing = [name for name in (f"{index:05d}.png" for index in range(NVIDIA_FILES)) if name not in there]
    if missing or len(there) > NVIDIA_FILES:
        what = f"{missing[0]} is missing" if missing else "there are extra files"
        raise UserError(f"{home} has {len(there)} masks; NVIDIA's test masks are {NVIDIA_FILES}: {what}. Unpack again.")
    word = place.words[0] if place.words else ""
    number = BIN_NAMES.index(word.removesuffix(CLEAR)) if word else 0
    first, end = (2000 * number, 2000 * number + (1000 if word.endswith(CLEAR) else 2000)) if word else (0, 12_000)
    return MaskFolder(
        tuple(
            Mask(home / f"{index:05d}.png", True, BINS[index // 2000], clear=index // 1000 % 2 == 0)
            for index in range(first, end)
        )
    )


def _qd_imd(place: MaskPlace) -> MaskFolder:
    """QD-IMD (karfly/qd-imd): black strokes on white are the hole; the test part only."""
    homes = [place.path / "qd_imd" / "test", place.path / "test", place.path]
    home = next((home for home in homes if any(home.glob("*_test.png"))), None)
    if home is None:
        raise UserError(f"{place.path} has no *_test.png. Give the folder qd_imd, or its test/.")
    return _looked_at(place, sorted(home.glob("*_test.png")), white_is_hole=False)


def _declared(place: MaskPlace) -> MaskFolder:
    files = sorted(path for path in place.path.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise UserError(f"{place.path} holds no picture. Give the folder of the masks.")
    return _looked_at(place, files, "white" in place.words)


def _looked_at(place: MaskPlace, files: list[Path], white_is_hole: bool) -> MaskFolder:
    """The folder, unless nearly everything is missing in most of the masks that are looked at."""
    masks = tuple(Mask(path, white_is_hole) for path in files)
    sample = masks[:: max(1, len(masks) // LOOKED_AT)]
    median = float(100 * np.median([mask.read().mean() for mask in sample]))
    if median > LARGE_PERCENT and LARGE not in place.words:
        other = "black" if white_is_hole else "white"
        mend = f"Use masks={place.path}:{other}, or add :{LARGE} if the holes are that large."
        raise UserError(f"{place.path}: half of the masks miss over {median:.0f} % of the picture. {mend}")
    return MaskFolder(masks)
