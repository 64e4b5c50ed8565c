"""The known pixels of what came back, against the truth's: they tell a JPEG, a resized or a mistaken picture."""

from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from bench.claims.statistics import number

COLUMNS = ("known_unequal", "known_error", "known_error_most", "known_shift")
"""Share of the known pixels that differ, their mean and largest difference, and by how much they are brighter on
average; in grey levels."""
EVERYWHERE = 0.25
"""If more than this share of the known pixels differ, they do not lie along the hole's edge alone."""
OTHER_LEVELS = 16.0
"""A mean difference from which a picture is hardly the same one: JPEG and resizing change far less."""


SHARE_OF_SHIFT = 0.9
"""From here on a difference is one of brightness: the mean of the signed ones is nearly that of their sizes."""
SHARE_OF_ERROR = 0.5
"""What explains more than half of a difference is its cause."""


def compare(truth: Tensor, raw: Tensor, hole: Tensor) -> dict[str, list[float]]:
    """COLUMNS, one number per image. `truth` and `raw` are uint8 (N,3,H,W), `hole` is bool (N,1,H,W)."""
    known = ~hole
    gap = (raw.short() - truth.short()) * known
    error = gap.abs()
    count = known.flatten(1).sum(dim=1).clamp(min=1)
    unequal = (error.amax(dim=1) > 0).flatten(1).sum(dim=1) / count
    mean = error.flatten(1).sum(dim=1) / (3 * count)
    shift = gap.flatten(1).sum(dim=1) / (3 * count)
    facts = (unequal, mean, error.flatten(1).amax(dim=1), shift)
    return dict(zip(COLUMNS, (fact.double().tolist() for fact in facts), strict=True))


def summary(scores: pd.DataFrame) -> dict[str, Any]:
    """For the record: how many pictures differ where nothing was missing, by how much, and what that costs in dB.

    The cost is the mean PSNR of the composites less that of the pictures as they came, where both are finite.
    """
    changed = scores[scores["known_unequal"] > 0]
    finite = scores[np.isfinite(scores["psnr"]) & np.isfinite(scores["psnr_raw"])]
    return {
        "pictures": len(scores),
        "changed": len(changed),
        "unequal_share": float(scores["known_unequal"].mean()),
        "error_grey_levels": float(scores["known_error"].mean()),
        "error_most": int(scores["known_error_most"].max()),
        "shift": float(scores["known_shift"].mean()),
        "psnr": float(finite["psnr"].mean()) if len(finite) else None,
        "psnr_raw": float(finite["psnr_raw"].mean()) if len(finite) else None,
    }


def in_words(known: dict[str, Any]) -> str:
    """One or two sentences for `summary`."""
    if not known["changed"]:
        return f"Known pixels: the truth's in all {known['pictures']} pictures."
    text = (
        f"Known pixels differ from the truth's in {known['changed']} of {known['pictures']} pictures, by"
        f" {number(known['error_grey_levels'], 2)} grey levels on average, {known['error_most']} at most."
    )
    if known["psnr"] is not None:
        cost = known["psnr"] - known["psnr_raw"]
        text += (
            f" That costs {number(cost, 2)} dB: PSNR {number(known['psnr_raw'], 2)} dB as they came,"
            f" {number(known['psnr'], 2)} dB with the truth's known pixels pasted back, which is what is ranked."
        )
    return f"{text} {_cause(known)}".rstrip()


def _cause(known: dict[str, Any]) -> str:
    if known["error_grey_levels"] >= OTHER_LEVELS:
        return "This suggests other pictures, another order or range, or swapped colours: check a few by eye."
    if known["error_most"] > 1 and abs(known["shift"]) > SHARE_OF_SHIFT * known["error_grey_levels"]:
        how = "brighter" if known["shift"] > 0 else "darker"
        return (
            f"That is a shift of brightness: they are {number(abs(known['shift']), 1)} grey levels {how},"
            " and with them what fills the hole. Look for an offset in how they are read or saved."
        )
    if known["error_most"] <= 1:
        return "One grey level suggests values that were truncated instead of rounded."
    if known["unequal_share"] > EVERYWHERE:
        return (
            "Small differences everywhere look like JPEG, or like pictures that were resized and back: what fills the"
            " hole went through the same, which no pasting mends. Write PNG at the size of the export."
        )
    return ""
