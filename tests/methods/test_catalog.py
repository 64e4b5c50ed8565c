import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from bench.methods.catalog import ROOT, find
from bench.util.errors import UserError

BASELINE = '''
"""A file."""
from bench.methods.base import Inpainter, Method


class Nothing(Inpainter):
    def inpaint(self, image, hole, seed):
        return image.masked_fill(hole, 0.25)


class Plain(Method):
    """A quarter everywhere.

    More text.
    """

    def inpainter(self):
        return Nothing()


METHOD = Plain
'''


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def test_papers_and_baselines_are_found_by_presence():
    catalog = find()
    assert "fang2021" in [entry.key for entry in catalog.papers]
    assert {"harmonic", "mean_fill"} <= {entry.key for entry in catalog.baselines}
    assert "networks" not in catalog.entries


def test_a_baseline_may_have_a_paper_toml_and_stays_a_baseline(tmp_path, monkeypatch):
    from bench.methods import catalog

    monkeypatch.setattr(catalog, "ROOT", tmp_path)
    write(tmp_path / "baselines" / "blocks" / "networks.py", "x = 1\n")
    write(tmp_path / "baselines" / "described" / "method.py", BASELINE)
    toml = tmp_path / "baselines" / "described" / "paper.toml"
    toml.write_text(described_toml())
    write(tmp_path / "mine" / "method.py", BASELINE)
    shutil.copy(toml, tmp_path / "mine" / "paper.toml")
    found = find([tmp_path / "mine"])
    assert [entry.key for entry in found.baselines] == ["described"]
    assert [entry.key for entry in found.papers] == ["mine"]  # what is included and has a paper.toml is a paper
    entry = found["described"]
    assert entry.summary == "A Title"
    assert entry.description().scales["quick"].settings == {"width": 8}
    assert found["mine"].paper() == entry.description()
    with pytest.raises(UserError, match="'described' is a baseline, not a paper. Score it: python -m bench evaluate"):
        entry.paper()
    claim = 'id = "c"\nkind = "judgement"\nsection = "1"\nstatement = "s"\nwhy = "w"\n'
    toml.write_text(f"{described_toml()}\n[[claims]]\n{claim}")
    assert entry.paper().claims[0].id == "c"  # its own claims can be reproduced
    assert [one.key for one in found.papers] == ["mine"]


def described_toml():
    """The least that a baseline's paper.toml may hold."""
    scale = '[scales.{0}]\nsummary = "s"\ncost = "c"\nsettings = {{ width = 8 }}\n'
    about = '[paper]\ntitle = "A Title"\nauthors = ["A"]\nyear = 2020\nsummary = "s"\n'
    return about + "".join(scale.format(name) for name in ("smoke", "quick", "paper"))


def test_every_leaderboard_has_its_floors():
    floors = {entry.key for entry in find().floors()}
    assert floors == {"mean_fill", "harmonic", "biharmonic", "telea", "navier_stokes", "criminisi"}


def test_a_file_outside_is_found_and_loaded(tmp_path):
    write(tmp_path / "plain.py", BASELINE)
    write(tmp_path / "helper.py", "x = 1\n")
    entry = find([tmp_path])["plain"]
    assert entry.summary == "A quarter everywhere."
    assert entry.load().__name__ == "Plain"
    assert find([tmp_path / "plain.py"])["plain"] == entry


def test_a_renamed_copy_of_a_paper_is_the_same_code(tmp_path):
    shutil.copytree(ROOT / "papers" / "fang2021", tmp_path / "mine")
    copy = find([tmp_path / "mine"])["mine"]
    original = find()["fang2021"]
    assert copy.code() == original.code()
    assert copy.load() is not original.load()
    assert copy.paper() == original.paper()
    (tmp_path / "mine" / "losses.py").open("a").write("\n# changed\n")
    assert copy.code() != original.code()


def test_the_code_of_a_paper_includes_the_baselines_it_imports(tmp_path, monkeypatch):
    from bench.methods import catalog

    sources = {path.name for path in catalog._sources(ROOT / "papers" / "fang2021")}
    assert {"method.py", "networks.py", "attention.py"} <= sources


def test_two_methods_of_one_name_are_refused(tmp_path):
    write(tmp_path / "harmonic.py", BASELINE)
    with pytest.raises(UserError, match="Two methods are called 'harmonic'.*Rename one"):
        find([tmp_path])


def test_an_include_without_a_method_is_told(tmp_path):
    with pytest.raises(UserError, match="no folder with paper.toml and method.py"):
        find([tmp_path])
    with pytest.raises(UserError, match="there is no such file or folder"):
        find([tmp_path / "nowhere"])


def test_an_unknown_key_gets_the_nearest():
    with pytest.raises(UserError, match="no method 'fang2012'. Did you mean 'fang2021'"):
        find()["fang2012"]


def test_listing_loads_no_torch_and_no_method():
    program = "import sys; from bench.cli.main import app; from bench.methods.catalog import find; c = find();"
    program += "[e.summary for e in c.entries.values()];"
    program += "print([m for m in ('torch', 'numpy', 'pandas', 'skimage') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
