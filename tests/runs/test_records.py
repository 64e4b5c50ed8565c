import json
import re

import pytest
from kept import content, data_manifest

from bench.data.protocol import Protocol
from bench.methods.catalog import ROOT
from bench.runs.records import Record, Run, find_records, read_record
from bench.util.errors import UserError
from bench.util.files import sealed, sha256


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


def written(folder, document):
    (folder / "record.json").write_text(json.dumps(document))
    return folder


def document(**changes):
    """record.json of a run whose key is true to all that it stands for."""
    manifest = data_manifest()
    asked = run(data=manifest.fingerprint, **changes)
    return content(asked, data=manifest).model_dump(mode="json")


def test_a_record_comes_back_as_it_was_written(tmp_path):
    record = read_record(written(tmp_path, document()))
    assert record.content.model_dump(mode="json") == document()
    assert (record.run.settings, record.content.lpips.version, record.written_as) == ({"width": 8}, None, 2)
    assert record.content.spot_check is None


def test_a_record_of_another_format_is_told(tmp_path):
    with pytest.raises(UserError, match="has format 99"):
        read_record(written(tmp_path, {"format": 99}))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lpips": {"version": None, "reason": ""}}, "not a complete record (lpips: Value error, either a version"),
        ({"notes": None}, "not a complete record (notes: "),
        ({"surprise": 1}, "not a complete record (surprise: "),
        ({"format": 1}, "was altered: its key is"),
        ({"key": "0" * 12}, "was altered: its key is 000000000000, that of its run "),
        ({"data": data_manifest(resolution=32).model_dump()}, "was altered: its data manifest"),
        ({"mask_sets": {}}, "was altered: its mask sets"),
    ],
)
def test_a_record_that_is_not_whole_or_was_altered_is_told(tmp_path, change, words):
    with pytest.raises(UserError) as caught:
        read_record(written(tmp_path, document() | change))
    assert words in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [{"seed": 1}, {"settings": {"width": 9}}, {"code": "x"}, {"numbers": 1}])
def test_a_run_altered_in_its_record_is_refused(tmp_path, change):
    good = document()
    with pytest.raises(UserError, match="was altered: its key is"):
        read_record(written(tmp_path, good | {"run": good["run"] | change}))


@pytest.mark.parametrize("change", [{"notes": ["all is well"]}, {"command": "x"}, {"packages": {}}, {"sha256": "0"}])
def test_whatever_was_altered_since_a_record_was_written_is_told(tmp_path, change):
    good = sealed(document())
    assert read_record(written(tmp_path, good)).content.sha256 == good["sha256"]
    with pytest.raises(UserError, match="was altered since it was written"):
        read_record(written(tmp_path, good | change))


@pytest.mark.parametrize("name", ["../../x", "/x", "..", ""])
def test_a_name_in_a_record_is_never_a_path(tmp_path, name):
    one = content(run()).model_dump(mode="json")["mask_sets"]["center"]
    bad = document(mask_sets={name: one["sha256"]}) | {"mask_sets": {name: one}}
    with pytest.raises(UserError, match=f"'{re.escape(name)}' is not the name of data or of a mask set"):
        read_record(written(tmp_path, bad))
    bad = document(protocol=run().protocol.model_copy(update={"data": name}))
    with pytest.raises(UserError, match=f"'{re.escape(name)}' is not the name"):
        read_record(written(tmp_path, bad))


TABLES = {"scores": "mask_set,image,group,psnr\ncenter,007,1,25.5\n",
          "probes": "mask_set,image,group,repeat_l1\ncenter,007,1,0.5\n",
          "scalars": "stage,step,name,value\nfirst,1,loss,0.25\n"}  # fmt: skip


def with_tables(folder, tables=TABLES):
    for name, text in tables.items():
        (folder / f"{name}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return {f"{name}_sha256": sha256((folder / f"{name}.csv").read_bytes()) for name in tables}


def test_probes_and_curves_are_read_where_the_record_has_their_hash(tmp_path):
    hashes = with_tables(tmp_path)
    record = Record(tmp_path, content(run(), **hashes))
    assert record.scores.loc[0].to_list() == ["center", "007", "1", 25.5]
    assert record.probes.loc[0].to_list() == ["center", "007", "1", 0.5]
    assert record.rows("center", "repeat_l1")["repeat_l1"].to_dict() == {"007": 0.5}
    assert record.rows("random", "repeat_l1").empty
    assert record.scalars.loc[0].to_list() == ["first", 1, "loss", 0.25]
    older = Record(tmp_path, content(run(), scores_sha256=hashes["scores_sha256"]))
    assert (older.probes, older.scalars) == (None, None)
    assert older.rows("center", "repeat_l1").empty
    (tmp_path / "scalars.csv").write_text("changed")
    with pytest.raises(UserError, match=r"scalars\.csv is not the file that its record\.json was written for"):
        _ = Record(tmp_path, content(run(), **hashes)).scalars


def test_scores_that_were_edited_by_hand_are_refused(tmp_path):
    (tmp_path / "scores.csv").write_text("mask_set,image,group\n")
    record = Record(tmp_path, content(run(), scores_sha256="0" * 64))
    with pytest.raises(UserError, match="not the file that its record.json was written for"):
        _ = record.scores


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "is not a valid table"),
        (b"mask_set,image,group,psnr\n", "has no rows"),
        (b"mask_set,image,group,psnr\ncenter,\xff,1,2\n", "is not a valid table"),
        (b"mask_set,image,group,psnr\ncenter,a,1,2\ncenter,a,1,3\n", "has two rows for center, a"),
        (b"mask_set,image,group,psnr\ncenter,a,1,many\n", "has text instead of numbers in the column psnr"),
        (b"mask_set,image,group,psnr\ncenter,a,1,2,3,4\n", "rows longer than its header"),
        (b"image,psnr\na,1\n", "has no column mask_set"),
    ],
)
def test_a_table_that_is_none_is_told_in_one_line(tmp_path, text, words):
    record = Record(tmp_path, content(run(), **with_tables(tmp_path, {"scores": text})))
    with pytest.raises(UserError) as caught:
        _ = record.scores
    assert words in str(caught.value)
    assert str(tmp_path / "scores.csv") in str(caught.value)
    assert "\n" not in str(caught.value)


