"""Verbs about scores, of the app in bench/cli.py. As there, each imports what it needs when it is called."""

from enum import StrEnum
from typing import Annotated

import typer

from bench.cli_options import Weights, open_console

scores = typer.Typer()


class Subject(StrEnum):
    """What `speed` times."""

    ALL = "all"
    METRICS = "metrics"
    MASKS = "masks"
    LPIPS = "lpips"
    LOADING = "loading"


@scores.command()
def speed(
    subject: Annotated[Subject, typer.Argument(help="What to time.")] = Subject.ALL,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer sizes and repeats.")] = False,
) -> None:
    """Time metrics, masks, LPIPS and loading beside other libraries, as medians and ratios.

    The other libraries come with the extra: [bold]pip install -e '.\\[speed]'[/]; absent ones are said to be absent.

    Examples:
      [bold]python -m bench speed metrics[/]

      [bold]python -m bench speed --quick[/]
    """
    from bench.speed.table import print_speed

    print_speed(open_console(), subject, quick)


@scores.command()
def fetch(
    what: Annotated[str, typer.Argument(help="`lpips`: the weights of both trunks, alex and vgg.")],
    weights: Weights = None,
) -> None:
    """Download weights once, where there is a network; they are checked against their published hash.

    Example: [bold]python -m bench fetch lpips[/]
    """
    from bench.fetch import fetch_weights

    fetch_weights(open_console(), what, weights)
