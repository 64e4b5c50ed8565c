"""The commands that make a report again, one for each protocol."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from bench.claims.case import Case
from bench.methods.settings import DEFAULT
from bench.report.chapters import Chapter, Report


def commands(report: Report, floors: set[str], include: Sequence[Path] = ()) -> list[str]:
    """`include` is where the paper was found, if not among the installed ones. Without records, what makes some.

    Runs under changed settings are left out: the page lists each with a command of its own.
    """
    ends = "".join(f" --include {shlex.quote(str(path))}" for path in include)
    lines = [_command(chapter, report, floors) for chapter in report.chapters]
    return [line + ends for line in lines or [f"python -m bench reproduce {report.key}"]]


def _command(chapter: Chapter, report: Report, floors: set[str]) -> str:
    """A plain `reproduce` at this scale, with the variants, other methods and seeds that the chapter has besides."""
    scale = chapter.run.scale
    case = Case(report.paper, report.key, chapter.field, floors)
    here = [one for one in chapter.field if one.records[0].run.origin == "run" and not one.records[0].run.changes]
    own = [one for one in here if one.method == report.key]
    plain = {DEFAULT, *report.paper.variants_at(scale)}
    sides = [f"variant:{name}" for name in report.paper.variants if name in {one.variant for one in own} - plain]
    others = [one for one in here if one.method != report.key and one.method not in floors]
    sides += [f"method:{one.method}" + (f"/{one.variant}" if one.variant != DEFAULT else "") for one in others]
    seeds = sorted({record.run.seed for one in own for record in one.records})
    usual = seeds in ([], list(range(report.paper.scales[scale].seeds)))
    return case.line(sides) + ("" if usual else "".join(f" --seed {seed}" for seed in seeds))
