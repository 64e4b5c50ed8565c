import base64
import re
from pathlib import Path

import pytest
from invented import FLOORS, invent, protocol
from markup import parsed

from bench.report import gather, write_report
from bench.report.markdown import claims_page, grid
from bench.report.page import how
from bench.runs.records import find_records

COMMAND = "python -m bench reproduce p"


def write(out, paper, records, cache):
    paths = write_report(out, gather("p", paper, records, FLOORS), FLOORS, cache)
    assert [path.name for path in paths] == ["index.html", "leaderboard.md", "claims.md"]
    return [path.read_text() for path in paths]


@pytest.fixture(scope="module")
def pages(studio, cache, small_paper):
    return write(studio, small_paper, find_records(studio), cache)


def test_page_is_whole_and_asks_nobody_for_anything(pages):
    tags = parsed(pages[0])
    assert not [tag for tag, _ in tags if tag in ("script", "link", "iframe", "object")]
    for tag, attributes in tags:
        for name in ("src", "srcset", "poster"):
            assert attributes.get(name, "data:").startswith("data:"), tag
    assert not re.search(r"@import|url\(", pages[0])
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for tag, attributes in tags if tag == "a"]
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)


def test_page_shows_pictures_and_figures(pages):
    images = [attributes for tag, attributes in parsed(pages[0]) if tag == "img"]
    assert all(attributes["alt"] for attributes in images)
    for attributes in images:
        assert base64.b64decode(attributes["src"].partition("base64,")[2]).startswith(b"\x89PNG")
    # 2 mask sets x 3 rows x (truth, damaged, 4 methods, the paper's raw result), 5 metrics, 4 training scalars, a claim
    # about one, 2 of health
    assert len(images) == 42 + 5 + 4 + 1 + 2


def test_page_escapes_what_the_paper_says(pages):
    assert "<script>" not in pages[0]
    assert "&lt;script&gt;alert(1)" in pages[0]
    assert "On &lt;holes&gt;" in pages[0]


def test_page_tells_the_answer_first_and_the_rest(pages):
    page = pages[0]
    order = ["short answer", 'id="claims"', 'id="protocol-1"', 'id="reported"', 'id="ledger"', 'id="provenance"']
    places = [*(page.index(text) for text in order), page.rindex(COMMAND)]
    assert places == sorted(places)
    assert "This is a quick run." in page.replace("</b>", "").replace("<b>", "")
    assert "Beauty has no measure." in page
    assert "0123456789 with changes fedcba98" in page
    assert "225 235" in page  # parameters
    assert "no weights: put alexnet" in page
    assert page.count('<td class="num">320 images</td>') == 4  # default and variant on two mask sets


def test_reported_numbers_stand_apart_with_their_constant(pages):
    apart = pages[0][pages[0].index('id="reported"') :]
    assert "Reported by the paper (other data, masks, scale: not comparable)" in apart
    for text in ("13.57", "124.05", "75.83", "its own paper"):
        assert text in apart
    measured = pages[0][pages[0].index('id="protocol-1"') : pages[0].index('id="reported"')]
    assert "13.57" not in measured


def test_same_records_same_bytes(pages, studio, cache, small_paper, tmp_path):
    again = write(tmp_path, small_paper, find_records(studio)[::-1], cache)
    assert again == pages


def test_no_path_of_this_machine_and_no_date(pages, studio):
    for page in pages:
        assert str(studio) not in page
        assert not re.search(r"\b20[0-9]{2}-[01][0-9]-[0-3][0-9]\b", page)


def test_markdown_tables_are_tables(pages):
    for page in pages[1:]:
        tables = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)
        assert tables
        for table in tables:
            columns = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
            assert len(columns) == 1
    assert "**" in pages[1]
    assert "smooth (floor)" in pages[1]
    assert re.search(r"^\| p \(this paper\) \|.* 320 images \|$", pages[1], re.MULTILINE)
    assert re.search(r"^\| flat \(floor\) \|.* images, 1 seed \| +\|$", pages[1], re.MULTILINE)
    assert "## Reported by the paper (other data, masks, scale: not comparable)" in pages[1]


def test_grid_escapes_bars_line_breaks_and_tags():
    assert grid(["a"], [["x|y\n<b>"]]) == ["| a |", "| --- |", "| x\\|y &lt;b> |"]


