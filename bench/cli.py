"""The verbs. Each imports what it needs when it is called: `list` and `--help` never load torch."""

import errno
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench import __version__
from bench.cli_options import (
    RUNS,
    CheckpointSeconds,
    DataName,
    Device,
    Force,
    Include,
    Key,
    Out,
    PaperKey,
    Scale,
    Seed,
    Seeds,
    Sets,
    Suites,
    Variant,
    Variants,
    Weights,
    cache_folder,
    find_methods,
    open_console,
)
from bench.cli_scores import scores
from bench.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from bench.catalog import Catalog
    from bench.reproduce import Reproduction

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Which statements of an inpainting paper hold when they are measured:"
    " paper → claim → measured value → verdict.\n\n"
    "Start with [bold]python -m bench list[/], then [bold]python -m bench reproduce fang2021[/].",
)

app.add_typer(scores)


@app.command("list")
def list_(include: Include = None) -> None:
    """List the papers and baselines.

    Example: [bold]python -m bench list[/]
    """
    catalog = find_methods(include)
    for title, entries in (("Papers", catalog.papers), ("Baselines", catalog.baselines)):
        typer.echo(title)
        for entry in entries:
            typer.echo(f"  {entry.key:16} {entry.summary}")
    typer.echo("\nNext: python -m bench show PAPER, python -m bench reproduce PAPER")


@app.command()
def show(key: PaperKey, include: Include = None) -> None:
    """Show a paper's card: tables, claims, ledger, scales, variants.

    Example: [bold]python -m bench show fang2021[/]
    """
    from bench.card import print_card

    entry = find_methods(include)[key]
    print_card(entry.paper(), key, open_console())


@app.command()
def reproduce(
    key: PaperKey,
    scale: Scale = "quick",
    data: DataName = None,
    suite: Suites = None,
    variant: Variants = None,
    seed: Seeds = None,
    device: Device = "auto",
    sets: Sets = None,
    out: Out = RUNS,
    force: Force = False,
    include: Include = None,
    weights: Weights = None,
    checkpoint_seconds: CheckpointSeconds = 30.0,
) -> None:
    """Train, evaluate, judge and report a paper. What is done already is not done again.

    Examples:
      [bold]python -m bench reproduce fang2021[/]

      [bold]python -m bench reproduce fang2021 --variant no_l1 --seed 0 --seed 1[/]

      [bold]python -m bench reproduce fang2021 --scale paper --data imagenet=/data/imagenet --device cuda[/]
    """
    from bench.reproduce import report as write_pages

    console = open_console()
    catalog = find_methods(include)
    catalog[key].paper()
    console.print(f"Output: {out.resolve()}", soft_wrap=True, highlight=False, markup=False)
    work = _reproduction(
        catalog, key, out, console, scale, data, variant, seed, device, sets, weights, checkpoint_seconds,
        suites=suite,
    )  # fmt: skip
    work.make(force)
    _print_pages(console, write_pages(catalog, key, out, cache_folder(), console))


@app.command()
def train(
    key: Key,
    scale: Scale = "quick",
    data: DataName = None,
    suite: Suites = None,
    variant: Variant = "default",
    seed: Seed = 0,
    device: Device = "auto",
    sets: Sets = None,
    out: Out = RUNS,
    include: Include = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Stop safely after so many minutes; the same command goes on.")
    ] = None,
    checkpoint_seconds: CheckpointSeconds = 30.0,
) -> None:
    """Train a method, or go on training it. Ctrl-C stops safely; the same command goes on.

    Example: [bold]python -m bench train fang2021 --data faces --minutes 1[/]
    """
    console = open_console()
    work = _reproduction(
        find_methods(include), key, out, console, scale, data, [variant], [seed], device, sets, None,
        checkpoint_seconds, minutes, suite,
    )  # fmt: skip
    for protocol, data_set in work.each_data():
        for run in work.runs(protocol, data_set, [variant]):
            console.print(f"Run: {run.folder}", soft_wrap=True, highlight=False, markup=False)
            run.train_only(work.progress)
            console.print(f"Trained: {run.folder}", soft_wrap=True, highlight=False, markup=False)


@app.command()
def evaluate(
    key: Key,
    scale: Scale = "quick",
    data: DataName = None,
    suite: Suites = None,
    variant: Variant = "default",
    seed: Seed = 0,
    device: Device = "auto",
    sets: Sets = None,
    out: Out = RUNS,
    force: Force = False,
    include: Include = None,
    weights: Weights = None,
) -> None:
    """Score one method (trained first if need be) and write its record.

    Examples:
      [bold]python -m bench evaluate harmonic --data photos[/]

      [bold]python -m bench evaluate telea --data photos --suite irregular_10_20 --suite nvidia=/data/nvidia:10_20[/]
    """
    from bench.report import print_leaderboard

    console = open_console()
    work = _reproduction(
        find_methods(include), key, out, console, scale, data, [variant], [seed], device, sets, weights,
        suites=suite,
    )  # fmt: skip
    for protocol, data_set in work.each_data():
        for run in work.runs(protocol, data_set, [variant]):
            record = run.make(work.progress, force)
            print_leaderboard(console, key, [record], set())
            console.print(f"Record: {record.folder / 'record.json'}", soft_wrap=True, highlight=False, markup=False)


