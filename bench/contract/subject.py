"""What the checks of a paper.toml look at: the file as it was read, and what it names, built small."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch

from bench.contract.methods import Subject
from bench.methods.base import DataFacts, Method, Settings, Stage, diagnostic_columns
from bench.methods.catalog import Catalog, Entry
from bench.methods.settings import DEFAULT
from bench.paper import Paper
from bench.paper.claims import key_and_variant
from bench.paper.reader import Reading, look
from bench.training.feed import TrainingFeed
from bench.util.errors import UserError


@dataclass(frozen=True)
class PaperSubject:
    """A paper.toml under test, with the method beside it and all others that it may name."""

    entry: Entry
    catalog: Catalog

    @cached_property
    def reading(self) -> Reading:
        """Raises UserError where the file is no TOML."""
        return look(self.entry.path / "paper.toml")

    @property
    def paper(self) -> Paper:
        """As much of it as can be read. Raises UserError where nothing can."""
        if self.reading.paper is None:
            raise UserError(self.reading.told(self.reading.mistakes[0]))
        return self.reading.paper

    @cached_property
    def settings_class(self) -> type[Settings]:
        return self.entry.load().settings_class

    @cached_property
    def _sound(self) -> Paper:
        """Without the settings that the method does not have."""
        known = self.settings_class.model_fields

        def cleaned(parts: Mapping[str, Any]) -> dict[str, Any]:
            kept = {
                key: {name: part.settings[name] for name in part.settings if name in known}
                for key, part in parts.items()
            }
            return {key: part.model_copy(update={"settings": kept[key]}) for key, part in parts.items()}

        paper = self.paper
        return paper.model_copy(update={"scales": cleaned(paper.scales), "variants": cleaned(paper.variants)})

    @cached_property
    def _built(self) -> dict[tuple[str, str], "Tried"]:
        return {}

    def side(self, side: str) -> "Tried | None":
        """What a side of a claim names, at smoke scale; None where it names nothing, which another check reports."""
        kind, _, name = side.partition(":")
        key, variant = (self.entry.key, name) if kind == "variant" else key_and_variant(name)
        if kind not in ("variant", "method") or key not in self.catalog.entries:
            return None
        read = self._sound if key == self.entry.key else self.catalog[key].description()
        if variant != DEFAULT and (read is None or variant not in read.variants):
            return None
        if (key, variant) not in self._built:
            changes = read.variants[variant].settings if read is not None and variant != DEFAULT else {}
            self._built[key, variant] = Tried(Subject(self.catalog[key], read), changes)
        return self._built[key, variant]


@dataclass(frozen=True)
class Tried:
    """A method at smoke scale, with untrained networks."""

    subject: Subject
    changes: Mapping[str, Any]

    @cached_property
    def method(self) -> Method:
        return self.subject.build(facts=DataFacts(self.subject.resolution, images=16), changes=self.changes)

    @cached_property
    def stages(self) -> dict[str, Stage]:
        return {stage.name: stage for stage in self.method.stages()}

    def scalars(self, stage: str) -> list[str]:
        """What one step of the stage logs: every step of a stage logs the same."""
        if stage not in self._scalars:
            with _little():
                feed = TrainingFeed(self.stages[stage], self.subject.training_pictures(), 0, torch.device("cpu"))
                feed.start(0)
                self._scalars[stage] = list(self.stages[stage].step(feed))
        return self._scalars[stage]

    @cached_property
    def _scalars(self) -> dict[str, list[str]]:
        return {}

    @cached_property
    def diagnostics(self) -> list[str]:
        """The columns that filling one picture gives."""
        inpainter = self.method.inpainter()
        image, hole = (each[:1] for each in self.subject.pictures())
        with _little():
            inpainter.inpaint(image.masked_fill(hole, 0), hole, torch.zeros(1, dtype=torch.int64))
        return list(diagnostic_columns(inpainter, ["contract"]))


@contextmanager
def _little() -> Iterator[None]:
    """For a moment's work on small pictures: one thread, since several only wait for each other; no draw is left."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
