"""What `evaluate` and `score` return: per-image scores and their means, as tables."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.claims.statistics import mean_interval
from bench.data.protocol import Protocol
from bench.metrics import summary
from bench.metrics.definitions import DEFINITIONS, HEADLINE
from bench.runs.records import Record
from bench.util.errors import UserError, nearest

CONTENDER = ["method", "variant", "data", "scale"]


@dataclass(frozen=True)
class Evaluation:
    """The scores of one method: of one run, or of several that differ in data set, variant or seed."""

    scores: pd.DataFrame
    """A row for each image and mask set: `method`, `variant`, `data`, `scale`, `seed`, `mask_set`, `image`, `group`,
    `hole_share`, then a column for each metric definition that was measured."""
    records: tuple[Record, ...] = ()
    """As they lie on disk; empty for an inpainter that exists in memory only."""

    @property
    def record(self) -> Record:
        """The one record. Raises UserError where there are none or several."""
        if len(self.records) != 1:
            why = f"{len(self.records)} records: see `records`" if self.records else "none: its method is in memory"
            raise UserError(f"This evaluation has {why}.")
        return self.records[0]

    def summary(self, metrics: str | Sequence[str] = ()) -> pd.DataFrame:
        """A row for each variant, data set, mask set and metric: `mean`, its 95 % interval `low` to `high`, `n`.

        Intervals are bootstrapped over groups of images, as on leaderboards; an image is first averaged over seeds.
        `n` counts images with a finite value. NaN where there are fewer than two groups, and for definitions that
        have no value of one image, such as `psnr_pooled`. `metrics` are the headline ones, unless named: metric
        definitions or columns. Raises UserError for a name that is neither.
        """
        names = [metrics] if isinstance(metrics, str) else list(metrics)
        for name in names:
            if name not in DEFINITIONS and name not in self.scores:
                raise UserError(f"There is no metric '{name}'.{nearest(name, [*DEFINITIONS, *self.scores])}")
        rows = []
        for about, scores in self.scores.groupby([*CONTENDER, "mask_set"], sort=False):
            assert isinstance(about, tuple)
            for name in names or HEADLINE:
                found = _mean(scores, name)
                if found is not None:
                    rows.append([*about, name, *found])
        table = pd.DataFrame(rows, columns=[*CONTENDER, "mask_set", "metric", "mean", "low", "high", "n"])
        return table.astype({"mean": float, "low": float, "high": float})


def _mean(scores: pd.DataFrame, name: str) -> tuple[float | None, float | None, float | None, int] | None:
    """Mean, interval and number of images; None where it was not measured."""
    if name in DEFINITIONS and not DEFINITIONS[name].per_image:
        each = [summary.summarise(one, name) for _, one in scores.groupby("seed", sort=False)]
        mean = sum(each) / len(each)
        return None if math.isnan(mean) else (mean, None, None, scores["image"].nunique())
    values = summary.values(scores, name)
    if values is None:
        return None
    table = pd.DataFrame({"image": scores["image"], "group": scores["group"], "value": values})
    images = table.groupby("image", sort=False)
    one = mean_interval(images["value"].mean(), images["group"].first())
    return one.mean, one.low, one.high, one.n


def of_records(records: Sequence[Record]) -> Evaluation:
    """The evaluation held in these records."""
    return Evaluation(pd.concat([_of(record) for record in records], ignore_index=True), tuple(records))


def named(scores: pd.DataFrame, method: str, variant: str, protocol: Protocol, scale: str, seed: int) -> pd.DataFrame:
    """With the columns that tell several runs apart."""
    about = {"method": method, "variant": variant, "data": protocol.data_name, "scale": scale, "seed": seed}
    return pd.concat([pd.DataFrame(about, index=scores.index), scores], axis="columns")


def _of(record: Record) -> pd.DataFrame:
    run = record.run
    return named(record.scores, run.method, run.variant, run.protocol, run.scale, run.seed)
