"""Verbs for authors of methods and papers: start one, and check it. Part of the app in bench/cli/main.py."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import Include, find_methods, open_console

if TYPE_CHECKING:
    from bench.methods.catalog import Catalog, Entry

new = typer.Typer()

NewKey = Annotated[str, typer.Argument(metavar="KEY", help="The key to use in commands: letters, digits and _.")]
Into = Annotated[Path, typer.Option("--into", metavar="DIR", help="The folder to write it to.")]


@new.command("new-paper")
def new_paper(key: NewKey, into: Into = Path()) -> None:
    """Start a paper: a folder KEY with a commented paper.toml and a method that trains. It passes `check` as written.

    Examples:
      [bold]python -m bench new-paper mypaper[/]

      [bold]python -m bench reproduce mypaper --include mypaper --scale smoke[/]
    """
    from bench.contract.begin import new_paper as write

    path = write(key, into)
    typer.echo(f"Written: {path}")
    typer.echo(f"Next: python -m bench check {path}")
    typer.echo(f"      python -m bench reproduce {key} --include {path} --scale smoke")


@new.command("new-baseline")
def new_baseline(key: NewKey, into: Into = Path()) -> None:
    """Start a baseline: a file KEY.py with a method that fills holes. It passes `check` as written.

    Examples:
      [bold]python -m bench new-baseline grey[/]

      [bold]python -m bench evaluate grey --include grey.py --scale smoke[/]
    """
    from bench.contract.begin import new_baseline as write

    path = write(key, into)
    typer.echo(f"Written: {path}")
    typer.echo(f"Next: python -m bench check {path}")
    typer.echo(f"      python -m bench evaluate {key} --include {path} --scale smoke")


@new.command()
def check(
    path: Annotated[
        Path | None, typer.Argument(metavar="[PATH|KEY]", help="A method's folder or file, or its key. [default: all]")
    ] = None,
    include: Include = None,
) -> None:
    """Check a method and its paper.toml against the contract, and list the claims that each scale leaves open.

    In paper.toml: every name, every variant at every scale, the scale `paper` as printed, ledger, bibliography. In the
    method: known pixels, leakage, batch mates, seeds, resuming, sizes, stated figures.

    Examples:
      [bold]python -m bench check fang2021[/]

      [bold]python -m bench check ../my-papers/mymethod[/]
    """
    from bench.contract.run import check_all

    catalog, entries = _chosen(path, include)
    raise typer.Exit(1 if check_all(entries, catalog, open_console()) else 0)


def _chosen(path: Path | None, include: list[Path] | None) -> "tuple[Catalog, list[Entry]]":
    catalog = find_methods(include)
    if path is None:
        return catalog, list(catalog.entries.values())
    if str(path) in catalog.entries:
        return catalog, [catalog[str(path)]]
    if not path.exists():
        catalog[str(path)]  # tells the nearest key
    catalog = find_methods([*(include or []), path])
    return catalog, [entry for entry in catalog.entries.values() if entry.path.is_relative_to(path.resolve())]
