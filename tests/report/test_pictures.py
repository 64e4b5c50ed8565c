import io
import shutil
from dataclasses import replace

import numpy as np
from invented import FLOORS
from kept import altered
from PIL import Image

from bench.data import load
from bench.masks.sets import mask_set
from bench.report.chapters import gather
from bench.report.pictures import chosen, gallery
from bench.runs.shown import keep_raw, unconditional_path


def chapter(paper, records):
    return gather("p", paper, records, FLOORS).chapters[0]


def pixels(picture):
    return np.asarray(Image.open(io.BytesIO(picture.content)))


def test_rows_are_best_median_and_worst_by_psnr(records):
    record = next(one for one in records if one.run.method == "smooth")
    frame = record.mask_set("center")["psnr"].sort_values(ascending=False)
    found = {title: image for title, _, image in chosen(record, "center")}
    assert found == {"best": frame.index[0], "median": frame.index[3], "worst": frame.index[7]}
    for _, place, image in chosen(record, "center"):
        assert record.mask_set("center").index[place] == image


def test_pictures_show_truth_outside_the_hole_and_the_prediction_inside(small_paper, records, cache):
    one = chapter(small_paper, records)
    record = next(one for one in records if one.run.method == "flat")
    found = gallery(one, "p", FLOORS, cache)
    data = load(one.run.protocol, cache)
    for grid in found.grids:
        for row in grid.rows:
            truth, damaged, _, _, flat, *_ = (pixels(picture) for picture in row.pictures)
            hole = mask_set(grid.mask_set).hole(row.image, 64, 64)
            assert (truth == data.test.pixels[data.test.ids.index(row.image)].transpose(1, 2, 0)).all()
            assert (damaged[~hole] == truth[~hole]).all()
            assert len(np.unique(damaged[hole])) == 2
            prediction = record.predictions(grid.mask_set)[list(record.mask_set(grid.mask_set).index).index(row.image)]
            assert (flat[hole] == prediction.transpose(1, 2, 0)[hole]).all()
            assert (flat[hole] != truth[hole]).any()
            assert (flat[~hole] == truth[~hole]).all()
    assert [picture.caption for picture in found.grids[0].rows[0].pictures] == [
        "truth", "damaged", "p", "p, raw", "flat", "smooth", "p (other)",
    ]  # fmt: skip
    assert found.grids[0].rows[0].pictures[2].value == "exact"
    assert found.grids[0].rows[2].pictures[2].value.endswith(" dB")


def test_the_papers_own_raw_picture_stands_beside_its_composite(small_paper, records, cache):
    one = chapter(small_paper, records)
    record = next(each.records[0] for each in one.field if each.method == "p" and each.variant == "default")
    for grid in gallery(one, "p", FLOORS, cache).grids:
        for row in grid.rows:
            truth, _, composite, raw = (pixels(picture) for picture in row.pictures[:4])
            hole = mask_set(grid.mask_set).hole(row.image, 64, 64)
            assert (raw[hole] == composite[hole]).all()
            scores = record.mask_set(grid.mask_set).loc[row.image]
            error = ((raw.astype(float) - truth) ** 2).mean()
            psnr = 10 * np.log10(255**2 / error) if error else np.inf
            assert psnr == np.inf or abs(psnr - scores["psnr_raw"]) < 1e-9
            assert row.pictures[3].value == ("exact" if psnr == np.inf else f"{psnr:.2f} dB")


def elsewhere(one, folder):
    """The chapter with the own record of `p` in a copy of its folder, and that record."""
    own = next(each.records[0] for each in one.field if each.method == "p" and each.variant == "default")
    shutil.copytree(own.folder, folder)
    moved = replace(own, folder=folder)
    return replace(one, records=[moved if each is own else each for each in one.records]), moved


def test_a_raw_picture_that_is_not_the_composites_is_not_shown(small_paper, records, cache, tmp_path):
    one, record = elsewhere(chapter(small_paper, records), tmp_path / "run")
    frame = record.mask_set("center").reset_index()
    keep_raw(record.folder, "center", np.zeros((len(frame), 3, 64, 64), np.uint8), frame)
    center, random = gallery(one, "p", FLOORS, cache).grids
    assert "p, raw" not in [picture.caption for row in center.rows for picture in row.pictures]
    assert "p, raw" in [picture.caption for row in random.rows for picture in row.pictures]


def test_samples_of_the_papers_own_method_are_shown(small_paper, records, cache, tmp_path):
    one, record = elsewhere(chapter(small_paper, records), tmp_path / "run")
    assert gallery(one, "p", FLOORS, cache).samples == []
    drawn = np.random.default_rng(0).integers(0, 256, (3, 3, 16, 16), np.uint8)
    np.save(unconditional_path(record.folder), drawn)
    found = [pixels(picture) for picture in gallery(one, "p", FLOORS, cache).samples]
    assert (np.stack(found) == drawn.transpose(0, 2, 3, 1)).all()


def test_changed_data_are_not_shown(small_paper, records, cache):
    one = chapter(small_paper, records)
    other = replace(one, records=[altered(record, run={"data": "0" * 64}) for record in one.records])
    found = gallery(other, "p", FLOORS, cache)
    assert found.grids == []
    assert "no longer the one that was scored" in found.missing
