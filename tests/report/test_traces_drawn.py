import io

import pytest
from invented import FLOORS
from matplotlib import pyplot
from PIL import Image

from bench.report.chapters import gather
from bench.report.traces import trace_figures
from bench.runs.records import find_records


@pytest.fixture(scope="module")
def chapters(small_paper, studio):
    return gather("p", small_paper, find_records(studio), FLOORS).chapters


@pytest.fixture
def claim(small_paper):
    return next(claim for claim in small_paper.claims if claim.id == "calm")


def test_a_trace_is_drawn_with_both_sides(chapters, claim):
    (figure,) = trace_figures(chapters, "p", claim)
    assert figure.title == "adversarial/critic: Drawn faces, quick scale, 64 px"
    assert "default against other; the last 10 % of the steps shaded" in figure.alt
    assert Image.open(io.BytesIO(figure.png)).size[0] > 400
    assert pyplot.get_fignums() == []
    (again,) = trace_figures(chapters, "p", claim)
    assert again.png == figure.png
    (alone,) = trace_figures(chapters, "p", claim.model_copy(update={"against": None, "share": None}))
    assert alone.png != figure.png


def test_a_curve_that_is_not_there_is_not_drawn(chapters, claim):
    assert trace_figures(chapters, "p", claim.model_copy(update={"scalar": "absent"})) == []
    assert trace_figures(chapters, "p", claim.model_copy(update={"of": "method:flat", "against": None})) == []
    assert trace_figures([], "p", claim) == []
