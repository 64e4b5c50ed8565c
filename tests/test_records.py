import json

import pytest

from bench.errors import UserError
from bench.protocol import Protocol
from bench.records import Run, find_records, read_record


def run(**changes):
    protocol = {"data": "celeba=/here", "resolution": 64, "images": 9, "split": (7, 1, 1), "test_images": 1}
    values = {
        "method": "m",
        "scale": "quick",
        "seed": 0,
        "settings": {"width": 8},
        "protocol": Protocol(**protocol, suites=("center",)),
        "code": "c",
        "data": "d",
        "suites": {"center": "s"},
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
        run(suites={"center": "x"}),
        run(numbers=0),
        run(protocol=run().protocol.model_copy(update={"resolution": 32})),
    ]
    assert len({one.key for one in [run(), *moved]}) == len(moved) + 1
    elsewhere = run().protocol.model_copy(update={"data": "celeba=/there"})
    assert run(protocol=elsewhere).key == run().key
    assert run(scale="smoke").key == run().key


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


def test_scores_that_were_edited_by_hand_are_refused(tmp_path):
    content = {"format": 1, "run": run().model_dump(mode="json"), "scores_sha256": "0" * 64}
    (tmp_path / "record.json").write_text(json.dumps(content))
    (tmp_path / "scores.csv").write_text("suite,image,group\n")
    record = read_record(tmp_path)
    with pytest.raises(UserError, match="not the file that its record.json was written for"):
        _ = record.scores
