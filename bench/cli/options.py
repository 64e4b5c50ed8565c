"""What all verbs share: their options, and the objects made from them. Nothing heavy is imported at module level."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console

    from bench.methods.catalog import Catalog

Key = Annotated[str, typer.Argument(metavar="METHOD", help="A key that `list` shows.")]
PaperKey = Annotated[str, typer.Argument(metavar="PAPER", help="A paper's key, as `list` shows it.")]
Scale = Annotated[
    str, typer.Option(help="smoke (seconds), quick (minutes on two cores) or paper (what the paper did).")
]
DataName = Annotated[
    str | None, typer.Option("--data", metavar="NAME[=PATH]", help="Data set instead of the scale's own.")
]
Seeds = Annotated[
    list[int] | None,
    typer.Option("--seed", min=0, max=2**63 - 1, help="Seed; may be repeated. [default: 0]"),
]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**63 - 1, help="Seed.")]
Variants = Annotated[
    list[str] | None, typer.Option("--variant", help="Also run this variant; repeat it, or say `all`.")
]
Variant = Annotated[str, typer.Option("--variant", help="A variant that `show` lists.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; the run is named after it.")
]
MaskSets = Annotated[
    list[str] | None,
    typer.Option(
        "--masks",
        metavar="NAME|KIND=PATH",
        help="Holes instead of the scale's own; repeat it. Drawn: center, random, random_free, irregular,"
        " irregular_10_20 (1_10 to 50_60), irregular_10_20_clear (clear border). Yours: nvidia=PATH, nvidia=PATH:10_20,"
        " qd-imd=PATH, masks=PATH:white, masks=PATH:black (the hole's colour).",
    ),
]
AsPaper = Annotated[
    str | None, typer.Option("--paper", metavar="PAPER", help="With the data and holes of this paper's scale.")
]
WithBaselines = Annotated[
    bool, typer.Option("--with-baselines", help="Also run every method of ours that the paper's tables name.")
]
Out = Annotated[Path, typer.Option(help="Where runs, records and pages are kept.")]
Force = Annotated[bool, typer.Option("--force", help="Compute again what is already there.")]
Include = Annotated[
    list[Path] | None, typer.Option("--include", metavar="PATH", help="Also find methods in this folder or file.")
]
Weights = Annotated[Path | None, typer.Option(help="Folder that holds the LPIPS trunk's weights.")]
Networks = Annotated[
    list[Path] | None,
    typer.Option(
        "--weights",
        metavar="FILE|FOLDER",
        help="A file: networks trained elsewhere, in place of a training; repeat it where they come in several."
        " A folder: the LPIPS trunk's weights.",
    ),
]
Trust = Annotated[
    bool, typer.Option("--trust", help="Read a TorchScript file, which runs what is in it, as METHOD torchscript:FILE.")
]
CheckpointSeconds = Annotated[float, typer.Option(min=0, help="Save the training about so often.")]
Processes = Annotated[
    int,
    typer.Option(
        min=1, help="So many train together on this machine, a GPU each: the same result as of one, to rounding."
    ),
]

RUNS = Path("runs")


def find_methods(include: list[Path] | None) -> "Catalog":
    from bench.methods.catalog import find

    return find(include or [])


def find_one(include: list[Path] | None, key: str, trust: bool) -> "tuple[Catalog, str]":
    """The catalog, and in it the key of the method that is asked for by key or as torchscript:FILE."""
    catalog = find_methods(include)
    if not key.startswith("torchscript:"):
        return catalog, key
    from bench.methods.catalog import Catalog
    from bench.methods.torchscript import script_entry

    entry = script_entry(key, trust)
    return Catalog([*catalog.entries.values(), entry]), entry.key


def sort_weights(paths: list[Path] | None) -> tuple[list[Path], Path | None]:
    """Files of networks, and the folder of the LPIPS trunk. Raises UserError for two folders."""
    from bench.util.errors import UserError

    folders = [path for path in paths or [] if path.is_dir() or not (path.exists() or path.suffix)]
    if len(folders) > 1:
        raise UserError(f"--weights {folders[1]}: one folder is enough; {folders[0]} was named before.")
    return [path for path in paths or [] if path not in folders], folders[0] if folders else None


def open_console() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else 120)


def cache_folder() -> Path:
    from platformdirs import user_cache_path

    named = os.environ.get("INPAINT_BENCH_CACHE")
    return Path(named) if named else user_cache_path("inpaint-bench")
