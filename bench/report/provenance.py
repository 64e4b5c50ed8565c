"""Where a chapter's numbers come from, as lines that a sceptic can follow."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bench.report.chapters import Chapter
from bench.runs.leakage import holes_in_words, in_words
from bench.runs.records import Record

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
    data = records[0].content.get("data", {})
    facts = [
        ("Data", _plain(data)),
        ("Data fingerprint", run.data),
        *(
            (f"Mask set {name}", _plain(records[0].content.get("mask_sets", {}).get(name, {})))
            for name in run.mask_sets
        ),
        ("Leakage, images", _distinct(in_words(record.content.get("leakage", {})) for record in records)),
        ("Leakage, holes", _distinct(holes_in_words(record.content.get("leakage", {})) for record in records)),
        ("Hardware", _distinct(_plain(record.content.get("hardware", {})) for record in records)),
        ("Packages", _distinct(_plain(record.content.get("packages", {})) for record in records)),
        ("LPIPS", _distinct(str(record.content.get("lpips", "")) for record in records)),
        ("Notes", _distinct(str(note) for record in records for note in record.content.get("notes", []))),
    ]
    lines = [_line(record) for contender in chapter.field for record in contender.records]
    return Provenance([(title, text) for title, text in facts if text], lines)


def _line(record: Record) -> RunLine:
    training = record.content.get("training") or {}
    stages = ", ".join(f"{stage.get('name')} {stage.get('steps')}" for stage in training.get("stages", []))
    parameters = training.get("parameters") or {}
    return RunLine(
        name=record.run.name,
        seed=record.run.seed,
        key=record.run.key,
        training=f"{_count(training['steps'])} steps ({stages})" if "steps" in training else _untrained(record),
        parameters=_count(sum(parameters.values())) if parameters else "none",
        code=_code(record.content.get("code", {})),
        command=str(record.content.get("command", "")),
    )


def _untrained(record: Record) -> str:
    return str(record.content.get("pretrained", {}).get("training", "none"))


def _code(code: Mapping[str, Any]) -> str:
    commit = str(code.get("commit") or "no commit")[:10]
    changed = f" with changes {str(code.get('diff_sha256'))[:8]}" if code.get("dirty") else ""
    method = f", method {str(code['method_sha256'])[:10]}" if code.get("method_sha256") else ""
    return f"{commit}{changed}{method}"


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _plain(value: Any) -> str:
    """Nested JSON as one line of words; of a long list only the beginning."""
    if isinstance(value, Mapping):
        said = {key: one for key, one in value.items() if one not in (None, "", [], {})}
        return "; ".join(f"{str(key).replace('_', ' ')} {_plain(one)}" for key, one in said.items())
    if isinstance(value, list | tuple):
        more = f" and {len(value) - LONGEST_LIST} more" if len(value) > LONGEST_LIST else ""
        return ", ".join(_plain(one) for one in value[:LONGEST_LIST]) + more
    return str(value)


def _distinct(texts: Iterable[str]) -> str:
    return " | ".join(dict.fromkeys(text for text in texts if text))
