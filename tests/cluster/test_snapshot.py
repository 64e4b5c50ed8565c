"""The code that was submitted is the code that runs."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.cluster import snapshot
from bench.methods.catalog import ROOT
from bench.runs import provenance
from bench.util.errors import UserError

METHOD = Path(__file__).parent / "plodder.py"


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    return snapshot.take(tmp_path_factory.mktemp("out"), [METHOD])


def test_it_holds_the_sources_the_commit_and_what_was_included(code):
    for source in ("bench/cluster/snapshot.py", "papers/fang2021/paper.toml", "bench/report/templates/page.html.j2"):
        assert (code / source).read_bytes() == (ROOT / source).read_bytes()
    assert snapshot.included(code, [METHOD])[0].read_bytes() == METHOD.read_bytes()
    about = json.loads((code / "code.json").read_text())
    assert about["code"] == provenance.code()
    assert (code / "diff.patch").exists()
    assert not list(code.rglob("*.pyc"))


def test_equal_code_is_kept_once(code):
    assert snapshot.take(code.parents[2], [METHOD]) == code
    assert [path.name for path in code.parent.iterdir()] == [code.name]


def test_code_from_elsewhere_is_refused(code):
    with pytest.raises(UserError, match=r"runs the code in .*was submitted"):
        snapshot.check(code)


def test_in_it_provenance_is_that_of_the_original(code):
    program = f"""
from pathlib import Path
from bench.runs import provenance
from bench.cluster import snapshot
snapshot.check(Path({str(code)!r}))
included = snapshot.included(Path({str(code)!r}), [Path({str(METHOD)!r})])[0]
print(provenance.code()["commit"], provenance.original(included))
"""
    said = subprocess.run([sys.executable, "-c", program], cwd=code, capture_output=True, text=True, check=True)
    assert said.stdout.split() == [str(provenance.code()["commit"]), str(METHOD)]


def test_a_changed_snapshot_is_refused(code, tmp_path, monkeypatch):
    copy = tmp_path / code.name
    shutil.copytree(code, copy)
    monkeypatch.setattr(snapshot, "ROOT", copy)
    snapshot.check(copy)
    (copy / "bench" / "seeds.py").write_text("# changed")
    with pytest.raises(UserError, match="was changed after it was submitted"):
        snapshot.check(copy)
