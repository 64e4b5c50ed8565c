"""The records that the code as it now is has made: what leaderboards and verdicts are about."""

from pathlib import Path

from bench.methods.catalog import Catalog, Entry
from bench.methods.settings import build, overrides
from bench.methods.supplied import hosted_by, supplied
from bench.runs.records import NUMBERS, Record, Run, find_records
from bench.util.errors import UserError


def current_records(catalog: Catalog, out: Path, keys: set[str], host: Entry | None = None) -> list[Record]:
    """The records under `out` of these methods, made by the code as it now is, and all from elsewhere, last.

    With a paper as `host`, other methods have the settings that its scale gives them, or their own where it gives none:
    two papers may share a protocol, and each its rivals' settings.
    """
    code = {key: catalog[key].code() for key in keys}
    found = sorted(find_records(out), key=lambda record: record.run.origin != "run")

    def current(run: Run) -> bool:
        if run.origin == "run":
            return run.code == code.get(run.method)
        ours = run.origin == "pretrained" and run.method in catalog.entries
        return not ours or run.code == catalog[run.method].code(pretrained=True)

    records = [record for record in found if record.run.numbers == NUMBERS and current(record.run)]
    return [record for record in records if host is None or _as_hosted(catalog, host, record.run)]


def _as_hosted(catalog: Catalog, host: Entry, run: Run) -> bool:
    if run.origin != "run" or run.method == host.key:
        return True
    entry = catalog[run.method]
    kind, hosted = entry.load().settings_class, hosted_by(host, run.scale, run.method)
    brought = {name: run.settings.get(name) for name in supplied(kind)}
    try:
        usual = overrides(entry.description(), run.scale, run.variant.partition(",")[0], hosted)
        settings = build(kind, {**usual, **run.changes, **brought}, entry.key).model_dump(mode="json")
    except UserError:  # a variant or setting that is no more
        return False
    return settings == run.settings