def test_claims_page_without_records(small_paper):
    text = claims_page(gather("p", small_paper, [], FLOORS))
    assert text == Path(__file__).with_name("claims_without_records.md").read_text()


def test_page_without_records(small_paper, tmp_path, cache):
    page, board, _ = write(tmp_path, small_paper, [], cache)
    parsed(page)
    assert "Nothing measured yet" in page
    assert f"Nothing has been measured yet. Run `{COMMAND}`." in board


def test_page_says_why_there_are_no_pictures(small_paper, tmp_path, cache):
    asked = protocol(mask_sets=("center", "random"))
    record = invent(tmp_path, cache, "p", asked, blur=1)
    (record.folder / "predictions" / "random.npy").unlink()
    page, *_ = write(tmp_path, small_paper, [record], cache)
    parsed(page)
    assert "No pictures: " in page
    assert "random.npy is missing" in page


def test_two_protocols_are_two_chapters(small_paper, studio, tmp_path, cache):
    asked = protocol(mask_sets=("center", "random"))
    smoke = [invent(tmp_path, cache, "p", asked, blur=1, scale="smoke", variant=name) for name in ("default", "other")]
    report = gather("p", small_paper, [*smoke, *find_records(studio)], FLOORS)
    assert [chapter.run.scale for chapter in report.chapters] == ["quick", "smoke"]
    claims = claims_page(report)
    assert "a smoke run tests the machinery and is never evidence" in claims


def test_how_a_claim_is_checked(small_paper):
    said = {claim.id: how(claim, small_paper) for claim in small_paper.claims}
    assert said["beats"] == "default ahead of best floor in PSNR by more than 0.1 dB on center, random."
    assert said["cell"] == "PSNR of Ours within 0.5 of 19.32 on random."
    assert said["bright"] == "Mean PSNR of default above 20 dB on random."
    assert said["calm"].startswith("Size of critic of default in stage adversarial, median over the last 10 %")
    assert said["large"] == "PSNR of default falls with the hole's share, image by image, on random."
    assert said["robust"].startswith("default ahead of best floor in Amplification under noise by more than 0 on")
    assert said["beauty"] == ""


def test_page_and_markdown_show_what_was_probed(pages):
    chapter = pages[0][pages[0].index('id="protocol-1"') : pages[0].index('id="reported"')]
    for text in (chapter, pages[1]):
        apart = text[text.index("Repeatability and robustness") :]
        assert "Spread of L1 in the hole" in apart
        assert "Amplification under a shift" in apart
        assert "The first 8 test images, mask set center." in apart
        assert "Amplification under noise, images left out of the mean because it is not finite: 1 of p, 1 of" in apart
        assert "The intervals rest on 8 groups" in apart
    assert pages[0].count("sigma 2 / 255") == 1  # among the definitions


def test_claims_about_runs_are_told_with_what_they_rest_on(pages):
    for page in (pages[0].replace("\u00a0", " "), pages[2]):
        assert "random: p " in page
        assert "adversarial: p, critic: median size" in page
        assert "p, rank correlation with the hole's share" in page.replace("&#39;", "'")
        assert "of the median size of p (other)" in page


def test_a_verdict_on_a_reading_is_told_and_counted_apart_with_its_objection(small_paper, tmp_path, cache):
    read = {"basis": "reading", "reading": "Not said; <i>k</i> tells.", "objection": "A <b>typo</b>.", "answer": "Ask."}
    claims = [one.model_copy(update=read) if one.id == "scale" else one for one in small_paper.claims]
    page, _, listed = write(tmp_path, small_paper.model_copy(update={"claims": claims}), [], cache)
    assert "✗) contradicted under our reading" in page
    assert "<b>Our reading.</b> Not said; &lt;i&gt;k&lt;/i&gt; tells." in page
    assert "<b>An author could object:</b> A &lt;b&gt;typo&lt;/b&gt;. <b>Answered by:</b> Ask." in page
    assert "As stated: 1 not comparable, 8 not attempted; under our reading: 1 contradicted." in listed
    assert "(✗) contradicted under our reading" in listed
    assert "A &lt;b>typo&lt;/b>. Answered by: Ask." in listed
