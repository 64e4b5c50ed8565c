"""The code that was submitted is the code that runs: a copy under OUT/cluster/code/<hash>/."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.methods.catalog import ROOT
from bench.runs import provenance
from bench.util.errors import UserError
from bench.util.files import read_json, sha256_of_files, write_json, write_text

INCLUDED = "included"


def take(out: Path, include: Sequence[Path] = ()) -> Path:
    """Copy the source folders and what `include` names; returns the copy's folder, whose name is their hash.

    code.json in it says the commit, and diff.patch what differs from it. Equal code is kept once.
    """
    home = out / "cluster" / "code"
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home, prefix=".new-") as name:
        copy = Path(name) / "code"
        for source in provenance.SOURCES:
            _copy(ROOT / source, copy / source)
        places = included(copy, include)
        for place, path in zip(places, include, strict=True):
            _copy(path, place)
        digest = digest_of(copy)
        place = home / digest[:16]
        if not (place / provenance.SNAPSHOT).exists():
            shutil.rmtree(place, ignore_errors=True)
            write_text(copy / "diff.patch", _diff())
            originals = {str(one.relative_to(copy)): str(path) for one, path in zip(places, include, strict=True)}
            about = {"digest": digest, "origin": str(ROOT), "included": originals, "code": provenance.code()}
            write_json(copy / provenance.SNAPSHOT, about)
            copy.rename(place)
    return place


def included(code: Path, include: Sequence[Path]) -> list[Path]:
    """Where in a snapshot the `include` paths lie."""
    return [code / INCLUDED / str(number) / path.name for number, path in enumerate(include)]


def digest_of(code: Path) -> str:
    """SHA-256 over the names and contents of a snapshot's source files."""
    return sha256_of_files(_files(code / part for part in (*provenance.SOURCES, INCLUDED)), code)


def check(code: Path) -> None:
    """Raise UserError unless this process runs the snapshot `code`, and that is what it was."""
    if ROOT.resolve() != code.resolve():
        raise UserError(
            f"This job runs the code in {ROOT}, but {code} was submitted. Do not set PYTHONPATH in the profile's setup,"
            " and let the container see that folder."
        )
    if digest_of(code) != read_json(code / provenance.SNAPSHOT)["digest"]:
        raise UserError(f"{code} was changed after it was submitted. Delete it and submit again.")


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        # With the kernels that Numba has compiled, which goes by the sources' times: each job would compile them again.
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.pyc", "*.tmp.*", ".*"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _files(folders: Iterable[Path]) -> list[Path]:
    found = [path for folder in folders if folder.exists() for path in folder.rglob("*") if path.is_file()]
    return [path for path in found if "__pycache__" not in path.parts]


def _diff() -> str:
    """What differs from the commit, new files named; empty outside a git checkout."""
    if provenance.code()["commit"] is None:
        return ""
    words = ["git", "diff", "HEAD", "--binary", "--", *provenance.SOURCES]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, errors="replace", timeout=60)
    return done.stdout


def describe(code: Path) -> str:
    """The commit and whether anything differed from it, for people."""
    found = read_json(code / provenance.SNAPSHOT)["code"]
    if found["commit"] is None:
        return "no git checkout"
    return f"commit {found['commit'][:12]}" + (", changed since (diff.patch)" if found["dirty"] else "")
