from dataclasses import replace

import numpy as np
import pytest
import scikit_posthocs
from docket import IMAGES, NOISE, paper, recorder, thrice
from invented import FLOORS
from kept import altered, mask_set_manifest
from matplotlib import pyplot
from scipy.stats import rankdata
from scipy.stats import t as student

from bench.api.reproduction import Reproduction
from bench.claims.contenders import best
from bench.metrics.definitions import DEFINITIONS
from bench.report import differences
from bench.report.boards import leaderboards
from bench.report.chapters import gather
from bench.report.markdown import leaderboard_page
from bench.report.words import budget_text, count_text, lead_text, mean_text, rank_text


def line(board, name):
    return next(one for one in board.lines if one.name == name)


@pytest.fixture
def boards(records):
    return {board.mask_set: board for board in leaderboards(records, "p", FLOORS)}


def test_rows_stand_by_psnr_and_say_what_they_are(boards):
    # The variant is the blurrier filling; the first image of p's seed 0 is exact.
    assert [one.name for one in boards["center"].lines] == ["p", "p (other)", "smooth", "flat"]
    assert [one.kind for one in boards["center"].lines] == ["this paper", "", "floor", "floor"]
    assert boards["center"].best_floors["psnr"] == "smooth"
    assert [one.rank for one in boards["center"].lines] == [(1, 4)] * 4  # eight images tell nobody apart
    assert boards["center"].best == {metric: set() for metric in ("psnr", "ssim", "l1", "l1_hole", "tv")}


def test_scores_are_the_means_of_the_records(boards, records):
    for name, mask_set in (("smooth", "center"), ("flat", "random")):
        frame = next(record for record in records if record.run.method == name).mask_set(mask_set)
        for metric in ("psnr", "ssim", "l1", "l1_hole", "tv"):
            assert line(boards[mask_set], name).scores[metric].mean == pytest.approx(frame[metric].mean(), rel=1e-12)


def test_lead_is_the_paired_difference_turned_so_that_more_is_better(boards, records):
    first, floor = (
        next(one for one in records if (one.run.method, one.run.variant) == key).mask_set("random")
        for key in (("p", "other"), ("smooth", "default"))
    )
    leads = line(boards["random"], "p (other)").leads
    assert leads["psnr"].mean == pytest.approx((first["psnr"] - floor["psnr"]).mean(), rel=1e-9)
    assert leads["l1"].mean == pytest.approx((floor["l1"] - first["l1"]).mean(), rel=1e-9)
    assert leads["psnr"].mean > 0
    assert leads["l1"].mean > 0


def test_leads_count_the_seeds_where_there_are_three(tmp_path):
    make = recorder(tmp_path)
    records = [make("p", IMAGES + shift, seed=seed) for seed, shift in enumerate((1.0, 2.0, 4.5))]
    records += [make("p", IMAGES + 2 + 0.1 * NOISE, "other", seed=seed) for seed in range(2)]
    records += [make("flat", IMAGES), make("smooth", IMAGES - 1)]
    board = leaderboards(records, "p", FLOORS)[0]
    lead = line(board, "p").leads["psnr"]
    half_width = student.ppf(0.975, 2) * np.std((1.0, 2.0, 4.5), ddof=1) / np.sqrt(3)
    assert (lead.mean, lead.high - lead.mean) == (pytest.approx(2.5), pytest.approx(half_width))
    other = line(board, "p (other)").leads["psnr"]
    borrowed = student.ppf(0.975, 2) * np.std((1.0, 2.0, 4.5), ddof=1) / np.sqrt(2)
    assert other.high - other.mean == pytest.approx(borrowed, rel=1e-3)
    assert not any(one.images_only for one in board.lines)
    assert board.notes == [
        "Intervals of leads cover images and training seeds.",
        "p (other) has fewer than 3 seeds: their spread is borrowed from p (3 seeds).",
    ]


