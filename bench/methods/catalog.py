"""Finds methods by presence: papers/*, baselines/*, entry points, `--include PATH`. Imports no method and no torch.

A paper is a folder with paper.toml and method.py; a baseline is a file or a folder in baselines/, or anything without
paper.toml. Either way the module says `METHOD = <class>`. The key is the name of the folder or file.
"""

import ast
import importlib
import importlib.util
import sys
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bench.util.errors import UserError, nearest
from bench.util.files import read_regular, sha256, sha256_of_files
from bench.util.text import shown

if TYPE_CHECKING:
    from bench.methods.base import Method
    from bench.methods.layouts import WeightLayout
    from bench.paper import Paper

PathsLike = str | Path | Sequence[str | Path]

ROOT = Path(__file__).resolve().parents[2]
ENTRY_POINTS = "inpaint_bench.methods"
INCLUDED = "included"
"""Parent package under which `--include`d code is imported."""
PRETRAINED = "pretrained.py"
"""In a method's folder: whose weights it can take (bench/methods/layouts.py). No training depends on it."""


@dataclass(frozen=True)
class Entry:
    """One method on disk."""

    key: str
    path: Path
    """The paper's or baseline's folder, or the baseline's file."""
    module: str
    """Import name of the module that holds METHOD."""
    origin: str
    """`papers`, `baselines`, `entry point` or `--include`."""

    @property
    def call(self) -> str:
        """What the command line calls it."""
        return self.key

    @property
    def weights(self) -> str:
        """SHA-256 of the file, for a method that is nothing but one from elsewhere (bench/methods/torchscript.py)."""
        return ""

    def pretrained_facts(self) -> dict[str, Any]:
        """What a record keeps of such a file."""
        return {}

    @property
    def described(self) -> bool:
        """Whether there is a paper.toml: scales, variants, reported tables. A baseline may have one too."""
        return (self.path / "paper.toml").exists()

    @property
    def is_paper(self) -> bool:
        """Whether it is listed under papers."""
        return self.described and self.origin != "baselines"

    @property
    def reproducible(self) -> bool:
        """Whether it has claims to judge: a paper, or a baseline whose paper.toml says what its own paper claims."""
        return self.is_paper or (self.described and _has_claims(self.path / "paper.toml"))

    @property
    def summary(self) -> str:
        """The paper's title, or the first line of the class's docstring; read without importing anything."""
        if self.described:
            return _title(self.path / "paper.toml")
        try:
            tree = ast.parse(_method_file(self.path).read_text())
        except (SyntaxError, UnicodeDecodeError):
            return "(not readable as Python)"
        documented = [ast.get_docstring(node) for node in tree.body if isinstance(node, ast.ClassDef)]
        texts = [text for text in [*reversed(documented), ast.get_docstring(tree)] if text]
        return texts[0].splitlines()[0] if texts else ""

    def description(self) -> "Paper | None":
        """The paper.toml of a paper or a described baseline; None where there is none."""
        from bench.paper import read_paper

        return read_paper(self.path / "paper.toml") if self.described else None

    def paper(self) -> "Paper":
        """The paper.toml of what can be reproduced. Raises UserError for any other baseline."""
        paper = self.description()
        if paper is None or not self.reproducible:
            raise UserError(f"'{self.key}' is a baseline, not a paper. Score it: python -m bench evaluate {self.key}")
        return paper

    def load(self) -> "type[Method]":
        """Import the method's class."""
        file = _method_file(self.path)
        module = self._import(self.module, file)
        from bench.methods.base import Method

        method = getattr(module, "METHOD", None)
        if not (isinstance(method, type) and issubclass(method, Method)):
            raise UserError(f"{file}: METHOD is {method!r}; write METHOD = <a subclass of bench.methods.base.Method>.")
        return method

    def layouts(self) -> "Sequence[WeightLayout]":
        """The layouts of public weights that the method takes; empty where its folder has no pretrained.py."""
        file = self.path / PRETRAINED
        if not file.exists():
            return ()
        found: Sequence[WeightLayout] = self._import(f"{self.module.rpartition('.')[0]}.pretrained", file).LAYOUTS
        return found

    def _import(self, name: str, file: Path) -> ModuleType:
        if self.origin == "--include":
            _prepare_include(self)
        try:
            return importlib.import_module(name)
        except (ImportError, SyntaxError, ValueError, NameError, SystemExit) as error:
            raise UserError(f"{file} cannot be imported: {type(error).__name__}: {error}.") from error

    def code(self, pretrained: bool = False) -> str:
        """SHA-256 over the method's source files and those of the baselines that it imports.

        pretrained.py counts only with `pretrained`, and then with what it imports.
        """
        files = _sources(self.path, leave_out=None if pretrained else self.path / PRETRAINED)
        own = {file for file in files if file.is_relative_to(self.path)}
        # Names are taken relative to the method's own folder, so that a renamed copy has the same code.
        base = self.path if self.path.is_dir() else self.path.parent
        return sha256(sha256_of_files(own, base).encode(), sha256_of_files(files - own, ROOT).encode())


