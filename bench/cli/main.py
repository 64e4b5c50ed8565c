"""The verbs. Each imports what it needs when it is called: `list` and `--help` never load torch."""

import errno
import io
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from bench import __version__
from bench.cli.calibration import calibration
from bench.cli.new import new
from bench.cli.options import RUNS, Include, Key, Out, Weights, cache_folder, find_methods, open_console
from bench.cli.picture import inpaint
from bench.cli.queue import DoctorCluster, examine_cluster
from bench.cli.queue import cluster as queued
from bench.cli.runs import evaluate, report, reproduce, train
from bench.cli.schema import schema
from bench.cli.scores import scores
from bench.cli.settle import settle
from bench.util.errors import Stopped, UserError, WorkersLostError
from bench.util.text import shown

UsageError: Any = typer.BadParameter.__base__
"""What typer raises for a command line that it cannot read; older releases take it from click, newer have their own."""

RENAMED = {"--suite": "--masks", "--hole": "--mask"}
"""Options by their names in 0.1.0; for one release the error names the new one."""


class Verbs(TyperGroup):
    """All verbs."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            option = getattr(error, "option_name", "")
            if new := RENAMED.get(option):
                raise UserError(f"{option} was renamed: use {new}.") from error
            command = error.ctx.command_path if error.ctx else "python -m bench"
            what = error.format_message()
            raise UserError(f"{what}{'' if what[-1] in '.?' else '.'} See: {command} --help") from error


app = typer.Typer(
    cls=Verbs,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Check whether the claims of an image-inpainting paper hold up:"
    " paper → claim → measured value → verdict.\n\n"
    "Start with [bold]python -m bench list[/], then [bold]python -m bench reproduce fang2021[/].",
)

app.add_typer(scores)
app.add_typer(calibration)
app.add_typer(schema)
app.add_typer(queued)
app.add_typer(new)


@app.command("list")
def list_(include: Include = None) -> None:
    """List the papers and baselines.

    Example: [bold]python -m bench list[/]
    """
    from bench.methods.catalog import list_methods

    entries = list_methods(include or ())
    for title, papers in (("Papers", True), ("Baselines", False)):
        typer.echo(title)
        for entry in entries:
            if entry.is_paper == papers:
                claims = " (its own claims can be reproduced)" if entry.reproducible and not papers else ""
                typer.echo(f"  {entry.key:16} {entry.summary}{claims}")
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
    print_card(paper, key, open_console(), entry.reproducible)


for verb in (reproduce, settle, train, evaluate, inpaint, report):
    app.command()(verb)


@app.command()
def doctor(out: Out = RUNS, weights: Weights = None, cluster: DoctorCluster = None) -> None:
    """Check this machine (versions, GPU, weights, disk space), or with --cluster a cluster and its nodes.

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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows fewer characters
    try:
        app()
    except UserError as error:
        _fail(str(error), 2)
    except WorkersLostError as lost:
        _fail(f"{lost}. Rerun the command to resume from the last checkpoint.", 1)
    except Stopped as stop:
        _fail(f"{stop}. Rerun the command to resume.", 130 if stop.interrupted else 0)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES):
            raise
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror}. Free some space or choose another folder; finished files are kept.", 2)


def _fail(text: str, code: int) -> None:
    typer.echo(f"{'error: ' if code == 2 else ''}{shown(text)}", err=True)  # names of files may hold anything
    sys.exit(code)
