"""`calibrate`: how often a verdict is wrong."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import Seed, open_console

calibration = typer.Typer()


@calibration.command()
def calibrate(
    trials: Annotated[int | None, typer.Option(min=1, help="Draws of each row. (default: 100, some minutes)")] = None,
    rows: Annotated[
        list[str] | None,
        typer.Option("--rows", metavar="NAME", help="Only the rows of this name, or whose names begin so; repeatable."),
    ] = None,
    seed: Seed = 0,
    out: Annotated[Path | None, typer.Option(metavar="FILE.md", help="Also write the table to this file.")] = None,
) -> None:
    """Plant truths in invented records, judge them by the real code, and count the false verdicts.

    In nearly every row the truth lies on the boundary between two verdicts; each false one may happen in 5 % of all
    draws at most. The exit code is 1 where a rate is over by more than chance explains.

    Examples:
      [bold]python -m bench calibrate[/]

      [bold]python -m bench calibrate --rows looks --rows cell --trials 1000[/]

      [bold]python -m bench calibrate --trials 2000 --out docs/calibration.md[/]
    """
    from bench.calibration.table import Result
    from bench.calibration.trials import TRIALS, chosen, run_trials
    from bench.util.files import write_text
    from bench.util.progress import Progress

    asked, console = chosen(rows or ()), open_console()
    count = trials or TRIALS
    with Progress(console).task("calibrate") as hear:
        outcomes = run_trials(asked, count, seed, hear)
    words = ["python", "-m", "bench", "calibrate", *(word for name in rows or () for word in ("--rows", name))]
    words += ["--trials", str(count), *(["--seed", str(seed)] if seed else [])]
    words += ["--out", out.as_posix()] if out else []
    result = Result(asked, outcomes, count, seed, shlex.join(words))
    if out:
        write_text(out, result.markdown())
    typer.echo(result.markdown() if not out else f"{result.summary} The table: {out}")
    if result.faults:
        raise typer.Exit(1)