class Catalog:
    """The methods found, by key."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries: dict[str, Entry] = {}
        for entry in entries:
            if (twin := self.entries.get(entry.key)) is not None:
                raise UserError(f"Two methods are called '{entry.key}': {twin.path} and {entry.path}. Rename one.")
            self.entries[entry.key] = entry

    def __getitem__(self, key: str) -> Entry:
        if key not in self.entries:
            for path, file in ((Path(key), Path(key, "method.py")), (Path(f"{key}.py"), Path(f"{key}.py"))):
                if file.is_file():
                    raise UserError(f"There is no method '{key}' yet. To use {path}, add: --include {path}")
            raise UserError(f"There is no method '{key}'.{nearest(key, list(self.entries))}")
        return self.entries[key]

    @property
    def papers(self) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.is_paper]

    @property
    def baselines(self) -> list[Entry]:
        return [entry for entry in self.entries.values() if not entry.is_paper]

    def floors(self) -> list[Entry]:
        """The baselines that every leaderboard shows. Imports all baselines."""
        return [entry for entry in self.baselines if entry.load().floor]


def find(include: Sequence[Path] = ()) -> Catalog:
    """The catalog, with what lies under the `include` paths added."""
    entries = [*_scan(ROOT / "papers", "papers"), *_scan(ROOT / "baselines", "baselines"), *_from_entry_points()]
    for path in include:
        found = _scan_include(path)
        if not found:
            raise UserError(
                f"--include {path}: no folder with paper.toml and method.py, and no file with METHOD =, found there."
            )
        known = {entry.path for entry in entries}
        entries += [entry for entry in found if entry.path not in known]
    return Catalog(entries)


def list_methods(include: PathsLike = ()) -> list[Entry]:
    """The papers, then the baselines, also those in the `include` folders and files: `key`, `summary`, `is_paper`."""
    catalog = find(paths_of(include))
    return [*catalog.papers, *catalog.baselines]


def load_paper(name: str | Path, include: PathsLike = ()) -> "Paper":
    """A paper.toml, typed: tables, claims, ledger, scales, variants. `name` is a key, or the path of the file.

    Raises UserError that names the file, the line and the remedy.
    """
    from bench.paper import read_paper

    path = Path(name)
    return read_paper(path) if path.suffix == ".toml" else find(paths_of(include))[str(name)].paper()


def paths_of(paths: PathsLike) -> list[Path]:
    """One path or several, as Python callers may write them."""
    return [Path(paths)] if isinstance(paths, str | Path) else [Path(path) for path in paths]


def entries_at(path: Path | None) -> list[Entry]:
    """The methods in a folder or file, or the one with this key; all that are found where None."""
    catalog = find()
    if path is None:
        return list(catalog.entries.values())
    if str(path) in catalog.entries:
        return [catalog[str(path)]]
    return [entry for entry in find([path]).entries.values() if entry.path.is_relative_to(path.resolve())]


def _scan(folder: Path, origin: str) -> list[Entry]:
    package = INCLUDED if origin == "--include" else folder.name
    entries = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name.startswith(("_", ".")):
            continue
        if (path / "method.py").exists():
            entries.append(Entry(path.name, path, f"{package}.{path.name}.method", origin))
        elif path.suffix == ".py" and _says_method(path):
            entries.append(Entry(path.stem, path, f"{package}.{path.stem}", origin))
    return entries


def _scan_include(path: Path) -> list[Entry]:
    path = path.resolve()
    if not path.exists():
        raise UserError(f"--include {path}: there is no such file or folder.")
    if path.is_file():
        return [Entry(path.stem, path, f"{INCLUDED}.{path.stem}", "--include")] if _says_method(path) else []
    if (path / "method.py").exists():
        return [Entry(path.name, path, f"{INCLUDED}.{path.name}.method", "--include")]
    return _scan(path, "--include")


def _from_entry_points() -> list[Entry]:
    entries = []
    for point in entry_points(group=ENTRY_POINTS):
        try:
            spec = importlib.util.find_spec(point.value)
        except ImportError:  # an entry point that its package left behind
            continue
        if spec is not None and spec.origin is not None:
            file = Path(spec.origin)
            path = file.parent if file.name == "method.py" else file
            entries.append(Entry(point.name, path, point.value, "entry point"))
    return entries


def _says_method(file: Path) -> bool:
    return any(line.startswith(("METHOD =", "METHOD:")) for line in file.read_text(errors="replace").splitlines())


def _method_file(path: Path) -> Path:
    return path / "method.py" if path.is_dir() else path


def _title(toml: Path) -> str:
    try:
        return shown(str(tomllib.loads(read_regular(toml).decode())["paper"]["title"]))
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return f"(not readable; `python -m bench show {toml.parent.name}` says why)"


def _has_claims(toml: Path) -> bool:
    """Read from the text: `list` and `--help` must not wait for a whole paper.toml to be checked."""
    return any(line.startswith("[[claims]]") for line in toml.read_text(errors="replace").splitlines())


def _prepare_include(entry: Entry) -> None:
    """Give a folder outside the project an import name of its own: `included.<key>`."""
    sys.modules.setdefault(INCLUDED, ModuleType(INCLUDED)).__path__ = []
    name = f"{INCLUDED}.{entry.key}"
    if name in sys.modules:
        if not entry.path.is_dir() or str(entry.path) in getattr(sys.modules[name], "__path__", ()):
            return
        # Another folder of this name was included before, in the same process.
        for old in [one for one in sys.modules if one == name or one.startswith(f"{name}.")]:
            del sys.modules[old]
    if entry.path.is_dir():
        package = ModuleType(name)
        package.__path__ = [str(entry.path)]
        sys.modules[name] = package
        return
    spec = importlib.util.spec_from_file_location(name, entry.path)
    if spec is None or spec.loader is None:
        raise UserError(f"{entry.path} cannot be imported as Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


def _sources(path: Path, leave_out: Path | None = None) -> set[Path]:
    """The method's own files but one and, through its imports, those of baselines/."""
    found: set[Path] = set()
    todo = [file for file in sorted(path.rglob("*.py")) if file != leave_out] if path.is_dir() else [path]
    while todo:
        file = todo.pop()
        if file in found:
            continue
        found.add(file)
        try:
            tree = ast.parse(file.read_text())
        except (SyntaxError, UnicodeDecodeError):
            continue  # it is in the hash all the same; `load` tells what is wrong with it
        for name in _imports(tree):
            if name.split(".")[0] == "baselines":
                stem = ROOT.joinpath(*name.split("."))
                todo += [x for x in (stem.with_suffix(".py"), stem / "__init__.py") if x.exists()]
    return found


def _imports(tree: ast.AST) -> Iterable[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
