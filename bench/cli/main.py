"""The verbs. Each imports what it needs when it is called: `list` and `--help` never load torch."""

import errno
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench import __version__
from bench.cli.new import new
from bench.cli.options import (
    RUNS,
    AsPaper,
    CheckpointSeconds,
    DataName,
    Device,
    Force,
    Include,
    Key,
    MaskSets,
    Networks,
    Out,
    PaperKey,
    Processes,
    Scale,
    Seed,
    Seeds,
    Sets,
    Trust,
    Variant,
    Variants,
    Weights,
    WithBaselines,
    cache_folder,
    find_methods,
    find_one,
    open_console,
    sort_weights,
)
from bench.cli.queue import (
    DoctorCluster,
    DryRun,
    GpusPerNode,
    Nodes,
    ReproduceCluster,
    Segments,
    Workers,
    examine_cluster,
    submit,
)
from bench.cli.queue import cluster as queued
from bench.cli.scores import scores
from bench.util.errors import Stopped, UserError, WorkersLostError

if TYPE_CHECKING:
    from rich.console import Console


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
app.add_typer(queued)
app.add_typer(new)


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
def show(key: Key, include: Include = None) -> None:
    """Show the card of a paper, or of a baseline that has one: tables, claims, ledger, scales, variants.

    Example: [bold]python -m bench show fang2021[/]
    """
    from bench.contract.papers import refuse_mistakes
    from bench.paper.card import print_card

    catalog = find_methods(include)
    entry = catalog[key]
    refuse_mistakes(entry, catalog)
    paper = entry.description()
    if paper is None:
        raise UserError(f"'{key}' is a baseline without a paper.toml: it has no card. {entry.summary}")
    print_card(paper, key, open_console(), entry.is_paper)


@app.command()
def reproduce(
    key: PaperKey,
    scale: Scale = "quick",
    data: DataName = None,
    mask_set: MaskSets = None,
    variant: Variants = None,
    seed: Seeds = None,
    device: Device = "auto",
    sets: Sets = None,
    with_baselines: WithBaselines = False,
    out: Out = RUNS,
    force: Force = False,
    include: Include = None,
    weights: Weights = None,
    checkpoint_seconds: CheckpointSeconds = 30.0,
    processes: Processes = 1,
    cluster: ReproduceCluster = None,
    dry_run: DryRun = False,
    workers: Workers = 0,
    segments: Segments = None,
    nodes: Nodes = None,
    gpus_per_node: GpusPerNode = None,
) -> None:
    """Train, evaluate, judge and report a paper. What is done already is not done again.

    Runs that differ only in what comes after the training share trained networks.

    Examples:
      [bold]python -m bench reproduce fang2021[/]

      [bold]python -m bench reproduce fang2021 --variant no_l1 --seed 0 --seed 1[/]

      [bold]python -m bench reproduce fang2021 --scale paper --data imagenet=/data/imagenet --device cuda[/]

      [bold]python -m bench reproduce fang2021 --scale paper --data imagenet=/data/imagenet --cluster mycluster[/]
    """
    from bench.contract.papers import refuse_mistakes

    catalog = find_methods(include)
    refuse_mistakes(catalog[key], catalog)
    catalog[key].paper()
    if cluster is not None or dry_run:
        if force:
            raise UserError("--force does not go with --cluster: delete the folders of the runs to make again.")
        if processes > 1:
            raise UserError("--processes is for this machine alone. With --cluster say --nodes and --gpus-per-node.")
        submit(
            [key], cluster or "local", scale, [data] if data else None, mask_set, variant, seed, device, sets,
            with_baselines, out, include, weights, checkpoint_seconds, workers, segments, nodes, gpus_per_node, dry_run,
        )  # fmt: skip
        return
    if nodes or gpus_per_node:
        raise UserError("--nodes and --gpus-per-node go with --cluster. On this machine alone say --processes.")
    from bench.reproduce import Reproduction, Request
    from bench.reproduce import report as write_pages
    from bench.training.loop import Options

    console = open_console()
    console.print(f"Output: {out.resolve()}", soft_wrap=True, highlight=False, markup=False)
    request = Request(
        key, out, cache_folder(), scale, data, mask_sets=mask_set or (), variants=variant or (), seeds=seed or (0,),
        device=device, sets=sets or (), weights=weights, options=Options(checkpoint_seconds=checkpoint_seconds),
        with_baselines=with_baselines, processes=processes,
    )  # fmt: skip
    work = Reproduction(catalog, request, console)
    work.make(force)
    _print_pages(console, write_pages(catalog, key, out, cache_folder(), console))


