import json

import pytest

from bench.methods.catalog import ROOT
from bench.protocol import Protocol
from bench.runs.records import Record, Run, find_records, read_record
from bench.util.errors import UserError
from bench.util.files import sha256


def run(**changes):
    protocol = {"data": "celeba=/here", "resolution": 64, "images": 9, "split": (7, 1, 1), "test_images": 1}
    values = {
        "method": "m",
        "scale": "quick",
        "seed": 0,
        "settings": {"width": 8},
        "protocol": Protocol(**protocol, mask_sets=("center",)),
        "code": "c",
        "data": "d",
        "mask_sets": {"center": "s"},
    }
    return Run(**values | changes)


def test_the_key_depends_on_all_that_can_move_a_number_and_on_nothing_else():
    moved = [
        run(method="n"),
        run(variant="v"),
        run(seed=1),
        run(settings={"width": 4}),
        run(code="x"),
        run(data="x"),
        run(mask_sets={"center": "x"}),
        run(numbers=0),
        run(protocol=run().protocol.model_copy(update={"resolution": 32})),
    ]
    assert len({one.key for one in [run(), *moved]}) == len(moved) + 1
    elsewhere = run().protocol.model_copy(update={"data": "celeba=/there"})
    assert run(protocol=elsewhere).key == run().key
    assert run(scale="smoke").key == run().key


def test_a_protocol_without_probes_keeps_its_key():
    kept = sorted((ROOT / "results" / "runs").glob("*/*/record.json"))
    assert kept  # they were made before there were probes
    for path in kept:
        content = json.loads(path.read_text())
        assert Run.model_validate(content["run"]).key == content["key"]
    probed = [{"probes": ("repeat",)}, {"probes": ("repeat", "perturb")}, {"probes": ("repeat",), "probe_images": 8}]
    keys = [run(protocol=run().protocol.model_copy(update=changes)).key for changes in probed]
    assert len({run().key, *keys}) == 4
    assert run(protocol=run().protocol.model_copy(update={"probe_images": 8})).key == run().key
    turned = run().protocol.model_copy(update={"probes": ("perturb", "repeat")})
    assert run(protocol=turned).key == keys[1]


def test_a_folder_has_a_name_that_every_file_system_takes():
    name = run(variant="default," + ",".join(f'option_{i}="a/b c"' for i in range(50))).name
    assert len(name) < 120
    assert "/" not in name
    assert '"' not in name
    assert run(variant="default,a=1").name != run(variant="default,a=2").name


def test_an_unfinished_run_has_no_record(tmp_path):
    folder = run().folder(tmp_path)
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    assert read_record(folder) is None
    assert find_records(tmp_path) == []


def test_a_record_of_another_format_is_told(tmp_path):
    (tmp_path / "record.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(UserError, match="has format 99"):
        read_record(tmp_path)


def test_a_record_with_a_part_missing_is_told(tmp_path):
    (tmp_path / "record.json").write_text(json.dumps({"format": 1, "run": {"method": "m"}}))
    with pytest.raises(UserError, match="no whole record"):
        read_record(tmp_path)


def test_probes_and_curves_are_read_where_the_record_has_their_hash(tmp_path):
    tables = {"scores": "mask_set,image,group\n", "probes": "mask_set,image,group,repeat_l1\ncenter,007,1,0.5\n",
              "scalars": "stage,step,name,value\nfirst,1,loss,0.25\n"}  # fmt: skip
    for name, text in tables.items():
        (tmp_path / f"{name}.csv").write_text(text)
    hashes = {f"{name}_sha256": sha256(text.encode()) for name, text in tables.items()}
    record = Record(tmp_path, run(), hashes)
    assert record.probes.loc[0].to_list() == ["center", "007", "1", 0.5]
    assert record.rows("center", "repeat_l1")["repeat_l1"].to_dict() == {"007": 0.5}
    assert record.rows("random", "repeat_l1").empty
    assert record.scalars.loc[0].to_list() == ["first", 1, "loss", 0.25]
    older = Record(tmp_path, run(), {"scores_sha256": hashes["scores_sha256"]})
    assert (older.probes, older.scalars) == (None, None)
    assert older.rows("center", "repeat_l1").empty
    (tmp_path / "scalars.csv").write_text("changed")
    with pytest.raises(UserError, match=r"scalars\.csv is not the file that its record\.json was written for"):
        _ = Record(tmp_path, run(), hashes).scalars


def test_scores_that_were_edited_by_hand_are_refused(tmp_path):
    content = {"format": 1, "run": run().model_dump(mode="json"), "scores_sha256": "0" * 64}
    (tmp_path / "record.json").write_text(json.dumps(content))
    (tmp_path / "scores.csv").write_text("mask_set,image,group\n")
    record = read_record(tmp_path)
    with pytest.raises(UserError, match="not the file that its record.json was written for"):
        _ = record.scores