def test_what_the_intervals_of_leads_are_over_is_told_where_all_are_alike(tmp_path):
    make = recorder(tmp_path)
    floor, seeds = make("flat", IMAGES), thrice(make, IMAGES + 1)
    notes = [leaderboards(records, "p", FLOORS)[0].notes for records in ([floor, *seeds], [floor, *seeds[:2]], [floor])]
    over_both = "Intervals of leads cover images and training seeds."
    alone = "† p: ranked by images only, and so told apart from floors alone."
    assert notes == [[over_both], ["Intervals of leads cover images only: no training has 3 seeds.", alone], []]


def test_tv_is_best_where_it_is_closest_to_the_truths(boards, records):
    board = boards["center"]

    def distance(one):
        frames = [record.mask_set("center") for record in one.contender.records]
        return np.mean([(frame["tv"] - frame["tv_truth"]).abs().mean() for frame in frames])

    assert (
        best([one.contender for one in board.lines], "center", DEFINITIONS["tv"]).name
        == min(board.lines, key=distance).name
    )
    assert board.tv_truth.mean == pytest.approx(records[0].mask_set("center")["tv_truth"].mean())


def test_infinite_values_are_told(boards):
    assert line(boards["center"], "p").scores["psnr"].infinite == 1
    assert "PSNR of p: infinite for 1 image, left out of the mean." in boards["center"].notes


def test_a_mask_sets_note_is_told(records):
    assert not any("stand in" in note for board in leaderboards(records, "p", FLOORS) for note in board.notes)
    noted = mask_set_manifest("random", records[0].run.mask_sets["random"])
    noted = noted.model_copy(update={"note": "These stand in for others."})
    sets = [record.content.mask_sets | {"random": noted} for record in records]
    records = [altered(record, mask_sets=one) for record, one in zip(records, sets, strict=True)]
    center, random = leaderboards(records, "p", FLOORS)
    assert "These stand in for others." not in center.notes
    assert random.notes[0] == "These stand in for others."


def test_words(boards):
    board = boards["center"]
    assert mean_text(line(board, "flat"), "lpips") == "no weights"
    assert lead_text(line(board, "smooth"), "psnr") == "best floor"
    assert count_text(line(board, "p")) == "8 images, 2 seeds"
    assert "lpips" not in board.best
    assert budget_text(line(board, "p")) == "320 images"  # (32 + 8) steps of 8
    assert budget_text(line(board, "flat")) == ""


def test_what_pictures_are_too_small_for(boards, monkeypatch):
    monkeypatch.setitem(DEFINITIONS, "lpips", replace(DEFINITIONS["lpips"], smallest_side=10_000))
    assert mean_text(line(boards["center"], "flat"), "lpips") == "too small"


def test_a_board_without_floors_has_no_leads(records):
    only = [record for record in records if record.run.method == "p"]
    (board, _) = leaderboards(only, "p", FLOORS)
    assert all(not one.leads for one in board.lines)
    assert leaderboards([], "p", FLOORS) == []


def test_gather_judges_measured_claims_by_chapter_and_the_others_once(small_paper, records):
    report = gather("p", small_paper, records, FLOORS)
    (chapter,) = report.chapters
    assert chapter.title == "Drawn faces, quick scale, 64 px"
    assert [one.claim.id for one in chapter.findings] == [
        "beats", "ablation", "untried", "bright", "calm", "large", "robust", "cell",
    ]  # fmt: skip
    assert [one.claim.id for one in report.settled] == ["scale", "beauty"]
    assert gather("p", small_paper, [], FLOORS).chapters == []
    assert len(gather("p", small_paper, [], FLOORS).settled) == 10


@pytest.fixture
def ranked(tmp_path):
    """p with seeds 0 to 2, its variant as good as itself, and two floors far below that differ in noise alone."""
    make = recorder(tmp_path)
    rng = np.random.default_rng(5)
    records = [make("p", IMAGES + 3 + rng.normal(0, 0.5, 200), seed=seed, ssim=0.9) for seed in range(3)]
    records += [make("p", IMAGES + 3 + rng.normal(0, 0.5, 200), "other", seed=seed, ssim=0.9) for seed in range(3)]
    records += [make("flat", IMAGES + rng.normal(0, 0.5, 200), ssim=0.5), make("smooth", IMAGES - 2 + NOISE, ssim=0.4)]
    return gather("p", demanded(), records, FLOORS)


