"""All papers of a folder at once, from Python and from the command line."""

import shutil

import pytest

from bench import UserError, overview, reproduce
from bench.claims import Verdict
from bench.runs.records import find_records
from bench.util.files import read_json, sealed, write_json


@pytest.fixture(scope="module")
def made(tmp_path_factory, cache):
    """A reproduction of the toy paper, and where its folder is."""
    from toy import write_toys

    home = tmp_path_factory.mktemp("overview")
    include = write_toys(home / "toys")
    done = reproduce("toypaper", scale="smoke", include=include, out=home / "out", cache=cache)
    return home / "out", include, done


@pytest.fixture
def folder(made, tmp_path):
    return shutil.copytree(made[0], tmp_path / "out")


def test_counts_are_those_of_the_verdicts(made, folder, cache, capsys):
    _, include, done = made
    found = overview(folder, include=include, cache=cache)
    assert capsys.readouterr() == ("", "")
    assert list(found.reproductions) == ["toypaper"]
    assert set(found.counts["paper"]) == {"toypaper"}
    total = found.counts[[str(verdict) for verdict in Verdict]].sum()
    said = done.verdicts["verdict"].value_counts()
    assert {name: count for name, count in total.items() if count} == said.to_dict()
    stated = found.counts[found.counts["claims"] == "as stated"]
    here = done.verdicts[(done.verdicts["basis"] == "stated") & (done.verdicts["data"] != "")]
    assert stated[[str(verdict) for verdict in Verdict]].to_numpy().sum() == len(here)
    assert (found.counts["decided"] <= found.counts["measurable"]).all()
    again = {path: path.read_bytes() for path in folder.rglob("*") if path.suffix in (".md", ".html")}
    assert {folder / "README.md", folder / "reports" / "index.html", *found.reproductions["toypaper"].pages} <= set(
        again
    )
    overview(folder, include=include, cache=cache)
    assert {path: path.read_bytes() for path in again} == again


def test_report_without_a_paper_tells_the_counts_and_the_pages(made, folder, bench, tmp_path):
    include = made[1]
    code, out, _ = bench("report", "--out", folder, "--include", include)
    assert code == 0
    assert "toypaper" in out
    assert "under our reading" in (folder / "README.md").read_text()
    assert f"Page: {folder / 'reports' / 'index.html'}" in out
    code, _, error = bench("report", "--out", folder, "--include", include, "--readme", tmp_path / "none.md")
    assert (code, "has no place for the table" in error) == (2, True)
    code, _, error = bench(
        "report", "toypaper", "--out", folder, "--include", include, "--readme", folder / "README.md"
    )
    assert (code, "name no paper" in error) == (2, True)


def test_a_folder_without_records_says_what_makes_some(tmp_path, cache):
    with pytest.raises(UserError, match="holds no record of a paper. Create one: python -m bench reproduce PAPER"):
        overview(tmp_path, cache=cache)


def test_a_paper_whose_records_are_of_other_code_is_named_and_not_judged(made, folder, cache):
    include = made[1]
    shutil.copytree(include, folder.parent / "toys")
    method = folder.parent / "toys" / "toypaper" / "method.py"
    method.write_text(method.read_text() + "\n# another version\n")
    with pytest.raises(UserError, match="toypaper have older ones"):
        overview(folder, include=folder.parent / "toys", cache=cache)


def test_an_altered_record_is_refused(made, folder, cache):
    path = next(one.folder for one in find_records(folder) if one.run.method == "toypaper") / "record.json"
    write_json(path, sealed(read_json(path) | {"key": "0" * 12}))
    with pytest.raises(UserError, match="was altered"):
        overview(folder, include=made[1], cache=cache)
