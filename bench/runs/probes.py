"""Probes: what one scoring pass cannot tell, image by image, on the first test images under the mask set `center`.

`repeat` fills the same picture with several inpaint seeds: how far two runs lie apart. `perturb` fills slightly changed
pictures with one seed: how much the fill changes relative to the known pixels. `best_of` is an oracle: of the
fills of several seeds it takes the one nearest to the truth, as no method can. All measure in floating point, before
any rounding. bench/metrics/probed.py defines the metrics.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from bench.data import Packed
from bench.data.protocol import Probe, Protocol
from bench.masks.sets import mask_set
from bench.methods.base import Inpainter, compose, erase, fill
from bench.metrics.probed import BEST_OF, REPEATS
from bench.runs.evaluation import image_seeds, images_at_once, to_csv, to_uint8
from bench.util.files import read_named, write_named
from bench.util.progress import OnProgress
from bench.util.seeds import seed_of

MASK_SET = "center"
STEP = 2 / 255
"""Sigma of the noise, and what is added to the brightness."""
JPEG_QUALITY = 95
ABOUT = ["mask_set", "image", "group"]


@dataclass(frozen=True)
class ProbeBatch:
    """Pictures that are filled together."""

    inpainter: Inpainter
    device: torch.device
    ids: list[str]
    image: Tensor
    """float32 (N,3,H,W) in [0,1]."""
    hole: Tensor
    """bool (N,1,H,W), True = missing."""
    seed: int
    """The run's."""

    def fill(self, seeds: Tensor, image: Tensor | None = None, hole: Tensor | None = None) -> Tensor:
        """The composites of the pictures, or of `image` and `hole` in their place: float32 (N,3,H,W), on the CPU."""
        picture, gap = (self.image if image is None else image), (self.hole if hole is None else hole)
        result = fill(self.inpainter, picture.to(self.device), gap.to(self.device), seeds, self.ids)
        return compose(picture, gap, result.cpu())


def probe(
    inpainter: Inpainter,
    test: Packed,
    protocol: Protocol,
    seed: int,
    device: torch.device,
    folder: Path,
    report: OnProgress,
) -> pd.DataFrame:
    """One row for each probed image: `mask_set`, `image`, `group`, and the metrics of `protocol.probes`.

    Each batch of each probe reaches the disk, in `folder`/predictions; what lies there is read, not computed
    again. So a kill costs at most the fills of one batch.
    """
    count, at_once = min(protocol.probe_images, len(test)), images_at_once(inpainter)
    tables = []
    for name in protocol.probes:
        parts = []
        for start in range(0, count, at_once):
            indices = list(range(start, min(start + at_once, count)))
            part = folder / "predictions" / f"probe-{name}-{start:08d}.csv"
            if (content := read_named(part)) is None:
                content = to_csv(_measure(name, inpainter, test, indices, seed, device)).encode()
                write_named(part, content)
                report(name, indices[-1] + 1, count)
            parts.append(pd.read_csv(io.BytesIO(content), dtype=dict.fromkeys(ABOUT, str)))
        tables.append(pd.concat(parts, ignore_index=True))
    return pd.concat([tables[0], *(table.drop(columns=ABOUT) for table in tables[1:])], axis=1)


def _measure(
    name: Probe, inpainter: Inpainter, test: Packed, indices: list[int], seed: int, device: torch.device
) -> pd.DataFrame:
    ids, image = [test.ids[index] for index in indices], test.tensor(indices)
    batch = ProbeBatch(inpainter, device, ids, image, mask_set(MASK_SET).holes(ids, *image.shape[-2:]), seed)
    about = {"mask_set": MASK_SET, "image": ids, "group": [test.groups[index] for index in indices]}
    return pd.DataFrame(about | {key: value.tolist() for key, value in MEASURES[name](batch).items()})


def repeat(batch: ProbeBatch) -> dict[str, Tensor]:
    """How far the fills of several inpaint seeds lie apart: float64 (N,) each."""
    runs = list(_fills(batch, REPEATS))
    gaps = [_mean((one - other).abs(), batch.hole) for one, other in combinations(runs, 2)]
    apart = torch.stack(gaps).mean(dim=0)
    psnr = torch.stack([_psnr(run, batch.image) for run in runs])
    # A run that meets the truth exactly has an infinite PSNR: then the spread is, too, unless all runs are equal.
    spread = psnr.std(dim=0).nan_to_num(nan=torch.inf).masked_fill(apart == 0, 0.0)
    return {"repeat_l1": 100 * apart, "repeat_psnr": spread}


