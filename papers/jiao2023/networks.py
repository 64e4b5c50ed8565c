"""The image inpainting module: GLCIC's layer table (Table 1 has the same 17 rows), with gates and skip connections."""

from dataclasses import replace

from baselines.glcic.method import plain_style
from baselines.glcic.networks import ROWS, Style

from .settings import JiaoSettings

ENCODER, DECODER = range(1, 7), range(13, len(ROWS) + 1)
"""Rows before the dilated ones, and rows from the first deconvolution on; the output row is never gated."""

GATED: dict[str, frozenset[int]] = {
    "none": frozenset(),
    "table": frozenset({1, 2, 3}),
    # §3.3: gates where the channels become 64, 128 and 256, and again in the decoder.
    "text": frozenset({1, 2, 4, *DECODER}),
    "updown": frozenset({*ENCODER, *DECODER}),
    "all": frozenset(range(1, len(ROWS) + 1)),
}
"""Gated rows by reading (J-1)."""


def style(settings: JiaoSettings) -> Style:
    """How the rows of the completion network look."""
    rows = GATED[settings.gated]
    return replace(plain_style(settings), gated=rows, gate_order=settings.gate_order, skips=settings.skips)
