"""`schema`: the contents of record.json and paper.toml as JSON Schema."""

import json
from typing import Annotated, Any, Literal

import typer

schema = typer.Typer()


@schema.command("schema")
def print_schema(
    what: Annotated[Literal["record", "paper"], typer.Argument(help="Which file's schema.")],
) -> None:
    """Print the JSON Schema of record.json or of paper.toml.

    Example: [bold]python -m bench schema record > record.schema.json[/]
    """
    typer.echo(json.dumps(json_schema(what), indent=1))


def json_schema(what: Literal["record", "paper"]) -> dict[str, Any]:
    """Of draft 2020-12, with titles and descriptions. A TOML file is checked as the values that it holds."""
    if what == "record":
        from bench.runs.records import RecordContent as Model
    else:
        from bench.paper.paper import Paper as Model  # type: ignore[assignment]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | Model.model_json_schema()
