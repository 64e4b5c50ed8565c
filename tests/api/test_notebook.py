"""A notebook's worth of work, cell after cell: does my method beat the floors on the paper's own images?"""

import numpy as np
import pandas as pd

from bench import Inpainter, evaluate, metrics


class Blur(Inpainter):
    """The mean of the known pixels of each row."""

    def inpaint(self, image, hole, seed):
        known = (~hole).float()
        mean = (image * known).sum(-1, keepdim=True) / known.sum(-1, keepdim=True).clamp(min=1)
        return image * known + mean * (1 - known)


def test_one_method_beside_the_floors(tmp_path, cache):
    # Cell 1: score mine, then the floors, on the same images.
    where = {"data": "faces", "scale": "smoke", "mask_sets": ["center"], "cache": cache}
    mine = evaluate(Blur(), **where)
    floors = [evaluate(key, out=tmp_path, **where) for key in ("mean_fill", "harmonic")]

    # Cell 2: one table.
    table = pd.concat([one.summary("psnr") for one in (mine, *floors)]).set_index("method")
    assert table.index.to_list() == ["Blur", "mean_fill", "harmonic"]
    assert table.loc["harmonic", "mean"] > table.loc["mean_fill", "mean"]
    assert (table["n"] == 6).all()

    # Cell 3: image by image.
    scores = pd.concat([one.scores for one in (mine, *floors)]).pivot(index="image", columns="method", values="psnr")
    gains = scores["harmonic"] - scores["Blur"]
    assert np.isclose(gains.mean(), table.loc["harmonic", "mean"] - table.loc["Blur", "mean"])

    # Cell 4: a picture's numbers by hand are those of the record.
    record = floors[1].record
    filled = record.predictions("center")
    from bench.data import load
    from bench.masks.sets import mask_set

    test = load(record.run.protocol, cache).test
    hole = mask_set("center").holes(test.ids, *test.pixels.shape[-2:])
    by_hand = metrics.compute(np.asarray(test.pixels), np.asarray(filled), hole, "ssim")
    assert by_hand["ssim"].to_list() == floors[1].scores["ssim"].to_list()
