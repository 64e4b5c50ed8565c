"""Holes from a user's pictures. Every other polarity becomes True = missing here."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bench.util.errors import UserError
from bench.util.files import read_regular
from bench.util.pictures import open_picture

SOFT_PERCENT = 1
"""More than this share of undecided pixels means that the picture is a soft mask, or no mask at all."""


def read_hole(path: Path, height: int, width: int, white_is_hole: bool = True) -> NDArray[np.bool_]:
    """The hole that a mask picture of this very size shows, bool (H,W), True = missing.

    Raises UserError as `read_mask`, and for another size.
    """
    picture = _open(path)
    if picture.size != (width, height):
        raise UserError(
            f"{path} is {picture.height}x{picture.width}, the picture is {height}x{width} (height x width)."
            " Make them the same size; masks are not resized."
        )
    return _hole(picture, path, white_is_hole)


def read_mask(path: Path, white_is_hole: bool) -> NDArray[np.bool_]:
    """The hole that a mask picture shows, bool (H,W) at its own size, True = missing.

    Values from 128 up are white. Raises UserError for a file that is no picture, for a soft mask (over 1 % of the
    pixels strictly between 32 and 223), and for a hole of no pixel or of all.
    """
    return _hole(_open(path), path, white_is_hole)


def _hole(picture: Image.Image, path: Path, white_is_hole: bool) -> NDArray[np.bool_]:
    if picture.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
        raise UserError(f"{path} has the pixel format {picture.mode}; a mask has 8 bits. Save it as an 8-bit PNG.")
    gray = np.asarray(picture.convert("RGB").convert("L"))
    soft = int(np.count_nonzero((gray > 32) & (gray < 223)))
    if 100 * soft > SOFT_PERCENT * gray.size:
        raise UserError(
            f"{path} has {soft} of {gray.size} pixels that are neither black nor white."
            " A mask is black and white; save it without soft edges."
        )
    white = gray >= 128
    return _checked(white if white_is_hole else ~white, path, "Is the polarity inverted?")


def hole_from_alpha(path: Path) -> NDArray[np.bool_]:
    """The transparent part (alpha under 128) of a picture, bool (H,W), True = missing.

    Raises UserError for a file that is no picture, has no transparency, or is transparent everywhere.
    """
    picture = _open(path)
    if not picture.has_transparency_data:
        raise UserError(f"{path} has no alpha channel. Save it as an RGBA picture whose missing part is transparent.")
    alpha = np.asarray(picture.convert("RGBA"))[..., 3]
    return _checked(alpha < 128, path, "Make the missing part transparent and nothing else.")


def _open(path: Path) -> Image.Image:
    try:
        with open_picture(read_regular(path)) as picture:
            picture.load()
            # As bench.data.decode does: a mask and its picture must be turned alike.
            return ImageOps.exif_transpose(picture)
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist. Give the mask's file.") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path} cannot be read as a picture. Save it as a PNG file.") from error


def _checked(hole: NDArray[np.bool_], path: Path, mend: str) -> NDArray[np.bool_]:
    if not hole.any():
        raise UserError(f"{path} leaves no pixel missing. {mend}")
    if hole.all():
        raise UserError(f"{path} leaves no pixel known. {mend}")
    return hole
