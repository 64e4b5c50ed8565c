"""Who stands against whom: the records of one protocol as contenders, and what one has over another."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.metrics.conventions import Convention
from bench.records import Record
from bench.settings import DEFAULT
from bench.statistics import Interval, Series, paired_interval, pool


@dataclass(frozen=True)
class Contender:
    """A method in one variant: records of one protocol that differ in nothing but the seed."""

    method: str
    variant: str
    records: tuple[Record, ...]
    mark: str = ""
    """The first record's key where the same name was run with different code or settings."""

    @property
    def name(self) -> str:
        words = [word for word in (self.variant if self.variant != DEFAULT else "", self.mark) if word]
        return f"{self.method} ({', '.join(words)})" if words else self.method

    @property
    def seeds(self) -> int:
        return len({record.run.seed for record in self.records})


def contenders(records: Sequence[Record]) -> list[Contender]:
    """The records sorted into contenders, by name."""
    found: dict[tuple[str, str], dict[str, list[Record]]] = {}
    for record in sorted(records, key=lambda record: (record.run.seed, record.run.key)):
        same = json.dumps([record.run.code, record.run.settings], sort_keys=True)
        found.setdefault((record.run.method, record.run.variant), {}).setdefault(same, []).append(record)
    return [
        Contender(method, variant, tuple(group), group[0].run.key if len(groups) > 1 else "")
        for (method, variant), groups in sorted(found.items())
        for group in groups.values()
    ]


def goodness(contender: Contender, suite: str, convention: Convention) -> Series | None:
    """The contender's values, turned so that more is better; None where the metric was not measured."""
    series = pool(contender.records, suite, convention.id, error=convention.better == "truth")
    if series is None or convention.better == "higher":
        return series
    return Series(-series.values, series.groups, series.seeds)


def advantage(better: Series, worse: Series) -> Interval:
    """The paired difference of two goodnesses, over the images that both have."""
    both = pd.concat({"a": better.values, "b": worse.values, "group": better.groups}, axis=1, join="inner")
    return paired_interval(both["a"], both["b"], both["group"])


def best_floor(field: Sequence[Contender], floors: set[str], suite: str, convention: Convention) -> Contender | None:
    """The floor with the best mean on this suite; the first by name where two are equal."""
    found: list[tuple[float, Contender]] = []
    for contender in field:
        if contender.method in floors and (series := goodness(contender, suite, convention)) is not None:
            mean = series.interval().mean
            found.append((float("inf") if mean is None else mean, contender))
    return max(found, key=lambda pair: pair[0])[1] if found else None
