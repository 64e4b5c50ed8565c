"""What all verbs share: their options, and the objects made from them. Nothing heavy is imported at module level.

A verb that takes a `Request` does not repeat its fields: `asks` gives it an option for each field that it names, as the
table below has it, with the model's own default.
"""

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

import typer
from pydantic import BaseModel

from bench.cluster.profile import Placement
from bench.runs.request import Request
from bench.runs.request import cache_folder as cache_folder

if TYPE_CHECKING:
    from rich.console import Console

    from bench.methods.catalog import Catalog

Key = Annotated[str, typer.Argument(metavar="METHOD", help="A key that `list` shows.")]
PaperKey = Annotated[str, typer.Argument(metavar="PAPER", help="A paper's key, as `list` shows it.")]
Scale = Annotated[
    str, typer.Option(help="smoke (seconds), quick (minutes on two cores) or paper (what the paper did).")
]
DataName = Annotated[
    list[str] | None,
    typer.Option("--data", metavar="NAME[=PATH]", help="Data set to use instead of the scale's own; repeatable."),
]
Seeds = Annotated[
    list[int] | None,
    typer.Option("--seed", help="Seed; repeatable."),
]
Seed = Annotated[int, typer.Option("--seed", help="Seed.")]
Variants = Annotated[list[str] | None, typer.Option("--variant", help="Also run this variant, or `all`; repeatable.")]
Variant = Annotated[
    list[str] | None,
    typer.Option("--variant", help="A variant that `show` lists; repeatable. (default: the method as printed)"),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; the run is named after it; repeatable."),
]
MaskSets = Annotated[
    list[str] | None,
    typer.Option(
        "--masks",
        metavar="NAME|KIND=PATH",
        help="Mask set to use instead of the scale's own; repeatable. Drawn: center, random, random_free, sizes,"
        " shapes, half, pixels_80, pattern, irregular, irregular_10_20 (1_10 to 50_60), irregular_10_20_clear (clear"
        " border). Yours: nvidia=PATH, nvidia=PATH:10_20, qd-imd=PATH, masks=PATH:white, masks=PATH:black (the hole's"
        " colour).",
    ),
]
AsPaper = Annotated[
    str | None, typer.Option("--paper", metavar="PAPER", help="Use the data and mask sets of this paper's scale.")
]
WithBaselines = Annotated[
    bool, typer.Option("--with-baselines", help="Also run every method here that the paper's tables name.")
]
Out = Annotated[Path, typer.Option(help="Where runs, records and pages are kept.")]
Force = Annotated[bool, typer.Option("--force", help="Recompute what is already there.")]
Include = Annotated[
    list[Path] | None,
    typer.Option("--include", metavar="PATH", help="Also look for methods in this folder or file; repeatable."),
]
Weights = Annotated[Path | None, typer.Option("--weights", help="Folder that holds the LPIPS trunk's weights.")]
Networks = Annotated[
    list[Path] | None,
    typer.Option(
        "--weights",
        metavar="FILE|FOLDER",
        help="A file: networks trained elsewhere, instead of training; repeat it if they come in several files."
        " A folder: the LPIPS trunk's weights.",
    ),
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Allow METHOD torchscript:FILE, which executes the code in the file.")
]
CheckpointSeconds = Annotated[float, typer.Option(min=0, help="Seconds between checkpoints, roughly.")]
Processes = Annotated[
    int,
    typer.Option(
        min=1, help="Processes that train together here, one GPU each: the result of one process, up to rounding."
    ),
]
Threads = Annotated[
    int,
    typer.Option(
        min=1, help="Threads of a processor for one method at a time. Its last bits depend on them, not on the cores."
    ),
]
Minutes = Annotated[
    float | None, typer.Option(min=0, help="Stop safely after this many minutes; rerun the command to resume.")
]
Workers = Annotated[
    int, typer.Option(min=0, help="With `--cluster local`: runs at a time on the processor; 0: one on each GPU.")
]
AtOnce = Annotated[
    int,
    typer.Option(min=0, help="Runs at a time on the processor; 0: one on each core where that is worth their start."),
]
Segments = Annotated[
    int | None, typer.Option(min=1, help="Jobs in a training's chain. (default: the profile's, or estimated)")
]
Nodes = Annotated[int | None, typer.Option(min=1, help="Nodes per training. (default: the profile's)")]
GpusPerNode = Annotated[
    int | None, typer.Option(min=0, help="GPUs per node and training, one process each. (default: the profile's)")
]
OPTIONS: dict[type[BaseModel], dict[str, Any]] = {
    Request: {
        "key": Key,
        "scale": Scale,
        "data": DataName,
        "mask_sets": MaskSets,
        "variants": Variants,
        "seeds": Seeds,
        "changes": Sets,
        "paper": AsPaper,
        "with_baselines": WithBaselines,
        "networks": Networks,
        "trust": Trust,
        "lpips": Weights,
        "include": Include,
        "device": Device,
        "processes": Processes,
        "threads": Threads,
        "workers": AtOnce,
        "minutes": Minutes,
        "checkpoint_seconds": CheckpointSeconds,
        "out": Out,
        "force": Force,
    },
    Placement: {
        "workers": Workers,
        "segments": Segments,
        "nodes": Nodes,
        "gpus_per_node": GpusPerNode,
    },
}
"""How a verb offers a field. `networks` takes the folder of LPIPS weights too, since both are called --weights."""

