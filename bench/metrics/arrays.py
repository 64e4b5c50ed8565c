"""Metrics of a user's own pictures, as a table."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bench.metrics.definitions import DEFINITIONS
from bench.metrics.lpips import Lpips
from bench.metrics.scoring import score
from bench.metrics.summary import values
from bench.util.errors import UserError, nearest


def compute(
    truth: Any, filled: Any, hole: Any, definitions: str | Sequence[str] = (), lpips: Lpips | None = None
) -> pd.DataFrame:
    """A row for each image: `hole_share`, then a column for each metric definition (`bench.metrics.DEFINITIONS`).

    Pictures are arrays or tensors of shape (N,3,H,W), (3,H,W), (N,H,W,3) or (H,W,3): uint8 in 0...255, or floating
    point in [0,1], which is rounded to 8 bits half to even. `hole`, True (or nonzero) where pixels are missing, is
    (N,1,H,W), (N,H,W) or (H,W). As in every evaluation, known pixels of `filled` are replaced by the truth's own,
    except for the definitions that score the raw result. Definitions that a picture is too small for, and LPIPS
    without `lpips`, are left out. Raises UserError for shapes that do not fit, and for an unknown definition.
    """
    images, raw = _pictures(truth, "truth"), _pictures(filled, "filled")
    missing = _hole(hole, images)
    if images.shape != raw.shape:
        raise UserError(f"truth has shape {tuple(images.shape)}, filled {tuple(raw.shape)}. They must match.")
    empty = ~missing.flatten(1).any(dim=1)
    if empty.any():
        raise UserError(f"Image {int(empty.nonzero()[0])} has no hole. Leave it out.")
    columns = score(images, torch.where(missing, raw, images), missing, raw, lpips)
    table = pd.DataFrame(
        {"hole_share": missing.double().mean(dim=(1, 2, 3)).numpy()} | {k: v.numpy() for k, v in columns.items()}
    )
    named = [definitions] if isinstance(definitions, str) else list(definitions)
    for name in named:
        _check(name)
    found = {name: values(table, name) for name in named or DEFINITIONS}
    return pd.DataFrame({"hole_share": table["hole_share"]} | {k: v for k, v in found.items() if v is not None})


def _check(name: str) -> None:
    if name not in DEFINITIONS:
        raise UserError(f"There is no metric '{name}'.{nearest(name, list(DEFINITIONS))}")
    if not DEFINITIONS[name].per_image:
        raise UserError(f"'{name}' is one number for all images: bench.metrics.summarise(compute(...), '{name}').")


def _pictures(given: Any, name: str) -> Tensor:
    """uint8 (N,3,H,W), on the CPU."""
    array = _tensor(given)
    array = array[None] if array.ndim == 3 else array
    if array.ndim == 4 and array.shape[1] != 3 and array.shape[3] == 3:
        array = array.permute(0, 3, 1, 2)
    if array.ndim != 4 or array.shape[1] != 3:
        raise UserError(f"{name} has shape {tuple(array.shape)}; pictures are (N,3,H,W), (3,H,W) or (H,W,3).")
    if array.dtype == torch.uint8:
        return array.contiguous()
    if not array.is_floating_point() or not bool(((array >= 0) & (array <= 1)).all()):
        raise UserError(f"{name} is {array.dtype}; pictures are uint8 in 0...255 or floating point in [0,1].")
    return (array * 255).round().to(torch.uint8).contiguous()


def _tensor(given: Any) -> Tensor:
    if isinstance(given, Tensor):
        return given.detach().cpu()
    array = np.asarray(given)
    return torch.as_tensor(array if array.flags.writeable else array.copy())


def _hole(given: Any, images: Tensor) -> Tensor:
    """Bool (N,1,H,W)."""
    array = _tensor(given) != 0
    array = array[None, None] if array.ndim == 2 else array[:, None] if array.ndim == 3 else array
    wanted = (len(images), 1, *images.shape[-2:])
    if array.ndim != 4 or tuple(array.shape[1:]) != wanted[1:] or len(array) not in (1, len(images)):
        raise UserError(f"hole has shape {tuple(array.shape)}; for these pictures it is {wanted}.")
    return array.expand(wanted)
