"""The published schemas accept what is really written, and refuse what the models refuse."""

import json
import tomllib

import pytest
from jsonschema import Draft202012Validator
from kept import content
from pydantic import ValidationError

from bench.cli.schema import json_schema
from bench.data.protocol import Protocol
from bench.methods.catalog import ROOT, find
from bench.paper.paper import Paper
from bench.runs.records import RecordContent, Run, read_record

PAPERS = sorted([*ROOT.glob("papers/*/paper.toml"), *ROOT.glob("baselines/*/paper.toml")])


def validator(what):
    schema = json_schema(what)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("path", PAPERS, ids=lambda path: path.parent.name)
def test_every_paper_fits_the_schema(path):
    assert list(validator("paper").iter_errors(tomllib.loads(path.read_text()))) == []


@pytest.mark.parametrize("what", ["record", "paper"])
def test_the_command_prints_it(bench, what):
    code, printed, _ = bench("schema", what)
    assert code == 0
    assert json.loads(printed) == json_schema(what)


def test_an_unknown_schema_is_refused(bench):
    assert bench("schema", "papers")[0] == 2


def test_records_fit_the_schema():
    folders = sorted(path.parent for path in (ROOT / "results" / "runs").glob("*/*/record.json"))
    known = validator("record")
    assert folders
    for folder in folders[::10]:
        record = read_record(folder)
        if record.written_as == 2:
            assert list(known.iter_errors(json.loads((folder / "record.json").read_text()))) == []
        assert list(known.iter_errors(record.content.model_dump(mode="json"))) == []


def test_a_record_made_here_fits_the_schema(bench, tmp_path):
    words = ("--scale", "smoke", "--data", "faces", "--masks", "center", "--out", tmp_path)
    code, _, error = bench("evaluate", "mean_fill", *words)
    assert code == 0, error
    (path,) = tmp_path.rglob("record.json")
    assert list(validator("record").iter_errors(json.loads(path.read_text()))) == []


@pytest.mark.parametrize(
    "change", [{"format": 1}, {"notes": "one"}, {"surprise": 1}, {"lpips": "alex v0.1"}, {"hardware": {"cpu": "x"}}]
)
def test_schema_and_model_refuse_the_same_records(change):
    protocol = Protocol(data="d", resolution=64, images=9, split=(1, 1, 1), test_images=9, mask_sets=("center",))
    run = Run(method="m", scale="quick", seed=0, settings={}, protocol=protocol, code="", data="", mask_sets={})
    document = content(run).model_dump(mode="json")
    assert validator("record").is_valid(document)
    assert not validator("record").is_valid(document | change)
    with pytest.raises(ValidationError):
        RecordContent.model_validate(document | change)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("images", "around 1000"),
        ("mask_set", "center"),
        ("mask_set", {"kind": "center"}),
        ("data", "not CelebA but FFHQ"),
        ("resolution", "256x256"),
        ("hole_share", 25),
        ("scored", "both"),
        ("split", None),
    ],
)
def test_schema_and_model_refuse_the_same_protocols(key, value):
    values = tomllib.loads((find()["fang2021"].path / "paper.toml").read_text())
    protocol = values["tables"]["table1"]["protocols"]["fang_300_rect_unknown_scale"]
    assert validator("paper").is_valid(values)
    if value is None:
        del protocol[key]
    else:
        protocol[key] = value
    assert not validator("paper").is_valid(values)
    with pytest.raises(ValidationError):
        Paper.model_validate(values)
