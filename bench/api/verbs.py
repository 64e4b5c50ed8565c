"""The Python API, which the command line calls too: `from bench import evaluate`. docs/python.md shows it.

Nothing is printed unless `progress` is True or a console. What a user can fix raises UserError.
"""

import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, Unpack

import pandas as pd
from rich.console import Console

from bench.api.overview import Overview
from bench.api.overview import overview as make_overview
from bench.api.reproduction import Reproduction
from bench.api.reproduction import reproduce as make_reproduction
from bench.api.results import Evaluation, named, of_records
from bench.contract.run import Failure, failures
from bench.exchange.export import export as write_export
from bench.exchange.protocols import export_protocol
from bench.exchange.score import Scoring
from bench.methods.base import Inpainter, Method
from bench.methods.catalog import PathsLike, entries_at, find, paths_of
from bench.methods.in_memory import class_entry
from bench.runs.in_memory import score_object
from bench.runs.request import Asked, Request, cache_folder
from bench.runs.worklist import Worklist
from bench.util.progress import Progress

Verb = TypeVar("Verb", bound=Callable[..., Any])


def _takes_request(verb: Verb) -> Verb:
    """Show `Request`'s fields and defaults where `help` and editors look, in place of `**asked`."""
    fields = {name: field for name, field in Request.model_fields.items() if name != "key"}
    shown = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=field.annotation,
            default=field.get_default(call_default_factory=True),
        )
        for name, field in fields.items()
    ]
    own = [one for one in inspect.signature(verb).parameters.values() if one.kind != one.VAR_KEYWORD]
    verb.__signature__ = inspect.Signature([*own, *shown])  # type: ignore[attr-defined]
    return verb


@_takes_request
def evaluate(
    method: str | Inpainter | Request, /, *, progress: bool | Console = False, **asked: Unpack[Asked]
) -> Evaluation:
    """Score one method, training it first if necessary, and write a record for each data set, variant and seed.

    A record that is there already is read. An `Inpainter` object is scored in the same way but leaves no record: no
    source file says what it holds (bench/runs/in_memory.py). The fields of `bench.Request` are the options.
    """
    if isinstance(method, Inpainter):
        request = _request(type(method).__name__, asked)
        parts = score_object(method, request, _progress(progress))
        tables = [
            named(scores, request.key, request.variant, protocol, request.scale, seed)
            for protocol, seed, scores in parts
        ]
        return Evaluation(pd.concat(tables, ignore_index=True))
    return of_records(list(Worklist(_request(method, asked), _progress(progress)).evaluate()))


@_takes_request
def reproduce(key: str | Request, /, *, progress: bool | Console = False, **asked: Unpack[Asked]) -> Reproduction:
    """Train, evaluate, judge and report a paper. Finished work is never repeated.

    The fields of `bench.Request` are the options.
    """
    return make_reproduction(_request(key, asked), _progress(progress))


def overview(
    out: str | Path = Request.model_fields["out"].default,
    *,
    readme: str | Path | None = None,
    include: PathsLike = (),
    cache: str | Path | None = None,
    progress: bool | Console = False,
) -> Overview:
    """Judge every paper that has records under `out`, and rewrite its pages and those over all papers.

    With `readme`, the table is also written between the two marks of that file. Raises UserError where there are no
    records.
    """
    places, where = paths_of(include), Path(cache or cache_folder())
    return make_overview(find(places), Path(out), places, where, _progress(progress), Path(readme) if readme else None)


def export(
    folder: str | Path,
    *,
    data: str,
    scale: str | None = None,
    paper: str | None = None,
    mask_sets: Sequence[str] = (),
    resolution: int | None = None,
    images: int | None = None,
    include: PathsLike = (),
    cache: str | Path | None = None,
    progress: bool | Console = False,
) -> Path:
    """Write pictures and holes as PNG files for any other tool; `score` then scores its output.

    The protocol is that of a `scale` (`quick` where nothing is said) and `paper`, or `resolution` and `images`.
    Returns the folder. One that is there already is resumed.
    """
    catalog, names = find(paths_of(include)), _several(mask_sets)
    name, protocol = export_protocol(
        catalog, data, scale=scale, paper=paper, mask_sets=names, resolution=resolution, images=images
    )
    write_export(protocol, name, Path(folder), Path(cache or cache_folder()), _progress(progress).console)
    return Path(folder)


def score(
    folder: str | Path,
    *,
    predictions: str | Path,
    name: str,
    out: str | Path = Request.model_fields["out"].default,
    mask_sets: str | Sequence[str] = (),
    partial: bool = False,
    lpips: str | Path | None = None,
    force: bool = False,
    include: PathsLike = (),
    progress: bool | Console = False,
) -> Evaluation:
    """Score another tool's output for an export, `predictions`/MASK_SET/NAME.png, under `name`.

    With `partial`, missing pictures are left out, and the row is never ranked.
    """
    scoring = Scoring(
        root=Path(folder),
        predictions=Path(predictions),
        name=name,
        out=Path(out),
        mask_sets=_several(mask_sets),
        partial=partial,
        weights=Path(lpips) if lpips else None,
        force=force,
    )
    return of_records([scoring.make(_progress(progress), list(find(paths_of(include)).entries))])


def check_method(method: str | Path | type[Method] | None = None) -> list[Failure]:
    """Run the contract over a method: its key, its file or folder, or its class; over all that are found where None.

    Empty where everything holds.
    """
    entries = [class_entry(method)] if isinstance(method, type) else entries_at(Path(method) if method else None)
    catalog = find([entry.path for entry in entries if entry.origin == "--include"])
    return [failure for entry in entries for _, found in failures(entry, catalog) for failure in found]


def _request(method: str | Request, asked: Asked) -> Request:
    if isinstance(method, str):
        return Request.of(method, **asked)
    values: dict[str, Any] = method.model_dump(exclude_unset=True) | asked
    return Request.of(**values) if asked else method


def _progress(progress: bool | Console) -> Progress:
    return Progress(progress if isinstance(progress, Console) else Console(quiet=not progress))


def _several(values: Any) -> list[Any]:
    return [values] if isinstance(values, str | Path) else list(values)
