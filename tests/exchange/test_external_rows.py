"""From the command line: a row made elsewhere beside those made here."""

import re

import cv2
import pytest
from invented import FLOORS, invent, paper, protocol
from kept import altered

from bench.claims import judge
from bench.claims.contenders import by_protocol, contenders
from bench.report.boards import leaderboards
from bench.report.chapters import gather
from bench.runs.records import find_records


@pytest.fixture
def met(bench, tmp_path):
    """OpenCV's own Telea, once as our floor and once as somebody's pictures, under one protocol."""
    ex, out = tmp_path / "ex", tmp_path / "out"
    code, printed, error = bench("export", "--data", "faces", "--scale", "smoke", "--out", ex)
    assert code == 0, error
    assert f"Next: {ex / 'README.txt'}" in printed
    for mask_set in ("center", "random", "irregular"):
        (tmp_path / "theirs" / mask_set).mkdir(parents=True)
        for path in (ex / mask_set / "images").iterdir():
            hole = cv2.imread(str(ex / mask_set / "masks" / path.name), cv2.IMREAD_GRAYSCALE)
            filled = cv2.inpaint(cv2.imread(str(path)), hole, 3, cv2.INPAINT_TELEA)
            cv2.imwrite(str(tmp_path / "theirs" / mask_set / path.name), filled)
    code, _, error = bench("evaluate", "telea", "--scale", "smoke", "--data", "faces", "--out", out)
    assert code == 0, error
    return ex, out, tmp_path / "theirs"


def test_the_same_method_from_elsewhere_has_the_very_same_scores(bench, met):
    ex, out, theirs = met
    code, printed, error = bench("score", ex, "--predictions", theirs, "--name", "mytool", "--out", out)
    assert code == 0, error
    records = {record.run.method: record for record in find_records(out)}
    ours, other = records["telea"].scores, records["mytool"].scores
    both = [name for name in ours if not name.endswith("_trunc")]  # pictures that came back were rounded or not by then
    assert set(ours) - set(other) == set(ours) - set(both)
    assert (ours[both] == other[both]).all(axis=None)
    assert len(by_protocol(list(records.values()))) == 1
    for row in ("mytool (external)", "telea"):
        assert len(re.findall(rf"^ +\S+  {re.escape(row)} ", printed, re.MULTILINE)) == 3, printed
    assert "external: scored from pictures" in printed
    assert "Known pixels: the truth's in all 18 pictures." in printed
    before = (records["mytool"].folder / "record.json").stat().st_mtime_ns
    code, again, _ = bench("score", ex, "--predictions", theirs, "--name", "mytool", "--out", out)
    assert code == 0
    assert printed.endswith(again)
    assert (records["mytool"].folder / "record.json").stat().st_mtime_ns == before


def test_errors_are_one_line_and_nothing_is_written(bench, met, tmp_path):
    ex, _, theirs = met
    (theirs / "center" / "face-000007.png").unlink()
    out = tmp_path / "none"
    for words, said in (
        (("score", ex, "--predictions", theirs, "--name", "x"), "face-000007.png"),
        (("score", ex, "--predictions", theirs, "--name", "telea"), "--name telea"),
        (("score", theirs, "--predictions", theirs, "--name", "x"), "no manifest.json"),
        (("score", ex, "--predictions", theirs / "no", "--name", "x"), "no such folder"),
    ):
        code, _, error = bench(*words, "--out", out)
        assert code == 2
        assert said in error
        assert len(error.strip().splitlines()) == 1, error
    assert not list(out.rglob("*.json"))
    code, _, error = bench("export", "--data", "faces", "--scale", "smoke", "--masks", "center", "--out", ex)
    assert code == 2
    assert "a different export" in error
    code, _, error = bench("export", "--data", "faces", "--scale", "smoke", "--images", "3", "--out", out)
    assert code == 2
    assert "leave out --scale" in error


def test_a_part_is_shown_and_never_ranked(bench, met):
    ex, out, theirs = met
    (theirs / "random" / "face-000007.png").unlink()
    code, printed, error = bench("score", ex, "--predictions", theirs, "--name", "some", "--out", out, "--partial")
    assert code == 0, error
    assert "5 of 6 images, not ranked" in printed
    records = find_records(out)
    assert [one.name for one in contenders(records)] == ["telea"]
    boards = {board.mask_set: board for board in leaderboards(records, "p", {"telea"})}
    assert [line.name for line in boards["random"].lines] == ["telea"]
    assert boards["random"].notes[0] == "some: only 5 of 6 images were returned, so it is not ranked"
    assert "not ranked" in boards["center"].notes[0]


@pytest.fixture
def records(tmp_path, cache):
    asked = protocol()
    made = [invent(tmp_path, cache, name, asked, blur) for name, blur in (("p", 1.0), ("flat", 9.0), ("smooth", 3.0))]
    best = invent(tmp_path, cache, "theirs", asked, 0.3)
    return [altered(best, run={"origin": "external"}), *made]


def test_external_rows_are_marked_and_no_verdict_rests_on_them(records):
    board = leaderboards(records, "p", FLOORS)[0]
    first = board.lines[0]
    assert (first.name, first.kind, first.floor, first.own) == (
        "theirs (external)", "scored from pictures", False, False,
    )  # fmt: skip
    assert first.leads["psnr"].mean > 0
    without = judge(paper(), "p", records[1:], FLOORS)
    assert judge(paper(), "p", records, FLOORS) == without
    # One that bears a method's or a floor's name changes nothing either.
    for name in ("p", "smooth"):
        twin = altered(records[0], run={"method": name})
        board = leaderboards([twin, *records[1:]], "p", FLOORS)[0]
        assert board.best_floors["psnr"] == "smooth"
        assert [line.name for line in board.lines if line.own] == ["p"]
        assert judge(paper(), "p", [twin, *records[1:]], FLOORS) == without


def test_external_rows_alone_make_no_chapter(records):
    report = gather("p", paper(), records, FLOORS)
    assert len(report.chapters) == 1
    alone = altered(records[0], run={"scale": "custom"})
    assert len(gather("p", paper(), [alone, *records[1:]], FLOORS).chapters) == 1
    assert gather("p", paper(), [alone], FLOORS).chapters == []
