"""Verbs for scores, part of the app in bench/cli/main.py. Each imports what it needs when it is called."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import RUNS, Force, Include, MaskSets, Out, Weights, find_methods, open_console

scores = typer.Typer()


class Timed(StrEnum):
    """What `speed` times."""

    ALL = "all"
    METRICS = "metrics"
    SCORE = "score"
    MASKS = "masks"
    LPIPS = "lpips"
    LOADING = "loading"
    LATENT = "latent"
    TRAINING = "training"
    CAMPAIGN = "campaign"


@scores.command()
def speed(
    subject: Annotated[Timed, typer.Argument(help="What to time.")] = Timed.ALL,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer sizes and repeats.")] = False,
) -> None:
    """Time metrics, scoring, masks, LPIPS, loading, latent search, training, campaigns: medians, ratios to other code.

    Training also says which share it reaches of the most that this machine can do, measured on the spot, and how far
    bfloat16 and compiled networks are from float32.

    The other libraries are an extra, [bold]pip install -e '.\\[speed]'[/]; those that are missing are reported.

    Examples:
      [bold]python -m bench speed metrics[/]

      [bold]python -m bench speed --quick[/]
    """
    from bench.speed.table import print_speed

    print_speed(open_console(), subject, quick)


@scores.command()
def fetch(
    what: Annotated[str, typer.Argument(help="lpips (the weights of both trunks, alex and vgg), vgg16 or vgg19.")],
    to: Annotated[
        Path | None,
        typer.Option(
            "--to", "--weights", metavar="FOLDER", help="Where to put them. (default: where torchvision does)"
        ),
    ] = None,
) -> None:
    """Download weights once, on a machine with a network, and check them against their published hashes.

    Examples:
      [bold]python -m bench fetch lpips[/]

      [bold]python -m bench fetch vgg16 --to weights[/]     (for pconv's perceptual and style losses)
    """
    from bench.cli.fetch import fetch_weights

    fetch_weights(open_console(), what, to)


@scores.command()
def export(
    data: Annotated[str, typer.Option("--data", metavar="NAME[=PATH]", help="Data set.")],
    out: Annotated[Path, typer.Option(help="A new folder for the pictures; an unfinished one is resumed.")],
    scale: Annotated[
        str | None, typer.Option(help="The pictures and sizes of this scale: smoke, quick or paper. (default: quick)")
    ] = None,
    paper: Annotated[
        str | None,
        typer.Option(metavar="PAPER", help="Use this paper's protocol, so that scores join its own leaderboard."),
    ] = None,
    mask_set: MaskSets = None,
    resolution: Annotated[int | None, typer.Option(min=11, help="Instead of a scale: side in pixels.")] = None,
    images: Annotated[int | None, typer.Option(min=1, help="Instead of a scale: at most this many pictures.")] = None,
    include: Include = None,
) -> None:
    """Write pictures and holes as PNG files for any other tool; `score` then scores its output.

    LaMa and IOPaint read the folder directly; its README.txt says how. Rerun the command to resume after a kill.

    Examples:
      [bold]python -m bench export --data faces --paper fang2021 --out faces-out[/]

      [bold]python -m bench export --data folder=PATH --resolution 256 --images 1000 --masks irregular --out mine-out[/]
    """
    from bench.api.verbs import export as write

    write(
        out,
        data=data,
        scale=scale,
        paper=paper,
        mask_sets=mask_set or (),
        resolution=resolution,
        images=images,
        include=include or (),
        progress=open_console(),
    )
    typer.echo(f"Next: {out / 'README.txt'}")


@scores.command()
def score(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that `export` wrote.")],
    predictions: Annotated[Path, typer.Option(help="The completed pictures: PREDICTIONS/MASK_SET/NAME.png.")],
    name: Annotated[str, typer.Option(help="The method's name on the leaderboard.")],
    mask_set: Annotated[
        list[str] | None, typer.Option("--masks", help="Only this mask set; repeatable. (default: all)")
    ] = None,
    out: Out = RUNS,
    partial: Annotated[
        bool, typer.Option("--partial", help="If pictures are missing, score the rest; the result is never ranked.")
    ] = False,
    force: Force = False,
    include: Include = None,
    weights: Weights = None,
) -> None:
    """Score another tool's output for an export, and put it on the leaderboard.

    The known pixels are checked against the truth, then replaced by the truth's for scoring. JPEG, resized, missing,
    damaged and mixed-up pictures are reported. Rerun the command to resume after a kill; the record is the same.

    Examples:
      [bold]python -m bench score faces-out --predictions lama-out --name lama[/]

      [bold]python -m bench score faces-out --predictions lama-out --name lama --masks center[/]
    """
    from bench.api.verbs import score as measure
    from bench.exchange.shown import show as print_score

    console = open_console()
    made = measure(
        folder,
        predictions=predictions,
        name=name,
        out=out,
        mask_sets=mask_set or (),
        partial=partial,
        lpips=weights,
        force=force,
        include=include or (),
        progress=console,
    )
    print_score(made.record, find_methods(include), console)


@scores.command()
def explain(
    what: Annotated[str, typer.Argument(metavar="PAPER|RECORD", help="A key, or a run's folder or record.json.")],
    out: Out = RUNS,
    include: Include = None,
) -> None:
    """Say which definition of a metric would yield the numbers that a paper prints, and whether its rows agree.

    For each reported number: what was measured, under every published definition. The printed numbers are checked
    against each other too, which needs no run. It only suggests; verdicts use the definition declared beforehand.

    Examples:
      [bold]python -m bench explain fang2021[/]

      [bold]python -m bench explain runs/runs/faces-quick/harmonic-seed0-0123456789ab[/]
    """
    from bench.report.definitions import explain_key, explain_record

    console = open_console()
    catalog = find_methods(include)
    if what in catalog.entries or not Path(what).exists():
        explain_key(console, catalog, what, out)
    else:
        explain_record(console, catalog, Path(what))