@app.command()
def train(
    key: Key,
    scale: Scale = "quick",
    data: DataName = None,
    mask_set: MaskSets = None,
    variant: Variant = "default",
    seed: Seed = 0,
    device: Device = "auto",
    sets: Sets = None,
    paper: AsPaper = None,
    out: Out = RUNS,
    include: Include = None,
    minutes: Annotated[
        float | None, typer.Option(min=0, help="Stop safely after so many minutes; the same command goes on.")
    ] = None,
    checkpoint_seconds: CheckpointSeconds = 30.0,
    processes: Processes = 1,
) -> None:
    """Train a method, or go on training it. Ctrl-C stops safely; the same command goes on.

    Examples:
      [bold]python -m bench train fang2021 --data faces --minutes 1[/]

      [bold]python -m bench train fang2021 --scale paper --data imagenet=/data/imagenet --processes 2[/]
    """
    from bench.reproduce import Reproduction, Request
    from bench.training.loop import Options

    console = open_console()
    request = Request(
        key, out, cache_folder(), scale, data, mask_sets=mask_set or (), variants=[variant], seeds=[seed],
        device=device, sets=sets or (), options=Options(minutes=minutes, checkpoint_seconds=checkpoint_seconds),
        host=paper, processes=processes,
    )  # fmt: skip
    work = Reproduction(find_methods(include), request, console)
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
    mask_set: MaskSets = None,
    variant: Variant = "default",
    seed: Seed = 0,
    device: Device = "auto",
    sets: Sets = None,
    paper: AsPaper = None,
    out: Out = RUNS,
    force: Force = False,
    include: Include = None,
    weights: Networks = None,
    trust: Trust = False,
) -> None:
    """Score one method (trained first if need be) and write its record.

    With --weights FILE nothing is trained: the row is that of somebody else's networks, and no verdict rests on it.

    Examples:
      [bold]python -m bench evaluate harmonic --data photos[/]

      [bold]python -m bench evaluate ca --weights deepfillv1_256x256_4x4_celeba_20200619-dd51a855.pth --scale paper[/]

      [bold]python -m bench evaluate torchscript:big-lama.pt --trust --data photos[/]

      [bold]python -m bench evaluate telea --data photos --masks irregular_10_20 --masks nvidia=/data/nvidia:10_20[/]
    """
    from bench.methods.pretrained import load_pretrained
    from bench.report import print_leaderboard
    from bench.reproduce import Reproduction, Request

    console = open_console()
    catalog, key = find_one(include, key, trust)
    files, lpips = sort_weights(weights)
    pretrained = load_pretrained(catalog[key], files) if files else None
    request = Request(
        key, out, cache_folder(), scale, data, mask_sets=mask_set or (), variants=[variant], seeds=[seed],
        device=device, sets=sets or (), weights=lpips, host=paper, pretrained=pretrained,
    )  # fmt: skip
    work = Reproduction(catalog, request, console)
    for protocol, data_set in work.each_data():
        for run in work.runs(protocol, data_set, [variant]):
            record = run.make(work.progress, force)
            print_leaderboard(console, key, [record], set())
            for note in record.content["notes"] if record.run.origin == "pretrained" else ():
                console.print(note, soft_wrap=True, highlight=False, markup=False)
            console.print(f"Record: {record.folder / 'record.json'}", soft_wrap=True, highlight=False, markup=False)


@app.command()
def inpaint(
    image: Annotated[Path, typer.Argument(help="The picture to be filled.")],
    hole: Annotated[str, typer.Option(help="A mask file (white = missing), or `alpha`: the transparent pixels.")],
    method: Annotated[str, typer.Option(help="A key that `list` shows, or torchscript:FILE.")],
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
    weights: Networks = None,
    trust: Trust = False,
) -> None:
    """Fill the hole of one picture.

    Examples:
      [bold]python -m bench inpaint cat.png --hole mask.png --method harmonic -o filled.png[/]

      [bold]python -m bench inpaint cutout.png --hole alpha --method fang2021 -o filled.png[/]
    """
    from bench.methods.pretrained import load_pretrained
    from bench.runs.picture import inpaint_picture

    catalog, key = find_one(include, method, trust)
    files, _ = sort_weights(weights)
    pretrained = load_pretrained(catalog[key], files) if files else None
    inpaint_picture(catalog[key], image, hole, output, run, not black_hole, seed, device, out, force, pretrained)
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
def doctor(out: Out = RUNS, weights: Weights = None, cluster: DoctorCluster = None) -> None:
    """Say what this machine has: versions, GPU, weights, room to write. Or what a cluster and its nodes have.

    Examples:
      [bold]python -m bench doctor[/]

      [bold]python -m bench doctor --cluster mycluster[/]
    """
    if cluster is not None:
        examine_cluster(cluster, out, weights)
        return
    from bench.cli.doctor import examine

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
    except WorkersLostError as lost:
        _fail(f"{lost}. The same command goes on from what was saved last.", 1)
    except Stopped as stop:
        _fail(f"{stop}. The same command goes on.", 130 if stop.interrupted else 0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES):
            raise
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror}. Make room, or name another folder; what was written whole is kept.", 2)


def _fail(text: str, code: int) -> None:
    typer.echo(f"{'error: ' if code == 2 else ''}{text}", err=True)
    sys.exit(code)


def _print_pages(console: "Console", paths: list[Path]) -> None:
    for path in paths:
        console.print(f"Page: {path.resolve()}", soft_wrap=True, highlight=False, markup=False)
