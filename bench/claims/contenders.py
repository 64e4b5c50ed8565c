"""The records of one protocol as contenders, and the paired advantage of one over another."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from bench.claims.statistics import Interval, Series, paired_interval, pool
from bench.methods.settings import DEFAULT
from bench.metrics.definitions import MetricDefinition
from bench.runs.records import Record

Training = tuple[int, str]
"""The seed and the processor: either moves what a training ends with."""


@dataclass(frozen=True)
class Contender:
    """A method in one variant: records of one protocol that differ in nothing but the seed."""

    method: str
    variant: str
    records: tuple[Record, ...]
    mark: str = ""
    """The first record's key where the same name was run with different code or settings."""
    _known: dict[tuple[str, str, bool], Series | None] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        variant = self.variant if self.variant != DEFAULT else ""
        words = [word for word in (variant, "external" if self.external else self.pretrained, self.mark) if word]
        return f"{self.method} ({', '.join(words)})" if words else self.method

    @property
    def external(self) -> bool:
        """True for pictures that another tool made."""
        return self.records[0].run.origin == "external"

    @property
    def pretrained(self) -> str:
        """What the weights from elsewhere are called, with the start of their SHA-256; empty for runs of ours."""
        pretrained = self.records[0].content.pretrained
        label = pretrained.label if pretrained else ""
        mark = self.records[0].run.weights[:8]  # many files bear one name
        return label if mark in label else f"{label} {mark}".strip()

    @property
    def elsewhere(self) -> bool:
        """True for what was made or trained elsewhere: it stands on leaderboards, and no verdict rests on it."""
        return self.records[0].run.origin != "run"

    def series(self, mask_set: str, metric: str, error: bool = False) -> Series | None:
        """As `pool`, computed once."""
        asked = (mask_set, metric, error)
        if asked not in self._known:
            self._known[asked] = pool(self.records, mask_set, metric, error)
        return self._known[asked]

    @property
    def seeds(self) -> int:
        return len({record.run.seed for record in self.records})

    @cached_property
    def by_training(self) -> "dict[Training, Contender]":
        """Each training by itself, by its seed and processor."""
        found: dict[Training, list[Record]] = {}
        for record in self.records:
            found.setdefault((record.run.seed, processor(record)), []).append(record)
        return {
            training: Contender(self.method, self.variant, tuple(records), self.mark)
            for training, records in found.items()
        }

    def first(self, count: int, before: "Collection[Training]" = ()) -> "Contender":
        """With `count` of its trainings at most: those `before`, then by seed and processor."""
        kept = sorted(self.by_training, key=lambda training: (training not in before, training))[:count]
        if len(kept) == len(self.by_training):
            return self
        records = tuple(record for training in sorted(kept) for record in self.by_training[training].records)
        return Contender(self.method, self.variant, records, self.mark)

    @property
    def processors(self) -> list[str]:
        return sorted({processor for _, processor in self.by_training})


def processor(record: Record) -> str:
    """The graphics card, or else the CPU, that a record was made on; empty where it does not say."""
    hardware = record.content.hardware
    return hardware.gpu or hardware.cpu


def contenders(records: Sequence[Record]) -> list[Contender]:
    """The records sorted into contenders, by name. Unranked records are left out."""
    found: dict[tuple[str, str, str, str], dict[str, list[Record]]] = {}
    whole = [record for record in records if not record.unranked]
    for record in sorted(whole, key=lambda record: (record.run.seed, record.run.key)):
        same = json.dumps([record.run.code, record.run.settings], sort_keys=True)
        name = (record.run.method, record.run.variant, record.run.origin, record.run.weights)
        found.setdefault(name, {}).setdefault(same, []).append(record)
    return [
        Contender(method, variant, tuple(group), group[0].run.key if len(groups) > 1 else "")
        for (method, variant, *_), groups in sorted(found.items())
        for group in groups.values()
    ]


def by_protocol(records: Sequence[Record]) -> list[list[Record]]:
    """Records that can be compared: the same scale, protocol, data and holes. Sorted by data set, then scale."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        run = record.run
        protocol = run.protocol.placeless()
        same = json.dumps([run.protocol.data_name, run.scale, protocol, run.data, run.mask_sets], sort_keys=True)
        groups.setdefault(same, []).append(record)
    return [groups[same] for same in sorted(groups)]


def goodness(contender: Contender, mask_set: str, definition: MetricDefinition) -> Series | None:
    """The contender's values, turned so that more is better; None where the metric was not measured."""
    series = contender.series(mask_set, definition.id, error=definition.better == "truth")
    if series is None or definition.better == "higher":
        return series
    return Series(-series.values, series.groups, series.seeds)


def advantage(better: Series, worse: Series) -> Interval:
    """The paired difference of two goodnesses, over the images that both have."""
    both = pd.concat({"a": better.values, "b": worse.values, "group": better.groups}, axis=1, join="inner")
    return paired_interval(both["a"], both["b"], both["group"])


@dataclass(frozen=True)
class InfinitePairs:
    """The images on which a side is infinite, so that their difference has no place in a mean."""

    won: int = 0
    """By the first side: it alone is +inf, or the other alone is -inf."""
    lost: int = 0
    tied: int = 0
    """Both sides are infinite alike."""
    pairs: int = 0
    """All images that both sides have, the finite ones too."""

    @property
    def count(self) -> int:
        return self.won + self.lost + self.tied


def infinite_pairs(better: Series, worse: Series) -> InfinitePairs:
    """Counts the pairs of two goodnesses that `advantage` leaves out."""
    both = pd.concat({"a": better.values, "b": worse.values}, axis=1, join="inner").to_numpy(np.float64)
    outside = both[np.isinf(both).any(axis=1)]
    won, lost = int((outside[:, 0] > outside[:, 1]).sum()), int((outside[:, 0] < outside[:, 1]).sum())
    return InfinitePairs(won, lost, len(outside) - won - lost, len(both))


def best(candidates: Sequence[Contender], mask_set: str, definition: MetricDefinition) -> Contender | None:
    """The one with the best mean on this mask set; the first where several are equal; None where none was measured."""
    means = [(contender, goodness(contender, mask_set, definition)) for contender in candidates]
    ranks = [(contender, series.rank) for contender, series in means if series is not None]
    return max(ranks, key=lambda pair: pair[1])[0] if ranks else None