def demanded():
    return paper({"id": "o", "kind": "order", "section": "1", "statement": "s", "better": "variant:default",
                  "worse": "best floor", "metric": "psnr", "mask_sets": ["center"]})  # fmt: skip


def test_equals_share_a_range_of_ranks_and_the_mark_of_the_best(ranked):
    board = ranked.chapters[0].boards[0]
    assert {one.name: rank_text(one) for one in board.lines} == {
        "p": "1–2", "p (other)": "1–2", "flat": "3", "smooth": "4",
    }  # fmt: skip
    assert (board.best["psnr"], board.best["ssim"]) == ({"p", "p (other)"}, {"p", "p (other)"})
    text = leaderboard_page(ranked, ["again"])
    rows = [row.split(" | ") for row in text.splitlines() if row.startswith(("| 1–2 |", "| 3 |", "| 4 |"))]
    assert [(row[0], row[2].startswith("**")) for row in rows[:4]] == [
        ("| 1–2", True), ("| 1–2", True), ("| 3", False), ("| 4", False),
    ]  # fmt: skip


def test_a_rank_without_seeds_is_marked_wherever_it_is_shown(tmp_path):
    make = recorder(tmp_path)
    records = [make("p", IMAGES + 3), make("q", IMAGES + 9), make("flat", IMAGES), make("smooth", IMAGES - 1 + NOISE)]
    report = gather("p", demanded(), records, FLOORS)
    lines = report.chapters[0].boards[0].lines
    assert [rank_text(one) for one in lines] == ["1–2†", "1–2†", "3", "4"]
    assert lead_text(lines[0], "psnr").endswith("(images only)")
    assert not lead_text(lines[3], "psnr").endswith("(images only)")


def test_leaderboards_as_tables_have_the_ranks(ranked):
    table = Reproduction(ranked, ()).leaderboards.query("mask_set == 'center' and metric == 'psnr'")
    assert dict(zip(table["method"], zip(table["rank_best"], table["rank_worst"], strict=True), strict=True)) == {
        "p": (1, 2), "p (other)": (1, 2), "flat": (3, 3), "smooth": (4, 4),
    }  # fmt: skip
    assert not table["images_only"].any()
    assert Reproduction(ranked, ()).leaderboard("center")["rank"].to_dict() == {
        "p": "1–2", "p (other)": "1–2", "flat": "3", "smooth": "4",
    }  # fmt: skip


def test_the_diagram_has_the_mean_ranks_and_the_same_bytes(ranked):
    board = ranked.chapters[0].boards[0]
    values = np.stack([one.contender.series("center", "psnr").values for one in board.lines])
    expected = (len(values) + 1 - rankdata(values, axis=0)).mean(axis=1)
    assert differences.mean_ranks(board).to_dict() == pytest.approx(
        dict(zip([one.name for one in board.lines], expected, strict=True))
    )
    assert differences.figure(board).png == differences.figure(board).png
    assert pyplot.get_fignums() == []


def test_no_diagram_where_nobody_is_told_apart(boards):
    assert differences.figure(boards["center"]) is None


def test_the_bars_of_the_diagram_join_those_that_are_not_told_apart(ranked, monkeypatch):
    board, seen = ranked.chapters[0].boards[0], {}

    def watched(ranks, p, **how):
        drawn = drawing(ranks, p, **how)
        seen.update(drawn, bars=[len(one.get_xdata()) for (one,) in drawn["crossbars"]])
        return drawn

    drawing = scikit_posthocs.critical_difference_diagram
    monkeypatch.setattr(scikit_posthocs, "critical_difference_diagram", watched)
    differences.figure(board)
    assert seen["bars"] == [2]
    assert {label.get_text().strip().split("  ")[0] for label in seen["labels"]} == {"p", "p (other)", "flat", "smooth"}
