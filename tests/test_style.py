"""The house rules that a machine can check."""

import ast
import statistics
import subprocess
import sys

import pytest

from bench.methods.catalog import ROOT

BENCH = sorted((ROOT / "bench").rglob("*.py"))


@pytest.mark.parametrize("tool", [["ruff", "check", "."], ["ruff", "format", "--check", "."]])
def test_ruff_is_clean(tool):
    done = subprocess.run([sys.executable, "-m", *tool], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_mypy_strict_is_clean():
    done = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_files_of_bench_are_read_in_one_sitting():
    lengths = {path: len(path.read_text().splitlines()) for path in BENCH}
    assert max(lengths.values()) <= 400, max(lengths, key=lengths.get)
    assert statistics.median(count for count in lengths.values() if count) <= 120


def imports_of(path, known):
    """Modules of this project that are imported when `path` is: at its top level, not inside functions."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (name for name in (f"{node.module}.{a.name}" for a in node.names) if name in known)
            if node.module in known:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)


def module_of(path):
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_circle_of_imports():
    known = {module_of(path): path for path in BENCH}
    graph = {name: set(imports_of(path, known)) - {name} for name, path in known.items()}
    # A package's __init__ gathers its own modules; an import of a sibling through it is not a circle by itself.
    done, under_way = set(), []

    def visit(name):
        assert name not in under_way, " → ".join([*under_way[under_way.index(name) :], name])
        if name not in done:
            under_way.append(name)
            for other in sorted(graph[name]):
                visit(other)
            done.add(under_way.pop())

    for name in graph:
        visit(name)


ROOMS = [
    "util",
    "masks",
    "data",
    "metrics",
    "paper",
    "methods",
    "training",
    "runs",
    "claims",
    "calibration",
    "contract",
    "report",
    "speed",
    "exchange",
    "api",
    "cluster",
    "settling",
    "cli",
]
"""From the ground up: each may import those before it."""


def rooms_entered(path):
    """Every room that a file imports from, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name.split(".")[1] for name in names if name.startswith("bench."))


def test_rooms_stand_one_upon_the_other():
    assert {path.name for path in (ROOT / "bench").iterdir() if (path / "__init__.py").exists()} == set(ROOMS)
    for path in BENCH:
        parts = path.relative_to(ROOT / "bench").parts
        if len(parts) > 1:
            below = {*ROOMS[: ROOMS.index(parts[0]) + 1]}
            assert {*rooms_entered(path)} <= below, path


def test_each_room_says_what_belongs_in_it():
    for room in ROOMS:
        text = ast.get_docstring(ast.parse((ROOT / "bench" / room / "__init__.py").read_text()))
        assert text, room


def test_arrows_point_one_way():
    for path in BENCH:
        text = path.read_text()
        assert "import papers" not in text
        assert "from papers" not in text
        assert "from baselines" not in text
    for path in (ROOT / "baselines").rglob("*.py"):
        assert "from papers" not in path.read_text()
    for path in (ROOT / "papers").glob("*/*.py"):
        assert "from papers" not in path.read_text()
