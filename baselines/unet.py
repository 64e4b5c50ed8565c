"""What U-Nets have in common: how often they halve a picture, and how wide they are after each halving."""

from bench.methods.base import Sizes
from bench.util.errors import UserError


def levels_at(resolution: int, wanted: int | None, most: int, least: int) -> int:
    """How often a picture of this side is halved: `wanted`, else as often as can be done without rounding.

    That is `most` times at the most, and to no fewer than `least` pixels, but once at the least. Raises UserError for a
    side that cannot be halved so often.
    """
    can = (resolution & -resolution).bit_length() - 1
    levels = wanted or max(1, min(most, can, (resolution // least).bit_length() - 1))
    if not 1 <= levels <= can:
        raise UserError(
            f"A resolution of {resolution} cannot be halved {levels} times without rounding, only {can} times."
            " Set levels to fewer, or take another resolution, such as a power of two."
        )
    return levels


def sizes(levels: int) -> Sizes:
    """The pictures that a U-Net of convolutions with so many halvings takes."""
    return Sizes(minimum=1 << levels, multiple=1 << levels)


def widths(width: int, levels: int) -> list[int]:
    """Channels after each halving: `width`, doubled up to 8 * `width`."""
    return [width * min(8, 1 << level) for level in range(levels)]
