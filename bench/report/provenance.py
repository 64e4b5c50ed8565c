"""Where a chapter's numbers come from, as lines that a sceptic can follow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.report.chapters import Chapter
from bench.runs.leakage import holes_in_words, in_words
from bench.runs.parts import CodeFacts
from bench.runs.records import Record, RecordContent
from bench.util.part import Part

LONGEST_LIST = 12


@dataclass(frozen=True)
class RunLine:
    """One record."""

    name: str
    seed: int
    key: str
    training: str
    parameters: str
    code: str
    command: str


@dataclass(frozen=True)
class Provenance:
    facts: list[tuple[str, str]]
    """Title and value, the same for all runs or listed where they differ."""
    runs: list[RunLine]


def provenance(chapter: Chapter) -> Provenance:
    """What the records say of data, holes, code, packages and hardware."""
    records, run = chapter.records, chapter.run
    first = records[0].content
    facts = [
        ("Data", _plain(first.data)),
        ("Data fingerprint", run.data),
        *((f"Mask set {name}", _plain(first.mask_sets[name])) for name in run.mask_sets),
        ("Leakage, images", _distinct(in_words(record.content.leakage) for record in records)),
        ("Leakage, holes", _distinct(holes_in_words(record.content.leakage) for record in records)),
        ("Hardware", _distinct(_plain(record.content.hardware) for record in records)),
        ("Packages", _distinct(_plain(record.content.packages) for record in records)),
        ("LPIPS", _distinct(record.content.lpips.text for record in records)),
        ("Notes", _distinct(note for record in records for note in record.content.notes)),
    ]
    lines = [_line(record) for contender in chapter.field for record in contender.records]
    return Provenance([(title, text) for title, text in facts if text], lines)


def _line(record: Record) -> RunLine:
    return RunLine(
        name=record.run.name,
        seed=record.run.seed,
        key=record.run.key,
        training=_training(record.content),
        parameters=_count(sum(training.parameters.values())) if (training := record.content.training) else "none",
        code=_code(record.content.code),
        command=record.content.command,
    )


def _training(content: RecordContent) -> str:
    if content.training is None:
        return content.pretrained.training if content.pretrained else "none"
    stages = ", ".join(f"{stage.name} {stage.steps}" for stage in content.training.stages)
    return f"{_count(content.training.steps)} steps ({stages})"


def _code(code: CodeFacts) -> str:
    changed = f" with changes {str(code.diff_sha256)[:8]}" if code.dirty else ""
    return f"{(code.commit or 'no commit')[:10]}{changed}, method {code.method_sha256[:10]}"


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _plain(value: Any) -> str:
    """A typed part or nested JSON as one line of words; of a long list only the beginning."""
    if isinstance(value, Part):
        return _plain(value.model_dump(mode="json"))
    if isinstance(value, Mapping):
        said = {key: one for key, one in value.items() if one not in (None, "", [], {})}
        return "; ".join(f"{str(key).replace('_', ' ')} {_plain(one)}" for key, one in said.items())
    if isinstance(value, list | tuple):
        more = f" and {len(value) - LONGEST_LIST} more" if len(value) > LONGEST_LIST else ""
        return ", ".join(_plain(one) for one in value[:LONGEST_LIST]) + more
    return str(value)


def _distinct(texts: Iterable[str]) -> str:
    return " | ".join(dict.fromkeys(text for text in texts if text))
