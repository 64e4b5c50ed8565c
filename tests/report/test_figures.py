import io

import matplotlib as mpl
import numpy as np
import pytest
from invented import FLOORS
from matplotlib import pyplot
from PIL import Image

from bench.report.chapters import gather
from bench.report.figures import score_figures, training_figures
from bench.runs.records import find_records


@pytest.fixture(scope="module")
def chapter(small_paper, studio):
    return gather("p", small_paper, find_records(studio), FLOORS).chapters[0]


def test_score_figures_leave_no_trace(chapter):
    before = dict(mpl.rcParams)
    figures = score_figures(chapter.boards)
    assert [figure.title for figure in figures] == [
        "PSNR (dB) ↑", "SSIM ↑", "L1 (%) ↓", "L1 in the hole (%) ↓", "TV (grey levels) →",
    ]  # fmt: skip
    assert dict(mpl.rcParams) == before
    assert pyplot.get_fignums() == []
    image = Image.open(io.BytesIO(figures[0].png))
    assert set(image.info) <= {"dpi"}
    assert np.asarray(image)[0, 0, 3] == 0  # transparent, so that the page can turn it dark


def test_training_figures_are_the_methods_own_scalars(chapter):
    figures = training_figures(chapter, "p")
    assert [figure.title for figure in figures] == ["l1_hole", "l1_known", "critic", "gradient_penalty"]
    assert len({figure.png for figure in figures}) == 4
    assert training_figures(chapter, "flat") == []
