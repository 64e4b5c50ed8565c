import pytest
from invented import FLOORS, invent, protocol

from bench.report.chapters import gather
from bench.report.probed import probed_table
from bench.runs.records import find_records


@pytest.fixture(scope="module")
def chapter(small_paper, studio):
    return gather("p", small_paper, find_records(studio), FLOORS).chapters[0]


def test_every_method_has_its_means_in_the_order_of_the_leaderboard(chapter, studio):
    table = chapter.probed
    assert [one.line.name for one in table.lines] == [line.name for line in chapter.boards[0].lines]
    assert [metric.id for metric in table.metrics] == [
        "repeat_l1", "repeat_psnr", "amplify_noise", "amplify_brightness", "amplify_jpeg", "amplify_shift",
    ]  # fmt: skip
    own = next(one for one in table.lines if one.line.own)
    frames = [record.probes for record in find_records(studio) if (record.run.method, record.run.variant) == (
        "p", "default")]  # fmt: skip
    mean = sum(frame["repeat_l1"].mean() for frame in frames) / len(frames)
    assert len(frames) == 2
    assert own.mean("repeat_l1") == f"{mean:.2f}"
    assert own.range("repeat_l1").startswith("[1.")
    assert own.values["amplify_noise"].infinite == 1


def test_nothing_probed_is_no_table(small_paper, tmp_path, cache):
    records = [invent(tmp_path, cache, "p", protocol(mask_sets=("center",)), blur=1)]
    (chapter,) = gather("p", small_paper, records, FLOORS).chapters
    assert chapter.probed is None
    assert probed_table([]) is None


def test_an_oracle_is_told_as_one(small_paper, tmp_path, cache):
    for probes, told in ((("best_of",), True), (("repeat",), False)):
        asked = protocol(mask_sets=("center",), probes=probes)
        records = [invent(tmp_path / probes[0], cache, "p", asked, blur=1)]
        (chapter,) = gather("p", small_paper, records, FLOORS).chapters
        assert any("numbers stand on no leaderboard" in note for note in chapter.probed.notes) == told
        assert chapter.probed.metrics[0].title.startswith("Oracle") == told
        assert not any("best_of_10_psnr" in line.scores for board in chapter.boards for line in board.lines)


def test_one_probe_has_its_own_columns_only(small_paper, tmp_path, cache):
    asked = protocol(mask_sets=("center",), probes=("repeat",))
    (chapter,) = gather("p", small_paper, [invent(tmp_path, cache, "p", asked, blur=1)], FLOORS).chapters
    assert [metric.id for metric in chapter.probed.metrics] == ["repeat_l1", "repeat_psnr"]
    assert chapter.probed.images == 8