def best_of(batch: ProbeBatch) -> dict[str, Tensor]:
    """PSNR of the fill that an oracle would choose, and the mean of all from which it does: float64 (N,) each."""
    psnr = torch.stack([_psnr(run, batch.image) for run in _fills(batch, BEST_OF)])
    return {f"best_of_{BEST_OF}_psnr": psnr.amax(dim=0), f"mean_of_{BEST_OF}_psnr": psnr.mean(dim=0)}


def _fills(batch: ProbeBatch, count: int) -> Iterator[Tensor]:
    """The composites under so many inpaint seeds, one after another, float64 (N,3,H,W)."""
    for run in range(count):
        seeds = [seed_of(batch.seed, "repeat", run, name) for name in batch.ids]
        yield batch.fill(torch.tensor(seeds, dtype=torch.int64)).double()


def _psnr(run: Tensor, truth: Tensor) -> Tensor:
    """Of each picture, float64 (N,); infinite where it is met exactly."""
    return -10 * (run - truth).square().mean(dim=(1, 2, 3)).log10()


def perturb(batch: ProbeBatch) -> dict[str, Tensor]:
    """The change of the fill over the change of what is known, for each change: float64 (N,) each."""
    seeds = image_seeds(batch.seed, batch.ids)
    plain = batch.fill(seeds)
    found = {}
    for name, changed in _changes(batch).items():
        fills = batch.fill(seeds, changed)
        found[f"amplify_{name}"] = _ratio(_rms(fills - plain, batch.hole), _rms(changed - batch.image, ~batch.hole))
    image, hole = _moved(batch.image), _moved(batch.hole)
    hole[..., 0] = False  # the holes of `center` keep off the border, so that the column is known
    back = batch.fill(seeds, image, hole)[..., 1:]
    # The first column came in new, and the last one went out: neither has a partner.
    both, known = batch.hole[..., :-1] & hole[..., 1:], ~(batch.hole | hole)[..., 1:]
    change = (image - batch.image)[..., 1:]
    return found | {"amplify_shift": _ratio(_rms(back - plain[..., :-1], both), _rms(change, known))}


FILLS: dict[Probe, int] = {"repeat": REPEATS, "perturb": 5, "best_of": BEST_OF}
"""How often each probe fills a picture."""
MEASURES: dict[Probe, Callable[[ProbeBatch], dict[str, Tensor]]] = {
    "repeat": repeat,
    "perturb": perturb,
    "best_of": best_of,
}


def _changes(batch: ProbeBatch) -> dict[str, Tensor]:
    """The pictures under each change that leaves them in place."""
    return {
        "noise": (batch.image + STEP * _noise(batch)).clamp(0, 1),
        "brightness": (batch.image + STEP).clamp(0, 1),
        "jpeg": torch.stack([_jpeg(picture) for picture in erase(batch.image, batch.hole)]),
    }


def _noise(batch: ProbeBatch) -> Tensor:
    """Named by the image alone, so that every method meets the same noise."""
    generators = [torch.Generator().manual_seed(seed_of("perturb", "noise", name)) for name in batch.ids]
    return torch.stack([torch.randn(batch.image.shape[1:], generator=generator) for generator in generators])


def _jpeg(picture: Tensor) -> Tensor:
    # Without subsampling no block of 8 x 8 pixels tells another anything: nothing seeps out of the hole.
    file = io.BytesIO()
    Image.fromarray(to_uint8(picture).permute(1, 2, 0).numpy()).save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    with Image.open(file) as image:
        return torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div_(255)


def _moved(values: Tensor) -> Tensor:
    """One pixel to the right; the first column stays as it is."""
    return torch.cat([values[..., :1], values[..., :-1]], dim=-1)


def _mean(values: Tensor, where: Tensor) -> Tensor:
    """Mean over the pixels of `where` and all channels, float64 (N,)."""
    total = values.double().masked_fill(~where, 0.0).sum(dim=(1, 2, 3))
    return total / (values.shape[1] * where.sum(dim=(1, 2, 3)))


def _rms(values: Tensor, where: Tensor) -> Tensor:
    return _mean(values.double().square(), where).sqrt()


def _ratio(change: Tensor, cause: Tensor) -> Tensor:
    """Infinite where the cause is zero: what did not change cannot be amplified."""
    return torch.where(cause > 0, change / cause, torch.inf)
