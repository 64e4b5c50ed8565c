"""What `new-paper` and `new-baseline` write passes `check` and runs, as it is."""

import pytest

from bench.contract.testing import checks
from bench.methods.catalog import find


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    from bench.contract.begin import new_baseline, new_paper

    folder = tmp_path_factory.mktemp("begun")
    new_paper("my_own", folder)
    new_baseline("greyish", folder)
    return folder


@pytest.mark.parametrize("key", ["my_own", "greyish"])
def test_it_keeps_the_contract(begun, key):
    catalog = find([begun])
    ran = [check() for _, check in checks(catalog[key], catalog)]
    assert len(ran) > (11 if key == "my_own" else 8)


def test_it_reproduces_at_smoke_scale(bench, begun, tmp_path):
    code, out, err = bench("reproduce", "my_own", "--include", begun, "--scale", "smoke", "--out", tmp_path)
    assert code == 0, err
    assert "beats-floor" in out
    assert (tmp_path / "reports" / "my_own" / "index.html").exists()


def test_it_bears_its_own_name(begun):
    assert sorted(path.name for path in (begun / "my_own").iterdir() if path.name != "__pycache__") == [
        "README.md",
        "method.py",
        "paper.toml",
    ]
    for path in (begun / "my_own" / "method.py", begun / "greyish.py", begun / "my_own" / "README.md"):
        assert "mykey" not in path.read_text().lower()
    assert "class MyOwn(Method)" in (begun / "my_own" / "method.py").read_text()
    assert find([begun])["my_own"].is_paper


def test_the_folder_is_the_current_one_and_nothing_is_written_over(bench, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, _ = bench("new-paper", "mine")
    assert code == 0
    assert "python -m bench check mine" in out
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    before = (tmp_path / "mine" / "paper.toml").read_bytes()
    code, _, err = bench("new-paper", "mine")
    assert code == 2
    assert "mine already exists. Choose another key, or delete it." in err
    assert (tmp_path / "mine" / "paper.toml").read_bytes() == before
    code, out, _ = bench("new-baseline", "grey", "--into", tmp_path / "some")
    assert code == 0
    assert (tmp_path / "some" / "grey.py").exists()


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("a-b", "'a-b' cannot be a key"),
        ("3d", "a letter first"),
        ("class", "'class' cannot be a key"),
        ("telea", "There is already a method 'telea'"),
    ],
)
def test_a_bad_key_is_refused(bench, tmp_path, key, told):
    for verb in ("new-paper", "new-baseline"):
        code, _, err = bench(verb, key, "--into", tmp_path)
        assert code == 2
        assert told in err
    assert not list(tmp_path.iterdir())
