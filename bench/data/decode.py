"""Files to pixels: one way to open a picture, wherever it is from, and one way to resize it.

Rules: regular files of FORMATS alone, whole to their last byte; EXIF orientation applied; gray, palette and CMYK become
RGB; what is transparent lies on white; 16 bits become 8 by scaling, round(255 v / 65535); of an animation, the first
frame. Sizes only ever go down.
"""

import errno
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from bench.util.errors import UserError
from bench.util.files import read_regular
from bench.util.pictures import open_picture

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
WIDE = ("I", "I;16", "I;16B", "I;16L", "I;16N")

TURNED = (5, 6, 7, 8)
"""The EXIF orientations that turn a picture by 90 degrees."""

_PNG_DEPTH = 24
"""Where a PNG file says how many bits a channel has."""
_TIFF_DEPTH = 258
"""The tag in which a TIFF file says the same."""

Picture = NDArray[np.uint8]
"""uint8 (H,W,3), RGB."""


class UnusableError(UserError):
    """A picture that cannot be used. `reason` names no folder, so that a manifest reads the same everywhere."""

    def __init__(self, path: Path, reason: str, detail: object = "") -> None:
        super().__init__(f"{path} cannot be used: {reason}{f' ({detail})' if detail else ''}. Fix or remove it.")
        self.reason = reason


def decode(path: Path) -> Picture:
    """The picture as uint8 (H,W,3). Raises UnusableError for a damaged one, UserError for one out of reach."""
    if path.suffix.lower() == ".npy":
        return _array(path)
    with _damage_told(path):
        content = read_regular(path)
        with open_picture(content) as file:
            return np.array(_rgb(ImageOps.exif_transpose(_eight_bits(file, content, path)), path))


def size(path: Path) -> tuple[int, int]:
    """Height and width of what `decode` returns, from the file's head alone. Raises the same."""
    if path.suffix.lower() == ".npy":
        height, width, _ = _array(path).shape
        return height, width
    with _damage_told(path), open_picture(read_regular(path)) as file:
        width, height = file.size
        return (width, height) if file.getexif().get(ExifTags.Base.Orientation) in TURNED else (height, width)


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    """What goes wrong inside is the file's fault, or the disk's."""
    try:
        yield
    except UserError:
        raise
    except OSError as error:
        _check_within_reach(path, error)
        raise UnusableError(path, "damaged, or not a picture", error) from error
    except Exception as error:  # A damaged file can make a decoder raise nearly anything.
        raise UnusableError(path, "damaged, or not a picture", error) from error


def is_deep(image: Image.Image, content: bytes) -> bool:
    """Whether there are 16 bits a channel where Pillow would drop the lower 8."""
    if image.mode not in ("RGB", "RGBA", "LA"):
        return False
    if image.format == "PNG":
        return content[_PNG_DEPTH] == 16
    return image.format == "TIFF" and 16 in image.tag_v2.get(_TIFF_DEPTH, ())  # type: ignore[attr-defined]


def resize(picture: Picture, height: int, width: int) -> Picture:
    """Pillow's bilinear filter, which widens with the reduction and so does not alias. Raises ValueError to enlarge."""
    if picture.shape[:2] == (height, width):
        return picture
    if height > picture.shape[0] or width > picture.shape[1]:
        raise ValueError(f"a picture of {picture.shape[0]}x{picture.shape[1]} is not enlarged to {height}x{width}")
    return np.asarray(Image.fromarray(picture).resize((width, height), Image.Resampling.BILINEAR))


def centre_square(picture: Picture, most: int | None = None) -> Picture:
    """The largest square in the middle, of at most `most` pixels a side; of 218x178 the middle 178x178."""
    height, width = picture.shape[:2]
    side = min(height, width, most or height)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side]


def read_square(path: Path, side: int, most: int | None = None) -> Picture:
    """Decode, cut the middle square of at most `most` pixels a side, bring it to `side`.

    Raises UnusableError where the picture is smaller than `side`.
    """
    picture = decode(path)
    height, width = picture.shape[:2]
    if min(height, width) < side:
        raise UnusableError(path, f"{height}x{width} is smaller than {side}x{side}")
    return resize(centre_square(picture, most), side, side)


def _check_within_reach(path: Path, error: OSError) -> None:
    """Raise UnusableError where the file itself is at fault, UserError where the disk or the user may be."""
    if error.errno == errno.ENOENT and path.is_symlink():
        raise UnusableError(path, "a broken link") from error
    if error.errno in (errno.EACCES, errno.ELOOP):
        raise UnusableError(path, str(error.strerror).lower()) from error
    if error.errno is not None:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error


def _eight_bits(image: Image.Image, content: bytes, path: Path) -> Image.Image:
    """The picture itself, or where that has 16 bits a channel, the same rounded to 8."""
    if not is_deep(image, content):
        return image
    values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.ndim != 3 or "transparency" in image.info:
        raise UnusableError(path, f"a kind of 16-bit {image.format} that is not read here")
    order = [2, 1, 0, 3][: values.shape[2]]
    eight = Image.fromarray(np.ascontiguousarray(_scaled(values.astype(np.int64))[..., order]))
    if (turned := image.getexif().get(ExifTags.Base.Orientation)) is not None:
        eight.getexif()[ExifTags.Base.Orientation] = turned
    return eight


def _scaled(values: NDArray[np.int64]) -> NDArray[np.uint8]:
    """0...65535 to 0...255, rounded."""
    return ((values * 255 + 32767) // 65535).astype(np.uint8)


def _rgb(image: Image.Image, path: Path) -> Image.Image:
    if image.mode in WIDE:
        return _from_wide(image, path)
    if image.mode == "F":
        raise UnusableError(path, "floating-point pixels, whose range is not known")
    if not image.has_transparency_data:
        return image.convert("RGB")
    clear = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", clear.size, "white"), clear).convert("RGB")


def _from_wide(image: Image.Image, path: Path) -> Image.Image:
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise UnusableError(path, "more than 16 bits a pixel")
    return Image.fromarray(_scaled(values)).convert("RGB")


def _array(path: Path) -> Picture:
    """CelebA-HQ's own form: uint8 (1,3,H,W), (3,H,W) or (H,W,3)."""
    try:
        values = np.load(io.BytesIO(read_regular(path)), allow_pickle=False)
    except OSError as error:
        _check_within_reach(path, error)
        raise UnusableError(path, "damaged, or not an array of numbers", error) from error
    except Exception as error:  # whatever a damaged header makes NumPy raise
        raise UnusableError(path, "damaged, or not an array of numbers", error) from error
    values = values[0] if values.ndim == 4 and len(values) == 1 else values
    if values.dtype != np.uint8 or values.ndim != 3 or 3 not in (values.shape[0], values.shape[2]):
        raise UnusableError(path, f"an array of {values.dtype} {values.shape}, not uint8 (3,H,W) or (H,W,3)")
    return np.ascontiguousarray(values.transpose(1, 2, 0) if values.shape[0] == 3 else values)
