"""Which images of a mask set a page shows: best, median and worst by PSNR, and what is kept of them alone.

Predictions are composites. Of the few images that a page shows, the raw pictures are kept too.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.util.errors import UserError
from bench.util.files import read_regular, whole

Pixels = NDArray[np.uint8]


def chosen(frame: pd.DataFrame) -> dict[str, int]:
    """Place of the `best`, `median` and `worst` of the images in a mask set's scores; ties go by id."""
    order = frame.reset_index(drop=True).sort_values(["psnr", "image"], ascending=[False, True]).index.to_list()
    return {"best": order[0], "median": order[(len(order) - 1) // 2], "worst": order[-1]}


def raw_path(folder: Path, mask_set: str) -> Path:
    """Of a run's folder."""
    return folder / "predictions" / f"{mask_set}.raw.npz"


def keep_raw(folder: Path, mask_set: str, raw: Pixels, frame: pd.DataFrame) -> None:
    """Of all raw pictures, uint8 (N,3,H,W), keep those that a page shows."""
    buffer = io.BytesIO()
    kept: Mapping[str, Any] = {str(place): raw[place] for place in chosen(frame).values()}
    np.savez(buffer, **kept)
    with whole(raw_path(folder, mask_set)) as file:
        file.write(buffer.getbuffer())


def read_raw(folder: Path, mask_set: str, place: int) -> Pixels | None:
    """The raw picture, uint8 (3,H,W), of the image at a place; None where it was not kept. Raises UserError for a
    damaged file."""
    path = raw_path(folder, mask_set)
    if not path.exists():
        return None
    try:
        with np.load(io.BytesIO(read_regular(path)), allow_pickle=False) as kept:
            found: Pixels | None = kept.get(str(place))
    except Exception as error:  # whatever a damaged archive makes the reader raise
        raise UserError(f"{path} is damaged ({error}); --force recreates it.") from error
    return found


def pixels_in(path: Path) -> Pixels:
    """The pictures in an .npy file, memory-mapped: uint8 (N,3,H,W). Raises UserError for any other file."""
    try:
        if path.is_file():
            found: Pixels = np.load(path, mmap_mode="r", allow_pickle=False)
            if found.dtype == np.uint8 and found.ndim == 4 and found.shape[1] == 3:
                return found
    except Exception as error:  # whatever a damaged file makes the reader raise
        raise UserError(f"{path} is damaged ({error}); --force recreates the pictures.") from error
    raise UserError(f"{path} holds no pictures; --force recreates them.")


def unconditional_path(folder: Path) -> Path:
    """Of a run's folder: pictures that a method makes of nothing but chance, uint8 (N,3,H,W)."""
    return folder / "predictions" / "unconditional.npy"
