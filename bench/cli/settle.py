"""`settle`, part of the app in bench/cli/main.py, and what other verbs say of open claims."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import asks, open_console
from bench.cli.queue import DryRun, ReproduceCluster
from bench.cluster.profile import Placement
from bench.runs.request import Request
from bench.util.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

Papers = Annotated[list[str], typer.Argument(metavar="PAPER...", help="Papers, as `list` shows them.")]
Hours = Annotated[float, typer.Option(help="The budget: hours of this machine, by estimate; earlier calls count.")]


@asks(Request, "key scale data device out include lpips checkpoint_seconds threads workers", key=Papers)
@asks(Placement, "segments nodes gpus_per_node")
def settle(
    *,
    requests: list[Request],
    hours: Hours = 1.0,
    cluster: ReproduceCluster = None,
    dry_run: DryRun = False,
    placement: Placement,
) -> None:
    """Answer as many open claims as a budget of hours allows: work out what they lack, run the cheapest first, judge.

    It makes the runs that `reproduce` would make with the right variants and seeds, in rounds, and judges after each.
    Interrupt or kill it whenever you like: the same command goes on. More --hours go further.

    Examples:
      [bold]python -m bench settle fang2021[/]

      [bold]python -m bench settle fang2021 huang2022 --hours 3[/]

      [bold]python -m bench settle fang2021 --hours 0.5 --dry-run[/]

      [bold]python -m bench settle jiao2023 --scale paper --data celeba=/data/celeba --hours 200 --cluster mycluster[/]
    """
    from bench.settling.verbs import checked

    requests = checked(requests, hours)
    console = open_console()
    if cluster is not None:
        from bench.settling.queued import settle_queued

        settle_queued(requests, hours, placement.model_copy(update={"cluster": cluster}), console, dry_run)
        return
    if placement.nodes or placement.gpus_per_node or placement.segments:
        raise UserError("--nodes, --gpus-per-node and --segments go with --cluster.")
    from bench.settling.rounds import Settling
    from bench.settling.show import print_claims, print_settlement, say
    from bench.util.progress import Progress

    where = f"Output: {requests[0].out.resolve()}"
    say(console, where)
    work = Settling(requests, Progress(console))
    if dry_run:
        questions, found = work.forecast(hours, measure=True)
        print_claims(console, questions, found, hours, work.at_once)
        return
    made = work.settle(hours)
    print_settlement(console, made)
    for one in made.reproductions.values():
        say(console, f"Page: {one.pages[0].resolve()}")
    say(console, where)


def print_open_claims(console: "Console", requests: Sequence[Request], placement: Placement) -> None:
    """The table of `settle`, without a budget, by what is known of how long runs take."""
    from bench.methods.catalog import find
    from bench.settling.queued import QueuedRound
    from bench.settling.show import print_claims

    papers = [_as_claimed(one) for one in requests if find(one.include)[one.key].reproducible]
    if papers and not _changed(requests[0]):
        work = QueuedRound(papers, float("inf"), placement, console)
        work.plan(work.asked, console)
        print_claims(console, work.questions, work.found, None, 1)


def print_hint(console: "Console", request: Request) -> None:
    """After a reproduction: what `settle` would answer, and at what cost as far as that is known."""
    from bench.settling.rounds import Settling
    from bench.settling.show import hint, say
    from bench.util.progress import Progress

    if _changed(request) or request.scale == "smoke":
        return
    _, found = Settling([_as_claimed(request)], Progress(console)).forecast(float("inf"), measure=False)
    if found:
        say(console, hint(found, _command(request)))


def _changed(request: Request) -> bool:
    """Whether settings or holes are others than those that claims are about."""
    return bool(request.changes or request.mask_sets)


def _as_claimed(request: Request) -> Request:
    """Without what the claims decide."""
    return request.but(variants=(), seeds=(), with_baselines=False, force=False, processes=1)


def _command(request: Request) -> str:
    words = ["python", "-m", "bench", "settle", request.key]
    words += ["--scale", request.scale] if request.scale != "quick" else []
    words += [word for name in request.data for word in ("--data", name)]
    words += [word for path in request.include for word in ("--include", str(path))]
    words += ["--out", str(request.out)] if request.out != Request.model_fields["out"].default else []
    return shlex.join(words)
