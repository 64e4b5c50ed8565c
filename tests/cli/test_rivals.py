"""Other methods beside a paper: their variants, the settings that the paper gives them, and `--set METHOD.SETTING`."""

import hashlib
import json
import shlex

import pytest
from toy import PAPER, write_toys

WEIGHTS = b"somebody's weights"
CLAIM = """
[[claims]]
id = "ahead-of-helper"
kind = "order"
section = "1"
statement = "It is ahead of the helper as somebody else has it."
scope = { holes = "not said", opponents = "the helper", measure = "not said" }
basis = "stated"
objection = "Another seed."
answer = "More seeds."
better = "variant:faster"
worse = "method:helper/wild"
metric = "psnr"
mask_sets = ["center"]
"""
LISTS = 'variants = ["brighter"]\nbaselines = ["rival"]\n'
HOSTING = """variants = ["claimed"]
baselines = ["claimed"]
seeds = 2
rivals.rival = { learning_rate = 0.2 }
"""
HELPER = """
[paper]
title = "A helper"
authors = ["C. D."]
year = 2020
summary = "A 1x1 convolution."

[scales.smoke]
summary = "Four steps."
cost = "a second"
settings = { steps = 4 }

[scales.quick]
summary = "As smoke."
cost = "a second"

[scales.paper]
summary = "As smoke."
cost = "a second"

[variants.wild]
summary = "A rate of its own."
settings = { learning_rate = 0.3 }
"""


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """`hosting` gives its rivals settings and names a variant of `helper`; `toypaper` has the same protocol."""
    folder = write_toys(tmp_path_factory.mktemp("hosts"))
    method = (folder / "rival.py").read_text()
    for name, text in (("hosting", hosting()), ("helper", HELPER)):
        (folder / name).mkdir()
        (folder / name / "method.py").write_text(method)
        (folder / name / "paper.toml").write_text(text)
    code = method.replace("import DataFacts,", "import DataFacts, Supplied,")
    code = code.replace("    steps: int = 6\n", "    steps: int = 6\n    file: Supplied = None\n")
    (folder / "helper" / "method.py").write_text(code)
    return folder


def hosting(old="", new=""):
    text = PAPER.replace("[scales.smoke]", CLAIM + "\n[scales.smoke]").replace(LISTS, HOSTING)
    assert "seeds = 2" in text
    assert old in text
    return text.replace(old, new) if old else text


@pytest.fixture(scope="module")
def made(hosts, tmp_path_factory, cache):
    """`hosting` reproduced with a file for the helper: (folder, file)."""
    from bench import reproduce

    out = tmp_path_factory.mktemp("made")
    (out / "weights.pth").write_bytes(WEIGHTS)
    changes = {"helper.file": str(out / "weights.pth")}
    reproduce("hosting", scale="smoke", include=hosts, out=out, cache=cache, changes=changes)
    return out, out / "weights.pth"


def records(out):
    found = [(path, json.loads(path.read_text())) for path in sorted((out / "runs").glob("*/*/record.json"))]
    return {(one["run"]["method"], one["run"]["variant"], one["run"]["seed"]): (path, one) for path, one in found}


def trained(out):
    return {key for key, (_, one) in records(out).items() if one["training"]}


def test_a_scale_runs_what_claims_name_with_its_seeds(made):
    out, _ = made
    names = [("hosting", "default"), ("hosting", "faster"), ("rival", "default"), ("helper", "wild")]
    assert trained(out) == {(*name, seed) for name in names for seed in (0, 1)}
    assert "Not run here" not in (out / "reports" / "hosting" / "claims.md").read_text()


def test_rivals_have_their_own_settings_then_the_papers_then_their_variants(made):
    settings = {key: one["run"]["settings"] for key, (_, one) in records(made[0]).items()}
    assert settings["rival", "default", 0]["learning_rate"] == 0.2
    assert settings["helper", "wild", 0] | {"file": None} == {
        "steps": 4, "file": None, "learning_rate": 0.3, "brightness": 0.0
    }  # fmt: skip


