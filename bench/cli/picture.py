"""`inpaint`: one picture of the user's own. Part of the app in bench/cli/main.py."""

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import Seed, asks
from bench.runs.request import Request

MethodOption = Annotated[str, typer.Option("--method", help="A key that `list` shows, or torchscript:FILE.")]
Overwrite = Annotated[bool, typer.Option("--force", help="Overwrite the output file.")]


@asks(Request, "key seeds device out force include networks trust", key=MethodOption, seeds=Seed, force=Overwrite)
def inpaint(
    *,
    image: Annotated[Path, typer.Argument(help="The picture to fill.")],
    mask: Annotated[str, typer.Option(help="A mask file (white = missing), or `alpha`: the transparent pixels.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The PNG to write.")],
    run: Annotated[
        Path | None, typer.Option(help="A run's folder, for a trained method. (default: the newest)")
    ] = None,
    black_hole: Annotated[bool, typer.Option("--black-hole", help="In the mask file, black means missing.")] = False,
    request: Request,
) -> None:
    """Fill the hole of one picture.

    Examples:
      [bold]python -m bench inpaint cat.png --mask mask.png --method harmonic -o filled.png[/]

      [bold]python -m bench inpaint cutout.png --mask alpha --method fang2021 -o filled.png[/]
    """
    from bench.runs.picture import inpaint_picture

    inpaint_picture(request, image, mask, output, run, white_is_hole=not black_hole)
    typer.echo(f"Written: {output}")
