"""Verbs for queued runs, part of the app in bench/cli/main.py. Each imports what it needs when it is called."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import RUNS, Include, Out, asks, cache_folder, open_console
from bench.cluster.profile import Placement
from bench.runs.request import Request

cluster = typer.Typer()

Keys = Annotated[list[str], typer.Argument(metavar="METHOD...", help="Papers (with their floors) and baselines.")]
Cluster = Annotated[
    str, typer.Option("--cluster", metavar="PROFILE", help="slurm/PROFILE.toml, a TOML file, or `local`.")
]
ReproduceCluster = Annotated[
    str | None,
    typer.Option("--cluster", metavar="PROFILE", help="Queue the runs on this cluster and return; see `submit`."),
]
DoctorCluster = Annotated[
    str | None,
    typer.Option("--cluster", metavar="PROFILE", help="Check this cluster, with a short job on a compute node."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")]
Runs = Annotated[list[str] | None, typer.Argument(metavar="RUN...", help="Ids as `status` shows them. (default: all)")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="An id as `status` shows it.")]


REQUEST = "key scale data mask_sets variants seeds device changes with_baselines out include lpips threads"
PLACEMENT = "workers segments nodes gpus_per_node"


@cluster.command()
@asks(Request, f"{REQUEST} checkpoint_seconds", key=Keys)
@asks(Placement, PLACEMENT)
def submit(*, cluster: Cluster, requests: list[Request], placement: Placement, dry_run: DryRun = False) -> None:
    """Queue papers x variants x seeds x data, and return at once. What is done or under way is not queued twice.

    Examples:
      [bold]python -m bench submit fang2021 --variant no_l1 --seed 0 --seed 1 --seed 2 --cluster mycluster[/]

      [bold]python -m bench submit fang2021 harmonic --data faces --data photos --cluster local --workers 2[/]

      [bold]python -m bench submit jiao2023 --scale paper --cluster mycluster --nodes 2 --gpus-per-node 4[/]
    """
    queue(requests, placement.model_copy(update={"cluster": cluster}), dry_run)


@cluster.command()
@asks(Request, REQUEST, key=Keys)
@asks(Placement, PLACEMENT)
def plan(*, cluster: Cluster, requests: list[Request], placement: Placement) -> None:
    """Say what `submit` would do: what is there, what would run, GPU-hours, what is missing, the batch script.

    Example: [bold]python -m bench plan fang2021 --scale paper --data imagenet=/data/imagenet --cluster mycluster[/]
    """
    queue(requests, placement.model_copy(update={"cluster": cluster}), dry_run=True)
    from bench.cli.settle import print_open_claims

    print_open_claims(open_console(), requests, placement.model_copy(update={"cluster": cluster}))


@cluster.command()
def status(
    runs: Runs = None,
    out: Out = RUNS,
    watch: Annotated[bool, typer.Option("--watch", help="Keep updating until every run has ended.")] = False,
) -> None:
    """Show every queued run: state, progress, rate, remaining time, attempts, node, last error.

    It reads files only, so it works from any login node, without accounting. The exit code counts failed runs.

    Example: [bold]python -m bench status --watch[/]
    """
    from bench.cluster.live import show_status

    raise typer.Exit(show_status(open_console(), out.resolve(), runs or [], watch))


@cluster.command()
def logs(
    run: Run,
    out: Out = RUNS,
    lines: Annotated[int, typer.Option(min=1, help="Lines to show from the end of each log.")] = 40,
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
        str | None,
        typer.Option(
            "--cluster", metavar="PROFILE", help="Use this profile instead of the one the runs were submitted with."
        ),
    ] = None,
) -> None:
    """Requeue the runs that failed or were lost (if named, cancelled ones too), with the code they were submitted with.

    After a code change, `submit` again instead.

    Example: [bold]python -m bench retry[/]
    """
    from bench.cluster.profile import read_profile
    from bench.cluster.verbs import retry as queue_again

    ids = queue_again(out.resolve(), runs or [], read_profile(cluster) if cluster else None)
    for name in ids:
        typer.echo(name)
    typer.echo(f"{len(ids)} requeued")


@cluster.command()
def cancel(
    runs: Runs = None,
    out: Out = RUNS,
    everything: Annotated[bool, typer.Option("--all", help="All runs that have not ended.")] = False,
) -> None:
    """Stop queued and running runs. What they have saved is kept.

    Example: [bold]python -m bench cancel --all[/]
    """
    from bench.cluster.verbs import cancel as end
    from bench.util.errors import UserError

    if bool(runs) == everything:
        raise UserError("cancel: name the runs, or pass --all.")
    for status in end(out.resolve(), runs or []):
        typer.echo(status.folder.id)


@cluster.command()
def collect(out: Out = RUNS, include: Include = None) -> None:
    """Write the papers' pages from what is done so far. The exit code is the number of failed runs.

    Example: [bold]python -m bench collect[/]
    """
    from bench.cluster.verbs import collect as gather

    raise typer.Exit(min(100, gather(open_console(), out.resolve(), include or [])))


def examine_cluster(profile: str, out: Path, weights: Path | None) -> None:
    """Ask the scheduler and a compute node; the exit code is the number of failed checks."""
    from bench.cluster.doctor import examine
    from bench.cluster.profile import read_profile

    where = read_profile(profile), out.resolve(), cache_folder().resolve(), weights
    raise typer.Exit(examine(open_console(), *where))


def queue(requests: Sequence[Request], placement: Placement, dry_run: bool, direct: bool = False) -> None:
    """Submit requests, or only say what that would do, or what one command without a queue (`direct`) would."""
    from bench.cluster.campaign import campaign
    from bench.cluster.profile import warnings
    from bench.cluster.show import print_submitted
    from bench.cluster.submit import submit as enqueue

    console, asked = open_console(), campaign(requests, placement, direct)
    for text in warnings(asked.profile):
        console.print(f"Warning: {text}.", highlight=False, markup=False, soft_wrap=True)
    if dry_run:
        from bench.cluster.plan import print_plan

        print_plan(console, asked)
        return
    made, submission = enqueue(asked, console)
    if submission is None:
        console.print(f"Nothing to submit: all {len(made.tasks)} runs are done or under way.", highlight=False)
    else:
        print_submitted(console, submission, asked.out, [planned.task.id for planned in made.to_do])
