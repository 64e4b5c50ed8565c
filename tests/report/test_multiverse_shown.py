import io

import numpy as np
import pandas as pd
import pytest
from docket import IMAGES, NOISE, paper, recorder
from invented import FLOORS
from PIL import Image

import bench.claims.multiverse as universes
from bench.api.reproduction import MULTIVERSE, Reproduction
from bench.claims.multiverse import CHOICES, Multiverse
from bench.report import gather
from bench.report.chapters import Chapter
from bench.report.markdown import claims_page
from bench.report.multiverse import curve, line, percent, rows
from bench.report.page import page
from bench.runs.records import find_records

ORDER = {
    "id": "ahead", "kind": "order", "section": "1", "statement": "s", "better": "variant:default",
    "worse": "variant:other", "metric": "psnr", "mask_sets": ["center"], "margin": 0.1,
}  # fmt: skip


@pytest.fixture
def report(tmp_path):
    make = recorder(tmp_path)
    records = [make("p", IMAGES + 1 + NOISE, seed=seed, ssim=0.8 + NOISE / 99, l1=2.0) for seed in range(3)]
    records += [make("p", IMAGES, "other", seed=seed, ssim=0.7, l1=1.0) for seed in range(3)]
    return gather("p", paper(ORDER), records, FLOORS)


@pytest.fixture
def one(report):
    return report.chapters[0].multiverses[0]


def test_the_line_says_how_often_it_holds_and_what_flips_it(one):
    # PSNR, SSIM and L1; two mask sets; all images and halves of them; three seeds and all.
    assert line(one) == "Holds in 67 % of 72 universes; flipped by the metric l1 (0 %)."
    assert rows([one], [finding(one)]) == [("ahead", "supported", "72", "67 %", "the metric l1 (0 %)")]


def finding(one):
    class Told:
        claim, said = one.claim, "supported"

    return Told


def test_lines_of_all_none_many_and_half(one):
    def told(**columns):
        return line(Multiverse(one.claim, one.universes.assign(**columns)))

    assert told(holds=True) == "Holds in all 72 universes."
    assert told(holds=False) == "Holds in none of 72 universes."
    everywhere = one.universes.assign(holds=np.arange(72) % 2 == 0)
    assert line(Multiverse(one.claim, everywhere)).startswith("Holds in 50 % of 72 universes; no single choice")
    names = pd.MultiIndex.from_product([[f"m{place}" for place in range(9)], *(["a", "b"],) * 3], names=CHOICES)
    many = Multiverse(one.claim, names.to_frame(index=False).assign(holds=lambda table: table["metric"] > "m3"))
    said = "Holds in 56 % of 72 universes; flipped by the metrics m0 (0 %), m1 (0 %), m2 (0 %) and 1 more."
    assert line(many) == said


def test_a_share_is_all_or_none_only_where_it_is():
    assert [percent(share) for share in (0.0, 0.001, 0.5, 0.999, 1.0)] == ["0 %", "1 %", "50 %", "99 %", "100 %"]


def test_the_curve_is_the_same_bytes_and_has_both_colours(one):
    figure = curve(one)
    assert figure.png == curve(one).png
    assert figure.alt.endswith(line(one))
    pixels = np.asarray(Image.open(io.BytesIO(figure.png)))[..., :3].reshape(-1, 3)
    for colour in ((0x2F, 0x6F, 0x8F), (0xC8, 0x74, 0x2C)):
        assert (pixels == colour).all(axis=1).sum() > 50
    held = Multiverse(one.claim, one.universes.assign(holds=True, effect=one.universes["effect"].abs()))
    pixels = np.asarray(Image.open(io.BytesIO(curve(held).png)))[..., :3].reshape(-1, 3)
    assert not (pixels == (0xC8, 0x74, 0x2C)).all(axis=1).any()


def test_claims_page_has_a_row_for_each_order(report):
    text = claims_page(report)
    assert "### What the orders hang on" in text
    assert f"| ahead | {report.chapters[0].findings[0].said} | 72 | 67 % | the metric l1 (0 %) |" in text


def test_verdicts_stay_what_they_are(report):
    (found,) = report.chapters[0].findings
    assert found.verdict == "supported"


def test_reproduction_gives_it_as_a_table(report):
    table = Reproduction(report, ()).multiverse
    assert list(table.columns) == MULTIVERSE
    assert len(table) == 72
    assert (table["data"] == "faces").all()
    assert table.query("metric == 'l1'")["holds"].sum() == 0
    empty = Reproduction(gather("p", paper(ORDER), [], FLOORS), ()).multiverse
    assert (list(empty.columns), len(empty)) == (MULTIVERSE, 0)


def test_page_has_a_fold_for_each_order_that_was_run(studio, small_paper, cache, monkeypatch):
    monkeypatch.setattr(universes, "FEWEST_GROUPS", 2)
    report = gather("p", small_paper, find_records(studio), FLOORS)
    (chapter,) = report.chapters
    assert isinstance(chapter, Chapter)
    ids = [one.claim.id for one in chapter.multiverses]
    assert ids == ["beats", "ablation", "robust"]  # of untried the worse side was not run
    assert set(chapter.multiverses[2].universes["metric"]) == {"amplify_noise"}
    text = page(report, FLOORS, cache, ["again"])
    folds = text.split("<h3>What the orders hang on</h3>")[1].split("<h3>Figures</h3>")[0]
    assert folds.count("<details>") == folds.count("<img") == 3
    for one in chapter.multiverses:
        assert line(one).replace(" %", "\u00a0%") in folds


def test_a_page_of_few_images_has_none(studio, small_paper):
    report = gather("p", small_paper, find_records(studio), FLOORS)
    assert report.chapters[0].multiverses == []
    assert "What the orders hang on" not in claims_page(report)
    assert pd.DataFrame(columns=MULTIVERSE).equals(Reproduction(report, ()).multiverse)