RUNS: Path = Request.model_fields["out"].default


def asks(model: type[BaseModel], fields: str, **instead: Any) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a verb whose parameter is a `model` one option for each of `fields` (names separated by spaces).

    `instead` replaces an option of the table. A verb whose parameter is a list of `model` takes several keys, and gets
    one for each.
    """

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        parameters = inspect.signature(verb).parameters.values()
        place = next(one for one in parameters if one.annotation in (model, list[model]))  # type: ignore[valid-type]
        many = place.annotation != model

        @functools.wraps(verb)
        def call(**given: Any) -> None:
            asked = {field: value for field in names if (value := given.pop(field)) is not None}
            keys = [{"key": key} for key in asked.pop("key")] if many else [{}]
            made = [_made(model, asked | key) for key in keys]
            verb(**given, **{place.name: made if many else made[0]})

        shown: list[inspect.Parameter] = []
        for one in parameters:
            shown += [_parameter(model, field, instead) for field in names] if one is place else [one]
        shown = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in shown]
        call.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        call.__annotations__ = {one.name: one.annotation for one in shown}
        return call

    names = fields.split()
    return decorate


def _made(model: type[BaseModel], asked: dict[str, Any]) -> BaseModel:
    if model is not Request:
        return model(**asked)
    if "networks" in asked:
        asked["networks"], asked["lpips"] = sort_weights(asked["networks"])
    return Request.of(**asked)


def _parameter(model: type[BaseModel], field: str, instead: dict[str, Any]) -> inspect.Parameter:
    option = instead.get(field, OPTIONS[model][field])
    default = _default(model, field, option)
    return inspect.Parameter(field, inspect.Parameter.KEYWORD_ONLY, annotation=option, default=default)


def _default(model: type[BaseModel], field: str, option: Any) -> Any:
    """The model's; empty for what must be given. Where the option takes one value of several, the first."""
    one = model.model_fields[field]
    if one.is_required():
        return inspect.Parameter.empty
    value = one.get_default(call_default_factory=True)
    if not isinstance(value, tuple | dict):
        return value
    values, (kind, *_) = list(value) or None, get_args(option)
    several = kind is not str and any(get_origin(part) is list for part in (kind, *get_args(kind)))
    return values if several or values is None else values[0]


def find_methods(include: list[Path] | None) -> "Catalog":
    from bench.methods.catalog import find

    return find(include or [])


def sort_weights(paths: list[Path] | None) -> tuple[list[Path], Path | None]:
    """Files of networks, and the folder of the LPIPS trunk. Raises UserError for two, or one without it."""
    from bench.util.errors import UserError

    folders = [path for path in paths or [] if path.is_dir() or not (path.exists() or path.suffix)]
    if len(folders) > 1:
        raise UserError(f"--weights {folders[1]}: one folder is enough; {folders[0]} was given already. Drop one.")
    if folders:
        from bench.metrics.weights import TRUNKS

        names = [trunk.file for trunk in TRUNKS.values()]
        if not any((folders[0] / name).exists() for name in names):
            what = f"holds neither {' nor '.join(names)}" if folders[0].exists() else "does not exist"
            mend = "A folder is for LPIPS; networks trained elsewhere are given as a file."
            raise UserError(f"--weights {folders[0]}: {what}. {mend}")
    return [path for path in paths or [] if path not in folders], folders[0] if folders else None


def open_console() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 120)
