"""Method × protocol → per-image scores and predictions."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from bench.data import Packed
from bench.files import whole
from bench.inpainter import Inpainter, fill
from bench.masks.suite import suite
from bench.metrics import Lpips, score
from bench.seeds import seed_of

BATCH = 16

Report = Callable[[str, int, int], None]


def evaluate(
    inpainter: Inpainter,
    test: Packed,
    suites: tuple[str, ...],
    seed: int,
    device: torch.device,
    folder: Path,
    report: Report,
    lpips: Lpips | None = None,
) -> pd.DataFrame:
    """Score `test` under every suite; one row per suite and image.

    A suite whose predictions and scores already lie in `folder` is read, not computed again.
    """
    tables = []
    for name in suites:
        part = folder / "predictions" / f"{name}.csv"
        if not part.exists():
            table, predictions = _evaluate_suite(name, inpainter, test, seed, device, report, lpips)
            with whole(part.with_suffix(".npy")) as file:
                np.save(file, predictions, allow_pickle=False)
            with whole(part) as file:  # last: its presence says that both are complete
                file.write(to_csv(table).encode())
        tables.append(pd.read_csv(part, dtype={"suite": str, "image": str, "group": str}))
    return pd.concat(tables, ignore_index=True)


def to_csv(table: pd.DataFrame) -> str:
    """17 significant digits, so that reading gives back the very numbers."""
    return table.to_csv(index=False, float_format="%.17g", lineterminator="\n")


def image_seeds(seed: int, ids: list[str]) -> Tensor:
    """int64 (N,), one per image: a function of the run's seed and the image's id."""
    return torch.tensor([seed_of(seed, "inpaint", image) for image in ids], dtype=torch.int64)


def _evaluate_suite(
    name: str,
    inpainter: Inpainter,
    test: Packed,
    seed: int,
    device: torch.device,
    report: Report,
    lpips: Lpips | None,
) -> tuple[pd.DataFrame, np.ndarray]:
    predictions = np.empty(test.pixels.shape, dtype=np.uint8)
    parts = []
    for indices in _batches(len(test.ids)):
        ids = [test.ids[index] for index in indices]
        image = test.tensor(indices)
        hole = suite(name).holes(ids, *image.shape[-2:])
        result = fill(inpainter, image.to(device), hole.to(device), image_seeds(seed, ids), ids).cpu()
        truth, raw = torch.from_numpy(test.pixels[indices]), to_uint8(result)
        composite = torch.where(hole, raw, truth)
        predictions[indices] = composite.numpy()
        scores = score(truth, composite, hole, raw, lpips)
        columns = {
            "suite": name,
            "image": ids,
            "group": [test.groups[index] for index in indices],
            "hole_share": hole.double().mean(dim=(1, 2, 3)).tolist(),
        }
        parts.append(pd.DataFrame(columns | {key: value.tolist() for key, value in scores.items()}))
        report(name, indices[-1] + 1, len(test.ids))
    return pd.concat(parts, ignore_index=True), predictions


def to_uint8(image: Tensor) -> Tensor:
    """[0,1] to 0…255, rounded half to even: what a reader of the saved picture would measure."""
    return (image * 255).round().to(torch.uint8)


def _batches(count: int) -> Iterator[list[int]]:
    for start in range(0, count, BATCH):
        yield list(range(start, min(start + BATCH, count)))
