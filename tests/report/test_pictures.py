import io
from dataclasses import replace

import numpy as np
from invented import FLOORS
from kept import altered
from PIL import Image

from bench.data import load
from bench.masks.sets import mask_set
from bench.report.chapters import gather
from bench.report.pictures import chosen, gallery


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
            truth, damaged, _, flat, *_ = (pixels(picture) for picture in row.pictures)
            hole = mask_set(grid.mask_set).hole(row.image, 64, 64)
            assert (truth == data.test.pixels[data.test.ids.index(row.image)].transpose(1, 2, 0)).all()
            assert (damaged[~hole] == truth[~hole]).all()
            assert len(np.unique(damaged[hole])) == 2
            prediction = record.predictions(grid.mask_set)[list(record.mask_set(grid.mask_set).index).index(row.image)]
            assert (flat[hole] == prediction.transpose(1, 2, 0)[hole]).all()
            assert (flat[hole] != truth[hole]).any()
            assert (flat[~hole] == truth[~hole]).all()
    assert [picture.caption for picture in found.grids[0].rows[0].pictures] == [
        "truth", "damaged", "p", "flat", "smooth", "p (other)",
    ]  # fmt: skip
    assert found.grids[0].rows[0].pictures[2].value == "exact"
    assert found.grids[0].rows[2].pictures[2].value.endswith(" dB")


def test_changed_data_are_not_shown(small_paper, records, cache):
    one = chapter(small_paper, records)
    other = replace(one, records=[altered(record, run={"data": "0" * 64}) for record in one.records])
    found = gallery(other, "p", FLOORS, cache)
    assert found.grids == []
    assert "no longer the one that was scored" in found.missing