# ----------------------------------------------------------------------------------------------- records of format 1


def old_document(origin="run", **changes):
    """A record as version 0.1.0 wrote it, with the key that it gave it."""
    good = document(origin={"reference": "pretrained"}.get(origin, origin))
    asked = good["run"] | {"origin": origin, "suites": good["run"].pop("mask_sets")}
    asked["protocol"] = asked["protocol"] | {"suites": asked["protocol"].pop("mask_sets")}
    del asked["protocol"]["train_images"]  # which it did not have
    left_out = {"run": {"origin", "partial", "weights"}, "external": {"weights"}, "reference": {"partial"}}[origin]
    hashed = {name: value for name, value in asked.items() if name not in {"scale", "changes", "mask_sets"} | left_out}
    hashed["protocol"] = asked["protocol"] | {"data": "celeba"}
    hashed["protocol"] = {k: v for k, v in hashed["protocol"].items() if k not in ("probes", "probe_images")}
    key = sha256(json.dumps(hashed, sort_keys=True).encode())[:12]
    suites = {name: {k: v for k, v in one.items() if k not in ("mean_share", "files")}
              for name, one in good["mask_sets"].items()}  # fmt: skip
    old = {name: good[name] for name in ("data", "code", "packages", "hardware", "notes", "predictions_sha256")}
    command = "python -m bench evaluate m --suite center --seed 0"
    own = {"format": 1, "key": key, "run": asked, "command": command, "suites": suites, "training": {}}
    return old | own | {"leakage": {}, "lpips": "alex v0.1", "scores_sha256": "0"} | changes


def test_a_record_of_format_1_is_read_with_the_names_of_now(tmp_path):
    text = "suite,image,group,psnr,told_settled\ncenter,007,1,25.5,1\n"
    hashes = with_tables(tmp_path, {"scores": text})
    record = read_record(written(tmp_path, old_document(**hashes)))
    assert record.written_as == 1
    assert record.run.mask_sets == {"center": "s"}
    assert record.run.protocol.mask_sets == ("center",)
    assert record.content.key == record.run.key != old_document()["key"]
    assert (record.content.training, record.content.leakage, record.content.lpips.version) == (None, None, "alex v0.1")
    assert record.content.command == "python -m bench evaluate m --masks center --seed 0"
    assert record.content.mask_sets["center"].mean_share is None
    assert record.scores.columns.to_list() == ["mask_set", "image", "group", "psnr", "aux_settled"]
    assert record.mask_set("center")["psnr"].to_dict() == {"007": 25.5}


def test_references_of_format_1_are_pretrained_weights_now(tmp_path):
    facts = {"name": "n", "files": [], "licence": "MIT", "training": "elsewhere", "notes": []}
    lpips = "no weights: put them there"
    record = read_record(written(tmp_path, old_document("reference", reference=facts, lpips=lpips)))
    assert (record.run.origin, record.content.pretrained.licence) == ("pretrained", "MIT")
    assert (record.content.lpips.version, record.content.lpips.reason) == (None, lpips)


def test_an_altered_record_of_format_1_is_refused(tmp_path):
    old = old_document()
    with pytest.raises(UserError, match="was altered"):
        read_record(written(tmp_path, old | {"run": old["run"] | {"seed": 1}}))
    with pytest.raises(UserError, match="not a complete record of format 1"):
        read_record(written(tmp_path, {"format": 1}))
    del old["suites"]
    with pytest.raises(UserError, match="not a complete record"):
        read_record(written(tmp_path, old))


def test_the_published_records_are_read():
    kept = ROOT / "results" / "runs"
    records = [record for path in sorted(kept.glob("*/*/record.json")) if (record := read_record(path.parent))]
    assert records
    for record in records:
        assert set(record.scores["mask_set"]) == set(record.run.protocol.mask_set_names)
        if record.written_as == 1:
            assert not any(name.startswith(("suite", "told_")) for name in record.scores.columns)


def test_a_record_is_the_same_bytes_wherever_caches_and_weights_lie(bench, tmp_path, monkeypatch):
    monkeypatch.delenv("TORCH_HOME", raising=False)
    found = []
    for name in ("one", "two"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / name))
        assert bench("evaluate", "mean_fill", "--scale", "smoke", "--out", tmp_path / f"out-{name}")[0] == 0
        (path,) = (tmp_path / f"out-{name}" / "runs").rglob("record.json")
        found.append(path.read_text())
    assert found[0] == found[1]
    assert "no weights: put alexnet" in json.loads(found[0])["lpips"]["reason"]