@app.command()
def inpaint(
    image: Annotated[Path, typer.Argument(help="The picture to be filled.")],
    hole: Annotated[str, typer.Option(help="A mask file (white = missing), or `alpha`: the transparent pixels.")],
    method: Annotated[str, typer.Option(help="A key that `list` shows.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG to write.")],
    run: Annotated[
        Path | None, typer.Option(help="A run's folder, for a trained method. [default: the newest]")
    ] = None,
    black_hole: Annotated[bool, typer.Option("--black-hole", help="In the mask file black is missing.")] = False,
    seed: Seed = 0,
    device: Device = "auto",
    out: Out = RUNS,
    force: Annotated[bool, typer.Option("--force", help="Write over the output file.")] = False,
    include: Include = None,
) -> None:
    """Fill the hole of one picture.

    Examples:
      [bold]python -m bench inpaint cat.png --hole mask.png --method harmonic -o filled.png[/]

      [bold]python -m bench inpaint cutout.png --hole alpha --method fang2021 -o filled.png[/]
    """
    from bench.picture import inpaint_picture

    inpaint_picture(find_methods(include)[method], image, hole, output, run, not black_hole, seed, device, out, force)
    typer.echo(f"Written: {output}")


@app.command()
def report(key: PaperKey, out: Out = RUNS, include: Include = None) -> None:
    """Write a paper's pages again from the records that are there.

    Example: [bold]python -m bench report fang2021[/]
    """
    from bench.reproduce import report as write_pages

    console = open_console()
    _print_pages(console, write_pages(find_methods(include), key, out, cache_folder(), console))


@app.command()
def check(
    path: Annotated[
        Path | None, typer.Argument(help="A method's folder or file, or its key. [default: all methods found]")
    ] = None,
) -> None:
    """Run the contract over a method: known pixels, leakage, batch mates, seeds, resume, sizes, stated figures.

    Example: [bold]python -m bench check ../my-papers/mymethod[/]
    """
    from bench.contract import check_all

    catalog = find_methods(None)
    if path is None:
        entries = list(catalog.entries.values())
    elif str(path) in catalog.entries:
        entries = [catalog[str(path)]]
    else:
        found = find_methods([path]).entries.values()
        entries = [entry for entry in found if entry.path.is_relative_to(path.resolve())]
    raise typer.Exit(1 if check_all(entries, open_console()) else 0)


@app.command()
def doctor(out: Out = RUNS, weights: Weights = None) -> None:
    """Say what this machine has: versions, GPU, weights, room to write.

    Example: [bold]python -m bench doctor[/]
    """
    from bench.doctor import examine

    examine(open_console(), out, cache_folder(), weights)


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def main() -> None:
    """Entry point: bad input ends with one line and exit code 2."""
    try:
        app()
    except UserError as error:
        _fail(str(error), 2)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES):
            raise
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror}. Make room, or name another folder; what was written whole is kept.", 2)
    except Exception as error:
        if type(error).__name__ == "Stopped":  # by name, so that light verbs need not import torch
            _fail(f"{error}. The same command goes on.", 130 if getattr(error, "interrupted", False) else 0)
        raise


def _fail(text: str, code: int) -> None:
    typer.echo(f"{'error: ' if code == 2 else ''}{text}", err=True)
    sys.exit(code)


def _reproduction(
    catalog: "Catalog",
    key: str,
    out: Path,
    console: "Console",
    scale: str,
    data: str | None,
    variants: list[str] | None,
    seeds: list[int] | None,
    device: str,
    sets: list[str] | None,
    weights: Path | None,
    checkpoint_seconds: float = 30.0,
    minutes: float | None = None,
    suites: list[str] | None = None,
) -> "Reproduction":
    from bench.reproduce import Reproduction, Request
    from bench.settings import parse_sets
    from bench.training.loop import Options

    request = Request(
        key=key,
        out=out,
        cache=cache_folder(),
        scale=scale,
        data=data,
        suites=suites or [],
        variants=variants or [],
        seeds=list(dict.fromkeys(seeds or [0])),
        device=device,
        sets=parse_sets(sets or []),
        weights=weights,
        options=Options(minutes=minutes, checkpoint_seconds=checkpoint_seconds),
    )
    return Reproduction(catalog, request, console)


def _print_pages(console: "Console", paths: list[Path]) -> None:
    for path in paths:
        console.print(f"Page: {path.resolve()}", soft_wrap=True, highlight=False, markup=False)
