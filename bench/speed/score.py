"""Scoring: all definitions of a batch, against the same in plain torch; and a whole evaluation, how much of it is what.

As an evaluation scores: the composite, the raw result and the one that is cut off to 8 bits.
"""

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from bench.data import Packed
from bench.methods.base import Inpainter
from bench.metrics import score
from bench.runs.evaluation import evaluate
from bench.speed.metrics import pictures
from bench.speed.plain.scoring import score as plain
from bench.speed.timing import Row, race, row

SIDE = 256
COUNTS = (64, 16, 1)
EVALUATED = 128
PLAIN = "plain torch"


def rows(quick: bool) -> list[Row]:
    """At 256², batches of 64, 16 and 1 (`quick`: 16 and 1), and an evaluation of 128 images (`quick`: 32)."""
    found = [_row(count, quick) for count in (COUNTS[1:] if quick else COUNTS)]
    return [*found, _evaluation(EVALUATED // 4 if quick else EVALUATED, quick)]


def _row(count: int, quick: bool) -> Row:
    truth, composite, hole = pictures(count, SIDE)
    raw = torch.where(hole, composite, truth ^ 1)
    calls: dict[str, Callable[[], Mapping[str, Tensor]]] = {
        "ours": partial(score, truth, composite, hole, raw, truncated=raw),
        PLAIN: partial(plain, truth, composite, hole, raw, truncated=raw),
    }
    found, expected = calls["ours"](), calls[PLAIN]()
    gaps = [float((found[name] - values).abs().max()) for name, values in expected.items() if name.startswith("ssim")]
    times = race(calls, quick)
    rate = f"{count / times['ours'] * 1000:,.0f} images a second"
    return row("all definitions", f"{count} × {SIDE}²", times["ours"], PLAIN, times[PLAIN], max(gaps), rate)


class Ready(Inpainter):
    """Fills with grey, in no time."""

    def inpaint(self, image: Tensor, hole: Tensor, seed: Tensor) -> Tensor:
        return torch.full_like(image, 0.5)


def _evaluation(count: int, quick: bool) -> Row:
    truth, _, _ = pictures(count, SIDE)
    names = [f"speed-{index:04d}" for index in range(count)]
    test = Packed(names, names, truth.numpy())

    def whole() -> None:
        with tempfile.TemporaryDirectory() as folder:
            evaluate(Ready(), test, ("center",), 0, torch.device("cpu"), Path(folder), lambda *_: None)

    took = race({"whole": whole}, quick)["whole"]
    note = f"{count / took * 1000:,.0f} images a second: fill, score and write"
    return row("an evaluation", f"{count} × {SIDE}²", took, "", None, note=note)
