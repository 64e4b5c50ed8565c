"""The health of the contenders on pages, in the terminal and in Python."""

import io

import pytest
from invented import FLOORS
from matplotlib import pyplot
from PIL import Image
from rich.console import Console

from bench.api.reproduction import Reproduction
from bench.report import print_health, write_report
from bench.report.chapters import gather
from bench.report.health import HEADINGS, NOTE, TITLE, health_figures, health_lines
from bench.runs.records import find_records


@pytest.fixture(scope="module")
def report(small_paper, studio):
    return gather("p", small_paper, find_records(studio), FLOORS)


@pytest.fixture(scope="module")
def lines(report):
    return health_lines(report.chapters[0], "p")


def test_trained_contenders_are_listed_with_their_state_and_floors_are_not(lines):
    assert [(line.contender.name, line.state, line.own) for line in lines] == [
        ("p", "well", True),
        ("p (other)", "not well", False),
    ]
    cells = dict(zip(HEADINGS, lines[1].cells, strict=True))
    assert cells["Trained on"] == "320 images, 1 seed"
    assert cells["End of each stage (dB)"].startswith("reconstruction 20.0")
    assert ", adversarial 18.0" in cells["End of each stage (dB)"]
    assert cells["Mean colour (dB)"] == "15.00"
    assert cells["State"].startswith("not well: its last stage adversarial ends −2.0")


def test_pages_and_terminal_show_the_same(report, lines, tmp_path, cache):
    page, board, _ = (path.read_text() for path in write_report(tmp_path, report, FLOORS, cache))
    console = Console(file=io.StringIO(), width=240)
    print_health(console, lines)
    for text in (page, board, console.file.getvalue()):
        assert TITLE in text
        assert "not well: its last stage adversarial ends" in " ".join(text.split())
    assert NOTE in board
    assert page.count('alt="Held-out PSNR in the hole of') == 2
    print_health(console, [])


def test_each_measured_contender_has_a_curve(lines):
    figures = health_figures(lines)
    assert [figure.title for figure in figures] == ["p: well", "p (other): not well"]
    assert Image.open(io.BytesIO(figures[0].png)).size[0] > 400
    assert figures[0].png != figures[1].png
    assert health_figures(lines)[0].png == figures[0].png
    assert pyplot.get_fignums() == []


def test_python_has_a_row_for_each_stage(report):
    table = Reproduction(report, ()).health.set_index(["method", "stage"])
    assert list(table.index) == [
        (method, stage) for method in ("p", "p (other)") for stage in ("reconstruction", "adversarial")
    ]
    assert table.loc["p", "well"].tolist() == [True, True]
    end = table.loc["p (other)", "adversarial"]
    assert not end["well"]
    assert end["low"] < end["psnr_hole"] < end["high"] < 18.2
    assert end["why"].startswith("its last stage adversarial")
    assert end["images"] == 320
