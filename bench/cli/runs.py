"""Verbs for runs, part of the app in bench/cli/main.py. Each imports what it needs when it is called."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import RUNS, Include, Out, PaperKey, Variant, asks, find_methods, open_console
from bench.cli.queue import DryRun, ReproduceCluster, queue
from bench.cluster.profile import LOCAL, Placement
from bench.runs.request import Request
from bench.util.errors import UserError


@asks(
    Request,
    "key scale data mask_sets variants seeds device changes with_baselines out force include lpips checkpoint_seconds"
    " processes threads workers",
    key=PaperKey,
)
@asks(Placement, "segments nodes gpus_per_node")
def reproduce(
    *, request: Request, cluster: ReproduceCluster = None, dry_run: DryRun = False, placement: Placement
) -> None:
    """Train, evaluate, judge and report a paper. Finished work is never repeated.

    Runs that differ only in what comes after the training share trained networks. At scale quick papers run on drawn
    faces; the few photographs that come along (--data photos) show fills and decide nothing.

    Examples:
      [bold]python -m bench reproduce fang2021[/]

      [bold]python -m bench reproduce fang2021 --variant no_l1 --seed 0 --seed 1[/]

      [bold]python -m bench reproduce fang2021 --scale paper --data imagenet=/data/imagenet --device cuda[/]

      [bold]python -m bench reproduce fang2021 --scale paper --data imagenet=/data/imagenet --cluster mycluster[/]
    """
    _refuse_bad_names(request)
    if cluster is not None or dry_run:
        from bench.methods.catalog import find

        find(request.include)[request.key].paper()
        more = {"cluster": cluster or LOCAL, "workers": request.workers}
        queue([request], placement.model_copy(update=more), dry_run, direct=cluster is None)
        return
    if placement.nodes or placement.gpus_per_node:
        raise UserError("--nodes and --gpus-per-node go with --cluster. On this machine, use --processes.")
    from bench.api.reproduction import print_reproduction
    from bench.api.verbs import reproduce as make

    console = open_console()
    console.print(f"Output: {request.out.resolve()}", soft_wrap=True, highlight=False, markup=False)
    print_reproduction(console, make(request, progress=console))


@asks(
    Request,
    "key scale data mask_sets variants seeds device changes paper out include minutes checkpoint_seconds processes"
    " threads",
    variants=Variant,
)
def train(request: Request) -> None:
    """Train a method, or resume its training. Ctrl-C stops safely; rerun the command to resume.

    Examples:
      [bold]python -m bench train fang2021 --data faces --minutes 1[/]

      [bold]python -m bench train fang2021 --scale paper --data imagenet=/data/imagenet --processes 2[/]
    """
    from bench.runs.worklist import Worklist
    from bench.util.progress import Progress

    Worklist(request, Progress(open_console())).train()


@asks(
    Request,
    "key scale data mask_sets variants seeds device changes paper out force include networks trust threads",
    variants=Variant,
)
def evaluate(request: Request) -> None:
    """Score one method, training it first if necessary, and write its record.

    With --weights FILE nothing is trained: the networks come from elsewhere, and no verdict rests on them.

    Examples:
      [bold]python -m bench evaluate harmonic --data photos[/]

      [bold]python -m bench evaluate ca --weights deepfillv1_256x256_4x4_celeba_20200619-dd51a855.pth --scale paper[/]

      [bold]python -m bench evaluate torchscript:big-lama.pt --trust --data photos[/]

      [bold]python -m bench evaluate telea --data photos --masks irregular_10_20 --masks nvidia=/data/nvidia:10_20[/]
    """
    from bench.api.verbs import evaluate as score
    from bench.report import print_leaderboard

    console = open_console()
    for record in score(request, progress=console).records:
        print_leaderboard(console, record.run.method, [record], set())
        for note in record.content.notes if record.run.origin == "pretrained" else ():
            console.print(note, soft_wrap=True, highlight=False, markup=False)
        console.print(f"Record: {record.folder / 'record.json'}", soft_wrap=True, highlight=False, markup=False)


def report(
    key: Annotated[
        str | None, typer.Argument(metavar="[PAPER]", help="A paper's key. (default: all with records)")
    ] = None,
    out: Out = RUNS,
    include: Include = None,
    readme: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Of all papers: also write the table of verdicts between this file's marks."),
    ] = None,
) -> None:
    """Rewrite pages from the existing records: of one paper, or of all that have any, with a page over them.

    The page over all is OUT/reports/index.html, and OUT/README.md unless somebody else wrote that.

    Examples:
      [bold]python -m bench report fang2021[/]

      [bold]python -m bench report --out results --readme README.md[/]
    """
    if key is not None:
        from bench.api.reproduction import print_reproduction
        from bench.api.reproduction import report as judge

        if readme is not None:
            raise UserError("--readme is for the table over all papers: name no paper.")
        request = Request.of(key, out=out, include=include or ())
        print_reproduction(open_console(), judge(find_methods(include), request))
        return
    from bench.api.overview import print_overview
    from bench.api.verbs import overview

    console = open_console()
    print_overview(console, overview(out, readme=readme, include=include or (), progress=console))


def _refuse_bad_names(request: Request) -> None:
    """Before torch is loaded, which takes seconds: what can be refused without it."""
    from bench.methods.catalog import find
    from bench.paper.reader import look

    entry = find(request.include)[request.key]
    if entry.described:
        reading = look(entry.path / "paper.toml")
        reading.refuse(reading.mistakes)
