"""Verbs about queued runs, of the app in bench/cli/main.py. As there, each imports what it needs when it is called."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import (
    RUNS,
    CheckpointSeconds,
    Device,
    Include,
    MaskSets,
    Out,
    Scale,
    Seeds,
    Sets,
    Weights,
    WithBaselines,
    cache_folder,
    find_methods,
    open_console,
)

if TYPE_CHECKING:
    from bench.cluster.order import Order

cluster = typer.Typer()

Keys = Annotated[list[str], typer.Argument(metavar="METHOD...", help="Papers (with their floors) and baselines.")]
Cluster = Annotated[
    str, typer.Option("--cluster", metavar="PROFILE", help="slurm/PROFILE.toml, a TOML file, or `local`.")
]
ReproduceCluster = Annotated[
    str | None, typer.Option("--cluster", metavar="PROFILE", help="Queue the runs there and return; see `submit`.")
]
DoctorCluster = Annotated[
    str | None, typer.Option("--cluster", metavar="PROFILE", help="Look at this cluster, by a job on a compute node.")
]
Datas = Annotated[
    list[str] | None, typer.Option("--data", metavar="NAME[=PATH]", help="Data set; repeat it. [default: the scale's]")
]
Variants = Annotated[
    list[str] | None, typer.Option("--variant", help="Also run this variant; repeat it, or say `all`.")
]
Workers = Annotated[
    int, typer.Option(min=0, help="With `--cluster local`: so many at a time on the processor. [default: one a GPU]")
]
Segments = Annotated[
    int | None, typer.Option(min=1, help="Jobs in a training's chain. [default: the profile's, or by the estimate]")
]
Nodes = Annotated[int | None, typer.Option(min=1, help="Nodes that train one run together. [default: the profile's]")]
GpusPerNode = Annotated[
    int | None, typer.Option(min=0, help="GPUs, a process each, that train one run on each node. [default: as above]")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
Runs = Annotated[list[str] | None, typer.Argument(metavar="RUN...", help="Ids as `status` shows them. [default: all]")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="An id as `status` shows it.")]


@cluster.command()
def submit(
    keys: Keys,
    cluster: Cluster,
    scale: Scale = "quick",
    data: Datas = None,
    mask_set: MaskSets = None,
    variant: Variants = None,
    seed: Seeds = None,
    device: Device = "auto",
    sets: Sets = None,
    with_baselines: WithBaselines = False,
    out: Out = RUNS,
    include: Include = None,
    weights: Weights = None,
    checkpoint_seconds: CheckpointSeconds = 30.0,
    workers: Workers = 0,
    segments: Segments = None,
    nodes: Nodes = None,
    gpus_per_node: GpusPerNode = None,
    dry_run: DryRun = False,
) -> None:
    """Queue papers x variants x seeds x data, and return at once. What is done or under way is not queued again.

    Examples:
      [bold]python -m bench submit fang2021 --variant no_l1 --seed 0 --seed 1 --seed 2 --cluster mycluster[/]

      [bold]python -m bench submit fang2021 harmonic --data faces --data photos --cluster local --workers 2[/]

      [bold]python -m bench submit fang2021 --scale paper --cluster mycluster --nodes 2 --gpus-per-node 4[/]
    """
    from bench.cluster.order import Order, absolute
    from bench.cluster.profile import read_profile

    order = Order(
        keys,
        out.resolve(),
        cache_folder().resolve(),
        read_profile(cluster, workers, nodes, gpus_per_node),
        scale,
        data=[absolute(spec) for spec in data or ()],
        mask_sets=[absolute(spec) for spec in mask_set or ()],
        variants=variant or (),
        seeds=seed or (0,),
        device=device,
        sets=sets or (),
        weights=weights and weights.resolve(),
        include=[path.resolve() for path in include or ()],
        checkpoint_seconds=checkpoint_seconds,
        with_baselines=with_baselines,
        workers=workers,
        segments=segments,
    )
    queue(order, dry_run)


@cluster.command()
def plan(
    keys: Keys,
    cluster: Cluster,
    scale: Scale = "quick",
    data: Datas = None,
    mask_set: MaskSets = None,
    variant: Variants = None,
    seed: Seeds = None,
    device: Device = "auto",
    sets: Sets = None,
    with_baselines: WithBaselines = False,
    out: Out = RUNS,
    include: Include = None,
    weights: Weights = None,
    workers: Workers = 0,
    segments: Segments = None,
    nodes: Nodes = None,
    gpus_per_node: GpusPerNode = None,
) -> None:
    """Say what `submit` would do: what is there, what would run, GPU-hours, what is missing, the batch script.

    Example: [bold]python -m bench plan fang2021 --scale paper --data imagenet=/data/imagenet --cluster mycluster[/]
    """
    submit(
        keys, cluster, scale, data, mask_set, variant, seed, device, sets, with_baselines, out, include, weights, 30.0,
        workers, segments, nodes, gpus_per_node, dry_run=True,
    )  # fmt: skip


@cluster.command()
def status(
    runs: Runs = None,
    out: Out = RUNS,
    watch: Annotated[bool, typer.Option("--watch", help="Show it live until all are over.")] = False,
) -> None:
    """Show every queued run: state, progress, rate, remaining time, attempts, node, last error.

    It asks the files, so it works from any login and without accounting. The exit code is the number of failed runs.

    Example: [bold]python -m bench status --watch[/]
    """
    from bench.cluster.live import show_status

    raise typer.Exit(show_status(open_console(), out.resolve(), runs or [], watch))


@cluster.command()
def logs(
    run: Run,
    out: Out = RUNS,
    lines: Annotated[int, typer.Option(min=1, help="So many last lines of each log.")] = 40,
) -> None:
    """Show what happened to a run: its events, the last lines of its logs, its traceback.

    Example: [bold]python -m bench logs fang2021-faces-quick-seed0-0123abcd[/]
    """
    from bench.cluster.verbs import print_logs

    print_logs(open_console(), out.resolve(), run, lines)


@cluster.command()
def retry(
    runs: Runs = None,
    out: Out = RUNS,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="PROFILE", help="Instead of the profile of then.")
    ] = None,
) -> None:
    """Queue again the runs that have failed or were lost (named ones: cancelled too), with the code of then.

    After a change of the code, `submit` again instead.

    Example: [bold]python -m bench retry[/]
    """
    from bench.cluster.profile import read_profile
    from bench.cluster.verbs import retry as queue_again

    ids = queue_again(out.resolve(), runs or [], read_profile(cluster) if cluster else None)
    for name in ids:
        typer.echo(name)
    typer.echo(f"{len(ids)} queued again")


@cluster.command()
def cancel(
    runs: Runs = None,
    out: Out = RUNS,
    everything: Annotated[bool, typer.Option("--all", help="All that are not over.")] = False,
) -> None:
    """End queued and running runs. What they have saved is kept.

    Example: [bold]python -m bench cancel --all[/]
    """
    from bench.cluster.verbs import cancel as end
    from bench.util.errors import UserError

    if bool(runs) == everything:
        raise UserError("cancel: name the runs, or say --all.")
    for status in end(out.resolve(), runs or []):
        typer.echo(status.folder.id)


@cluster.command()
def collect(out: Out = RUNS, include: Include = None) -> None:
    """Write the papers' pages from what is done by now. The exit code is the number of failed runs.

    Example: [bold]python -m bench collect[/]
    """
    from bench.cluster.verbs import collect as gather

    raise typer.Exit(min(100, gather(out.resolve(), open_console(), cache_folder(), include or [])))


def examine_cluster(profile: str, out: Path, weights: Path | None) -> None:
    """Ask the scheduler and a compute node; the exit code is the number of things that are not as they should be."""
    from bench.cluster.doctor import examine
    from bench.cluster.profile import read_profile

    where = read_profile(profile), out.resolve(), cache_folder().resolve(), weights
    raise typer.Exit(examine(open_console(), *where))


def queue(order: "Order", dry_run: bool) -> None:
    """Submit an order, or only say what that would do."""
    from bench.cluster.show import print_submitted
    from bench.cluster.submit import submit as enqueue

    console, catalog = open_console(), find_methods(list(order.include))
    if dry_run:
        from bench.cluster.plan import print_plan

        print_plan(console, catalog, order)
        return
    made, submission = enqueue(catalog, order, console)
    if submission is None:
        console.print(f"Nothing to submit: all {len(made.tasks)} runs are done or under way.", highlight=False)
    else:
        print_submitted(console, submission, order.out, [planned.task.id for planned in made.to_do])
