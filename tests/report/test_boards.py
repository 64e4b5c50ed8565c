from dataclasses import replace

import numpy as np
import pytest
from docket import IMAGES, NOISE, recorder, thrice
from invented import FLOORS
from kept import altered, mask_set_manifest
from scipy.stats import t as student

from bench.metrics.definitions import DEFINITIONS
from bench.report.boards import leaderboards
from bench.report.chapters import gather
from bench.report.words import budget_text, count_text, lead_text, mean_text


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
    assert boards["center"].best["psnr"] == "p"


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
    assert other.high - other.mean < 0.02
    assert [one.images_only for one in board.lines] == [False, True, False, False]
    said = "cover images and training seeds for p, and images only for p (other), with fewer than 3 seeds"
    assert board.notes == [f"Intervals of leads {said}."]


def test_what_the_intervals_of_leads_are_over_is_told_where_all_are_alike(tmp_path):
    make = recorder(tmp_path)
    floor, seeds = make("flat", IMAGES), thrice(make, IMAGES + 1)
    notes = [leaderboards(records, "p", FLOORS)[0].notes for records in ([floor, *seeds], [floor, *seeds[:2]], [floor])]
    over_both = "Intervals of leads cover images and training seeds."
    assert notes == [[over_both], ["Intervals of leads cover images only: no training has 3 seeds."], []]


def test_tv_is_best_where_it_is_closest_to_the_truths(boards, records):
    board = boards["center"]

    def distance(one):
        frames = [record.mask_set("center") for record in one.contender.records]
        return np.mean([(frame["tv"] - frame["tv_truth"]).abs().mean() for frame in frames])

    assert board.best["tv"] == min(board.lines, key=distance).name
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