def test_a_supplied_file_is_a_hash_and_no_variant(made):
    out, file = made
    path, record = records(out)["helper", "wild", 1]
    assert record["run"]["settings"]["file"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert record["run"]["changes"] == {}
    assert str(file) not in json.dumps({**record, "command": ""})
    assert path.parent.name.startswith("helper+wild-seed1-")


def test_the_replay_command_finds_the_same_run(made, hosts, bench):
    out, file = made
    before = set(records(out))
    for key in (("rival", "default", 1), ("helper", "wild", 1)):
        path, record = records(out)[key]
        words = [str(file) if word == "file" else word for word in shlex.split(record["command"])]
        assert words[:3] == ["python", "-m", "bench"]
        code, said, _ = bench(*words[3:], "--include", hosts, "--out", out)
        assert code == 0
        assert str(path) in said
    assert set(records(out)) == before


def test_another_papers_rival_is_not_on_the_page(made, hosts, bench):
    """The same protocol, the same code, other settings."""
    out, _ = made
    words = ("--scale", "smoke", "--include", hosts, "--out", out)
    assert bench("evaluate", "rival", "--paper", "toypaper", *words)[0] == 0
    assert bench("report", "hosting", "--include", hosts, "--out", out)[0] == 0
    board = (out / "reports" / "hosting" / "leaderboard.md").read_text().partition("### Health")[0]
    assert len([line for line in board.splitlines() if " | rival" in line]) == 1


def test_other_contents_are_another_run_and_another_place_is_not(made, hosts, tmp_path, bench):
    out, _ = made
    words = ["evaluate", "helper", "--variant", "wild", "--paper", "hosting", "--scale", "smoke", "--include", hosts]
    before = len(list((out / "runs").glob("*/*/record.json")))
    for content in (WEIGHTS, b"others"):
        (tmp_path / "moved.pth").write_bytes(content)
        assert bench(*words, "--set", f"file={tmp_path / 'moved.pth'}", "--out", out)[0] == 0
        assert len(list((out / "runs").glob("*/*/record.json"))) == before + (content != WEIGHTS)


@pytest.mark.parametrize(
    ("verb", "change", "told"),
    [
        ("reproduce", "rivl.steps=3", "There is no method 'rivl'. Did you mean 'rival'?"),
        ("reproduce", "rival.stesp=3", "rival has no setting 'stesp'. Did you mean 'steps'?"),
        ("reproduce", "rival.steps=many", "rival: setting steps = 'many': "),
        ("reproduce", "other_rival.steps=3", "--set other_rival.steps: other_rival is not among the methods that"),
        ("reproduce", "helper.file=nowhere.pth", "helper: file = "),
        ("evaluate", "rival.steps=3", "--set rival.steps: only `reproduce` runs other methods beside hosting."),
    ],
)
def test_a_wrong_change_is_one_line(verb, change, told, hosts, tmp_path, bench):
    code, _, error = bench(
        verb, "hosting", "--scale", "smoke", "--set", change, "--include", hosts, "--out", tmp_path / "out"
    )
    assert code == 2
    assert told in error
    assert len(error.strip().splitlines()) == 1


def test_a_changed_rival_is_a_variant_of_its_name(hosts, tmp_path, bench):
    words = ("--scale", "smoke", "--include", hosts, "--out", tmp_path / "out", "--dry-run")
    code, said, _ = bench("reproduce", "hosting", "--set", "rival.steps=3", "--set", "hosting.steps=5", *words)
    assert code == 0
    rows = {line.split("  ")[0]: line.split() for line in said.splitlines()}
    assert {"rival (default,steps=3)", "hosting (default,steps=5)", "helper (wild)"} <= rows.keys()
    assert "trainings" in said


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("rivals.rival = {", "rivals.rivl = {", "scales.smoke.rivals.rivl: there is no method 'rivl'."),
        ("rivals.rival = { learning", "rivals.rival = { lerning", "'lerning_rate' is not a setting of rival."),
        ("{ learning_rate = 0.2 }", '{ learning_rate = "fast" }', "scales.smoke.rivals.rival.learning_rate: 'fast': "),
        ("rivals.rival", "rivals.mine", "there is no method 'mine'."),
        ("rivals.rival = { learning_rate = 0.2 }", 'rivals.helper = { file = "x" }', "leave it to --set helper.file="),
        ("method:helper/wild", "method:helper/wide", "'wide' is not a variant of helper. Did you mean 'wild'?"),
        ("method:helper/wild", "method:rival/wild", "'wild' is not a variant of rival."),
    ],
)
def test_a_mistake_in_paper_toml_is_told_with_its_line(old, new, told, hosts, tmp_path, bench):
    for part in ("rival.py", "other_rival.py"):
        (tmp_path / part).write_text((hosts / part).read_text())
    for name, text in (("hosting", hosting(old, new)), ("helper", HELPER)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "method.py").write_text((hosts / name / "method.py").read_text())
        (tmp_path / name / "paper.toml").write_text(text)
    code, _, error = bench("reproduce", "hosting", "--scale", "smoke", "--include", tmp_path, "--out", tmp_path / "out")
    assert code == 2
    assert told in error
    assert "paper.toml, line " in error
