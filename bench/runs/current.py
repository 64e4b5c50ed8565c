"""The records that the code as it now is has made: what leaderboards and verdicts are about."""

from pathlib import Path

from bench.methods.catalog import Catalog
from bench.runs.records import NUMBERS, Record, Run, find_records


def current_records(catalog: Catalog, out: Path, keys: set[str]) -> list[Record]:
    """The records under `out` of these methods, made by the code as it now is, and all from elsewhere, last."""
    code = {key: catalog[key].code() for key in keys}
    found = sorted(find_records(out), key=lambda record: record.run.origin != "run")

    def current(run: Run) -> bool:
        if run.origin == "run":
            return run.code == code.get(run.method)
        ours = run.origin == "pretrained" and run.method in catalog.entries
        return not ours or run.code == catalog[run.method].code(pretrained=True)

    return [record for record in found if record.run.numbers == NUMBERS and current(record.run)]
